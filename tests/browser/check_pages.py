# SPDX-License-Identifier: Apache-2.0
"""check_pages.py WORK short|long: uses the pages that tests/browser/run.sh has made, as people do."""
import base64
import csv
import json
import os
import pathlib
import re
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

work, long = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] == "long"
pictures = os.environ.get("QFA_SCREENSHOTS")

options = Options()
for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900",
             "--force-prefers-reduced-motion", "--hide-scrollbars", f"--user-data-dir={work}/profile"]:
    options.add_argument(flag)
options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
browser.set_script_timeout(60)
run = browser.execute_script


def eventually(condition, otherwise):
    """Events reach a page a moment after what they tell of."""
    for _ in range(100):
        if run(condition):
            return
        time.sleep(0.05)
    raise AssertionError(otherwise)


def quiet(where):
    """No error, no warning, nothing printed, and nothing fetched."""
    said = [line for line in browser.get_log("browser") if line["level"] != "DEBUG"]
    assert not said, f"{where}: {said}"
    assert run("return performance.getEntriesByType('resource').length") == 0, f"{where}: something was fetched"
    assert run("return window.hacked") is None, f"{where}: a name became a program"


def sound(where):
    """What holds of every page in every state."""
    found = run("""
      const bad = [], all = s => [...document.querySelectorAll(s)];
      const ids = all('[id]').map(e => e.id);
      if (new Set(ids).size !== ids.length) bad.push('an id stands twice');
      for (const e of all('main, nav, header')) {
        const text = e.innerText.replaceAll('value is undefined', '');  // a reason that reports give
        const word = text.match(/undefined|NaN|\\[object|Infinity|\\bnull\\b/);
        if (word) bad.push(word[0] + ' in: ' + text.slice(Math.max(0, word.index - 60), word.index + 30));
      }
      for (const e of all('svg path, svg rect, svg text, svg g'))
        for (const a of e.attributes) if (/NaN|undefined|Infinity/.test(a.value)) bad.push(a.name + '=' + a.value.slice(0, 60));
      for (const t of all('table')) {
        if (!t.caption || !t.caption.textContent) bad.push('a table without a caption');
        for (const th of t.querySelectorAll('th')) if (!th.scope) bad.push('a head without a scope');
        const sorted = [...t.querySelectorAll('thead th')].filter(th => !th.hasAttribute('aria-sort'));
        if (sorted.length > 0) bad.push('a column that does not say how it is sorted');
      }
      for (const s of all('figure svg')) if (s.getAttribute('role') !== 'img' || !s.getAttribute('aria-label')) bad.push('a picture without a name');
      for (const s of all('main > section')) if (!s.getAttribute('aria-labelledby') || !document.getElementById(s.getAttribute('aria-labelledby'))) bad.push('a section without a heading');
      if (all('h1').length !== 1) bad.push('not one first heading');
      for (const c of all('select, input, button')) {
        const name = c.getAttribute('aria-label') || (c.labels && c.labels.length && c.labels[0].innerText) || c.textContent;
        if (!name || !name.trim()) bad.push('a control without a name');
      }
      if (all('main img, main script, main iframe').length > 0) bad.push('markup from text');
      return bad;""")
    assert not found, f"{where}: {found[:5]}"
    quiet(where)


def picture(name, width=1280, height=900, whole=False, element=None):
    if not pictures:
        return
    os.makedirs(pictures, exist_ok=True)
    if whole:
        size = run("return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size[0], "height": min(size[1], 16000), "scale": 1}})
        pathlib.Path(pictures, name + ".png").write_bytes(base64.b64decode(shot["data"]))
    else:
        if element:
            run("document.getElementById(arguments[0]).scrollIntoView()", element)
            time.sleep(0.2)
        browser.save_screenshot(str(pathlib.Path(pictures, name + ".png")))


def opened(file, wide=1280):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": wide, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    began = time.time()
    browser.get((work / file).as_uri())
    run("return document.querySelectorAll('main > section').length")
    return time.time() - began


def every_choice(where, most):
    """Chooses each of every select's first choices, and looks at the page after each."""
    count = len(browser.find_elements(By.CSS_SELECTOR, "select"))
    for k in range(count):
        choices = len(Select(browser.find_elements(By.CSS_SELECTOR, "select")[k]).options)
        for choice in list(range(min(most, choices))) + [0]:
            run("""const s = document.querySelectorAll('select')[arguments[0]];
                   s.selectedIndex = arguments[1]; s.dispatchEvent(new Event('change'));""", k, choice)
            assert len(browser.find_elements(By.CSS_SELECTOR, "select")) == count, f"{where}: a choice went away"
            sound(f"{where}, choice {choice} of select {k}")


def every_table(where, most):
    """Sorts every table by every column, both ways: rows stay, and numbers are in order."""
    wrong = run("""
      const bad = [];
      [...document.querySelectorAll('.scroll > table')].slice(0, arguments[0]).forEach(t => t.querySelectorAll('thead th').forEach((th, j) => {
        const rows = t.tBodies[0].rows.length;
        for (const way of ['ascending', 'descending']) {
          th.querySelector('button').click();
          if (th.getAttribute('aria-sort') !== way) bad.push('says ' + th.getAttribute('aria-sort'));
          if (t.querySelectorAll('th[aria-sort=ascending], th[aria-sort=descending]').length !== 1) bad.push('sorted by two');
          if (t.tBodies[0].rows.length !== rows) bad.push('rows went away');
          const texts = [...t.tBodies[0].rows].map(r => r.cells[j].innerText);
          if (texts.every(x => /^[+-]?\\d+(\\.\\d+)?$/.test(x)))
            for (let i = 1; i < texts.length; ++i) if ((way === 'ascending' ? 1 : -1) * (Number(texts[i]) - Number(texts[i - 1])) < 0) bad.push(th.innerText + ': ' + texts);
        }
      }));
      return bad;""", most)
    assert not wrong, f"{where}: {wrong[:3]}"


def contrast(where):
    """Letters stand out by 4.5 to 1 as they are really drawn."""
    least = run("""
      const rgb = c => c.match(/[\\d.]+/g).map(Number);
      const lum = c => { const [r, g, b] = c.slice(0, 3).map(x => { x /= 255; return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
      const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > .99) return c; } return [255, 255, 255]; };
      let least = [99, ''];
      for (const e of document.querySelectorAll('p, th, td, dt, dd, a, label, caption, figcaption, summary, select, button, h1, h2, h3, small')) {
        if (!e.innerText || !e.offsetParent) continue;
        const a = lum(rgb(getComputedStyle(e).color)), b = lum(ground(e)), c = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (c < least[0]) least = [c, e.tagName + ' ' + e.innerText.slice(0, 40)];
      }
      return least;""")
    assert least[0] >= 4.5, f"{where}: contrast {least}"


def printed(where, least):
    """All sections are printed, on as many pages as they need, and nothing is wider than a page.  The rows of the table of
    features are there, 200 at most.  `least` is how many pages a report like this one has."""
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pdf.startswith(b"%PDF") and pages >= least, f"{where}: prints {pages} pages, expected {least} at least"
    # A landscape page of 11 by 8.5 inches less 11 mm on each side.
    screen, wide, tall = {"deviceScaleFactor": 1, "mobile": False}, 972, 733
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", dict(screen, width=wide, height=tall))
    run("dispatchEvent(new Event('beforeprint'))")
    time.sleep(0.3)
    height, wider, unseen, rows, found = run("""
      const all = s => [...document.querySelectorAll(s)], box = e => e.getBoundingClientRect(), big = document.getElementById('features-scroll');
      const named = e => (e.caption || e).textContent.slice(0, 40) + ': ' + Math.round(box(e).right);
      return [document.documentElement.scrollHeight,
        all('main table, main svg').filter(e => e.getClientRects().length && box(e).right > innerWidth + 1).map(named),
        all('#sections a').filter(a => { const s = document.querySelector(a.hash); return !s || box(s).height < 40; }).map(a => a.hash),
        big && [...big.querySelectorAll('tbody tr:not(.gap)')].filter(r => box(r).height > 4).length,
        big && Number(document.getElementById('features-found').textContent.split(' ')[0].replaceAll(',', ''))];""")
    run("dispatchEvent(new Event('afterprint'))")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", dict(screen, width=1280, height=900))
    assert not wider, f"{where}: wider than a page of {wide}: {wider}"
    assert not unseen, f"{where}: not printed: {unseen}"
    assert rows is None or rows == min(found, 200), f"{where}: prints {rows} of {found} features"
    # Figures and rows that go to the next page as a whole leave up to a third of a page empty.
    assert 0.9 * height / tall <= pages <= 2 + 1.4 * height / tall, f"{where}: {height} px on {pages} pages"
    return pdf


def notices_what_is_not_printed(file, least):
    """What `printed` looks at can fail: it refuses a page without its sections, without its rows, and one too wide."""
    for spoiled in ["document.querySelectorAll('main > section').forEach(s => s.remove())",
                    "document.styleSheets[0].insertRule('@media print { #features { display: none !important } }', document.styleSheets[0].cssRules.length)",
                    "document.styleSheets[0].insertRule('@media print { .big { height: 20px !important; overflow: hidden !important } "
                    "#features-scroll tbody tr { display: none } }', document.styleSheets[0].cssRules.length)",
                    "document.styleSheets[0].insertRule('@media print { #summary table { width: 1600px !important } }', document.styleSheets[0].cssRules.length)"]:
        opened(file)
        run(spoiled)
        try:
            printed(file, least)
        except AssertionError:
            continue
        raise SystemExit(f"{file} is printed, for all that is checked, after {spoiled}")


def drawn_as_said(where):
    """Heat is drawn as the caption says: whatever has the larger value stands out more from the ground."""
    said, steps = run("""
      const figure = document.querySelector('#tensors figure'), rgb = c => c.match(/[\\d.]+/g).map(Number);
      const lum = c => { const [r, g, b] = c.map(x => { x /= 255; return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
      const ground = rgb(getComputedStyle(document.body).backgroundColor).slice(0, 3);
      return [figure.querySelector('figcaption').textContent, [...figure.querySelectorAll('svg g')].map(g => {
        const style = getComputedStyle(g.querySelector('rect')), color = rgb(style.fill).slice(0, 3), share = Number(style.fillOpacity);
        return [Number(g.querySelector('title').textContent.match(/ (-?[\\d.e-]+)$/)[1]), lum(color.map((x, i) => share * x + (1 - share) * ground[i])), lum(ground)]; })];""")
    steps.sort()
    assert len(steps) > 3 and steps[0][0] < steps[-1][0], f"{where}: {steps[:3]}"
    for (less, before, ground), (more, after, _) in zip(steps, steps[1:]):
        assert abs(after - ground) >= abs(before - ground) - 1e-4, f"{where}: {more} stands out less than {less}"
        assert not re.search("darker is more", said, re.I) or after <= before + 1e-4, f"{where}: \"{said}\", and {more} is lighter than {less}"
    assert abs(steps[-1][1] - ground) > abs(steps[0][1] - ground) + 0.01, f"{where}: the most is drawn as the least"
    assert "the stronger the color, the more" in said.lower(), said


def views(file, where, choices, least):
    opened(file)
    sound(where)
    for link in browser.find_elements(By.CSS_SELECTOR, "#sections a"):
        link.click()
        target = link.get_attribute("href").split("#")[1]
        assert run("const r = document.getElementById(arguments[0]).getBoundingClientRect(); return r.top < innerHeight && r.bottom > 0", target), \
            f"{where}: {target} is out of sight"
    for summary in browser.find_elements(By.CSS_SELECTOR, "summary"):
        run("arguments[0].parentElement.open = true", summary)
    sound(f"{where}, opened")
    every_table(where, 40 if long else 4)
    every_choice(where, choices)
    contrast(f"{where}, light")
    scheme = Select(browser.find_element(By.ID, "theme"))
    scheme.select_by_value("dark")
    assert run("return document.documentElement.dataset.theme") == "dark"
    contrast(f"{where}, dark")
    if run("return document.querySelector('#tensors figure') !== null"):
        for chosen in ["dark", "light"]:
            scheme.select_by_value(chosen)
            drawn_as_said(f"{where}, {chosen}")
    scheme.select_by_value("system")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    eventually("return document.documentElement.dataset.theme === 'dark'", f"{where}: does not follow the system")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]})
    eventually("return document.documentElement.dataset.theme === 'light'", f"{where}: does not follow the system back")
    opened(file)
    pdf = printed(where, least)
    if pictures:
        pathlib.Path(pictures).mkdir(exist_ok=True)
        pathlib.Path(pictures, pathlib.Path(file).stem + "-print.pdf").write_bytes(pdf)
    wide = run("""const fits = (s, head) => { const t = document.querySelector(s), th = t && [...t.querySelectorAll('thead th')].find(h => h.dataset.head === head);
                        return !th || th.getBoundingClientRect().right <= t.parentElement.getBoundingClientRect().right; };
                  return [['#summary table', 'survived %'], ['#summary table', 'mean r'], ['#summary table', 'FVU']].filter(([s, head]) => !fits(s, head))
                    .concat([...document.querySelectorAll('#curve tbody tr')].filter(r => r.getBoundingClientRect().height > 62).map(r => r.textContent));""")
    assert not wide, f"{where}: not on screen at 1280, or tall: {wide}"
    opened(file, 390)
    over = run("return document.documentElement.scrollWidth - innerWidth")
    assert over <= 0, f"{where}: {over} pixels beyond a narrow screen"
    sound(f"{where}, narrow")
    opened(file)


def feature_table(where, features, seconds):
    """Search, sort, scroll, and the time that each takes."""
    opened_in = opened(where)
    assert opened_in < seconds[0], f"{where}: opens in {opened_in:.1f} s"
    took = {"open": opened_in}

    def timed(what, script, *arguments):
        began = time.time()
        result = browser.execute_async_script(script, *arguments)
        took[what] = time.time() - began
        assert took[what] < seconds[1], f"{where}: {what} takes {took[what]:.1f} s"
        return result

    after = "const done = arguments[arguments.length - 1]; const soon = () => requestAnimationFrame(() => requestAnimationFrame(() => done(look())));"
    rows = "const look = () => [...document.querySelectorAll('#features-scroll tbody tr:not(.gap)')].map(r => [...r.cells].map(c => c.innerText));"
    search = rows + after + "const s = document.getElementById('features-search'); s.value = arguments[0]; s.dispatchEvent(new Event('input')); setTimeout(soon, 300);"
    found = "return document.getElementById('features-found').textContent"
    heads = run("return [...document.querySelectorAll('#features-scroll thead th')].map(h => h.innerText)")
    r, band = heads.index("r"), heads.index("band")
    run("document.querySelectorAll('#features select')[1].selectedIndex = 2; document.querySelectorAll('#features select')[1].dispatchEvent(new Event('change'))")
    assert run(found).startswith(f"{features:,} of {features:,}"), run(found)
    seen = timed("search by word", search, "blurred")
    assert seen and all(line[band] == "blurred" for line in seen), seen[:2]
    seen = timed("search by limit", search, "r<0.8")
    assert seen and all(float(line[r]) < 0.8 for line in seen)
    seen = timed("search by number", search, "17")
    assert seen and all(line[0].startswith("17") for line in seen)
    assert [line[0] for line in timed("search for a few", search, "100-102")] in (["100", "101", "102"],) or \
        sorted(line[0] for line in timed("search again", search, "100-102")) == ["100", "101", "102"]
    assert timed("search in vain", search, "no-such-word") == []
    assert "nothing is found" in run(found)
    timed("search for all", search, "")
    click = rows + after + "document.querySelectorAll('#features-scroll thead th button')[arguments[0]].click(); soon();"
    for way in [1, -1, 1]:
        seen = [float(line[r]) for line in timed("sort", click, r) if line[r] != "-"]
        state = run("return document.querySelectorAll('#features-scroll thead th')[arguments[0]].getAttribute('aria-sort')", r)
        step = 1 if state == "ascending" else -1
        assert all(step * (b - a) >= 0 for a, b in zip(seen, seen[1:])), seen
        assert all(-1 <= x <= 1 for x in seen), f"{where}: no r is {seen[0]}"
    assert len(seen) < 150, f"{where}: {len(seen)} rows in the document"
    seen = timed("scroll", rows + after + "const b = document.getElementById('features-scroll'); b.scrollTop = b.scrollHeight; setTimeout(soon, 100);")
    last = run("return document.querySelector('#features-scroll tbody tr:last-child').getAttribute('aria-rowindex')")
    assert int(last) == features + 1, f"{where}: the last row is {last}"
    sound(f"{where}, scrolled")
    return took


def numbers(folder):
    """What stands in the table is what stands in features.csv."""
    opened(f"{folder}/report.html")
    heads = run("return [...document.querySelectorAll('#features-scroll thead th')].map(h => h.innerText)")
    policy = run("return document.querySelector('#features select').value")
    with open(work / folder / "features.csv", newline="") as file:
        table = {row["feature"]: row for row in csv.DictReader(line for line in file if not line.startswith("#")) if row["policy"] == policy}
    lines = run("return [...document.querySelectorAll('#features-scroll tbody tr:not(.gap)')].map(r => [...r.cells].map(c => c.innerText))")
    assert len(lines) > 20
    for line in lines:
        shown, row = dict(zip(heads, line)), table[line[0]]
        for head, name in [("r", "r"), ("recall", "recall"), ("precision", "precision"), ("mass lost", "lost_mass_share")]:
            assert abs(float(shown[head]) - float(row[name])) <= 0.00005001, (head, shown, row)
        assert shown["band"] == row["honest_outcome"] and shown["firings"].replace(",", "") == row["reference_firings"]
        assert abs(float(shown["peak"]) / float(row["max_activation"]) - 1) < 0.006
        if row["r_interval"] == "two_sided":
            low, high = shown["r 95 %"].strip("[]").split(", ")
            assert abs(float(low) - float(row["r_lower"])) < 0.000551 and abs(float(high) - float(row["r_upper"])) < 0.000551


def cells(section, caption):
    """The lines of a table, each by its heads."""
    return run("""const t = [...document.querySelectorAll('#' + arguments[0] + ' table')].find(t => t.caption.textContent.startsWith(arguments[1]));
                  const heads = [...t.querySelectorAll('thead th')].map(h => h.dataset.head);
                  return [...t.tBodies[0].rows].map(r => Object.fromEntries([...r.cells].map((c, j) => [heads[j], c.textContent])));""", section, caption)


def choose(label, choice):
    run("""const s = [...document.querySelectorAll('select')].find(s => s.labels[0] && s.labels[0].innerText.startsWith(arguments[0]));
           s.value = arguments[1]; s.dispatchEvent(new Event('change'));""", label, choice)


def below_pictures(folder):
    """All that a picture can show stands in its table, with the digits of report.json."""
    opened(f"{folder}/report.html")
    report = json.loads((work / folder / "report.json").read_text())
    bare = run("""const follows = e => { for (; e && e.tagName !== 'SECTION'; e = e.parentElement)
                      for (let n = e.nextElementSibling; n; n = n.nextElementSibling) if (n.matches('table') || n.querySelector('table')) return true;
                    return false; };
                  return [...document.querySelectorAll('figure')].filter(f => !f.querySelector('table') && !follows(f)).map(f => f.querySelector('strong').textContent);""")
    assert not bare, f"no table below {bare}"
    shifts = [c for c in report["conditions"] if "shift" in c and not c.get("ladder_only")]
    lines = cells("shift", "Energy of the shift by position")
    assert shifts and len(lines) == len(shifts[0]["shift"]["by_position"]["rows"])
    for k, line in enumerate(lines):
        assert line["position"] == str(k)
        for c in shifts:
            energy = c["shift"]["by_position"]["rows"][k][0]
            assert abs(float(line[c["policy"]]) - energy) <= 0.006 * energy, line
    for protocol in ["published", "honest"]:
        choose("Protocol", protocol)
        named = run("return [...[...document.querySelectorAll('#overlap select')].pop().options].map(o => o.textContent)")
        lines = {(line["pair"], line["measure"]): line for line in cells("overlap", "Measures of overlap, ")}
        overlaps = report["overlaps"][protocol]
        assert len(named) == 8 and len(lines) == 8 * len(overlaps) > 0, (named, len(lines))
        for o in overlaps:
            sets = [o["not_survived"], o["blurred"], o["destroyed"]]
            measured = [s["jaccard"] for s in sets] + [sets[0]["jaccard_above_chance"], sets[0]["cohen_kappa"], o["spearman_damage"],
                                                       o["kendall_tau_b_damage"], o["rank_biased_overlap"]]
            for name, e, s in zip(named, measured, sets + 5 * [None]):
                line = lines[f"{o['a']} | {o['b']}", name]
                wanted = {"value": e["value"], "chance": s and s["jaccard_chance"]["value"], "ceiling": s and s["jaccard_ceiling"]["value"],
                          "without noise": e.get("bias_corrected") if e is o["spearman_damage"] else None}
                for head, number in wanted.items():
                    assert line[head] in ("-", "") if number is None else abs(float(line[head]) - number) < 0.000501, (head, line)
                assert (line["95 %"] == "unmeasured") == (e["interval"] is None), line
                if e["interval"] and e["interval"]["kind"] == "two_sided":
                    low, high = line["95 %"].strip("[]").split(", ")
                    assert abs(float(low) - e["interval"]["lower"]) < 0.000501 and abs(float(high) - e["interval"]["upper"]) < 0.000501, line
    lines = cells("prediction", "ROC of the honest prediction")
    curves = {c["policy"]: c["prediction_honest"]["roc"]["rows"] for c in report["conditions"] if "roc" in c.get("prediction_honest", {}) and not c.get("ladder_only")}
    assert curves and all(len(lines) == len(rows) for rows in curves.values())
    for k, line in enumerate(lines):
        for policy, rows in curves.items():
            assert abs(float(line["false positive rate"]) - rows[k][0]) < 1e-9 and abs(float(line[policy]) - rows[k][1]) < 0.000501, line


def what_numbers_rest_on(folder, comparison):
    """Published numbers say what this audit did, and two audits side by side say of each what it rests on."""
    report = json.loads((work / folder / "report.json").read_text())
    warnings = report["protocol"]["published"]["warnings"]
    assert warnings[0] == "the paper adds no BOS; here BOS begins every row", warnings[0]
    assert warnings[1].endswith("here no policy does"), warnings[1]
    shown = "return [...document.querySelectorAll('main p.warning')].map(p => p.textContent).filter(t => t.startsWith('protocol: arXiv 2606.03002'))"
    for file, sides in [(f"{folder}/report.html", 1), (comparison, 2)]:
        opened(file)
        choose("Protocol", "published")
        found = run(shown)
        assert len(found) == sides and all(w[1:] + "." in found[0] for w in warnings), found
        choose("Protocol", "honest")
        assert run(shown) == [], run(shown)
    facts = run("return [...document.querySelectorAll('main dl.facts div')].map(d => d.innerText.replaceAll('\\n', ' '))")
    for name in ["FVU on the reference", "Tokens analyzed", "Features counted", "BOS", "Weights"]:
        assert sum(fact.startswith(name) for fact in facts) == 2, (name, facts)
    assert any("median" in fact and "groups" in fact for fact in facts if fact.startswith("Features counted")), facts
    for line in cells("beside", "Policies of both audits"):
        for name in ["dPPL 95 %", "KL 95 %", "mean r 95 %", "survived 95 %", "blurred 95 %", "destroyed 95 %", "FVU 95 %"]:
            assert line[name] in ("-", "unmeasured") or line[name].startswith("["), (name, line)
    page = (work / comparison).read_text().split('id="data">', 1)[1].split("</script>", 1)[0]
    differences = [d["spearman_r"] for d in json.loads(page)["differences"] if d["protocol"] == "honest"]
    lines = cells("differences", "B less A")
    assert len(lines) == len(differences) > 0, (len(lines), len(differences))
    kinds = [e["interval"]["kind"] for e in differences]
    assert set(kinds) == {"at_least", "two_sided"}, kinds  # a policy that is in both is the same in both
    for line, e, kind in zip(lines, differences, kinds):
        shown = [(line["Spearman of r"], e["value"])]
        if kind == "two_sided":
            low, high = line["Spearman 95 %"].strip("[]").split(", ")
            shown += [(line["without noise"], e["bias_corrected"]), (low, e["interval"]["lower"]), (high, e["interval"]["upper"])]
        else:
            shown += [(line["Spearman 95 %"].strip("[>= ]"), e["interval"]["lower"])]
            assert line["without noise"] == "-", line
        assert all(abs(float(text) - number) < 0.000501 for text, number in shown), (line, e)


def claims_beside_controls(folder):
    """Steering and patching: what report.json says, with its control in the same line, and no claim that an interval forbids."""
    opened(f"{folder}/report.html")
    report = json.loads((work / folder / "report.json").read_text())

    steering = report["steering"]
    lines = cells("steering", "Every dose beside random vectors")
    doses = [(c["policy"], d) for c in steering["conditions"] for d in c["doses"]]
    assert len(lines) == len(doses) > 0
    for line, (policy, d) in zip(lines, doses):
        assert line["policy"] == policy and float(line["dose"]) == d["dose"], line
        assert abs(float(line["fidelity"]) - d["fidelity"]["value"]) < 0.0000501, line
        assert abs(float(line["random fidelity"]) - d["random_fidelity"]["value"]) < 0.0000501, line
    for line, c in zip(cells("steering", "Does r foretell fidelity?"), steering["conditions"]):
        expected = "unmeasured" if c["spearman_r_fidelity"]["value"] is None else "r predicts fidelity" if c["r_predicts_fidelity"] else "not shown"
        assert line["finding"] == expected and float(line["FVU"]) > 0, line
    drawn = run("return document.querySelectorAll('#steering figure svg path[fill^=var]').length")
    steered = next(c for c in steering["conditions"] if c["features"])
    one = steering["doses"].index(1)
    assert drawn == sum(f["r"] is not None and f["own"]["fidelity"][one] is not None for f in steered["features"]), drawn
    lines = cells("patching", "Share of the KL that comes back")
    points = [(c, p) for c in report["patching"]["conditions"] for p in c["points"]]
    assert len(lines) == len(points) > 0
    for line, (c, p) in zip(lines, points):
        assert line["restored"] == p["set"] and abs(float(line["random"]) - 100 * p["random"]["value"]) < 0.0501, line
        interval, ceiling = p["worst_r_over_random"]["interval"], c["everything"]["interval"]
        expected = "unmeasured" if interval is None else "cannot tell" if ceiling["lower"] <= 0 else "more than others" if interval["lower"] > 0 \
            else "less than others" if interval["upper"] < 0 else "not told apart"
        assert line["worst against random"] == expected, (line, expected)
    cannot = [c for c in report["patching"]["conditions"] if c["everything"]["interval"]["lower"] <= 0]
    assert run("return document.querySelectorAll('#patching p.warning').length") == len(cannot)
    quiet(f"{folder}, steering and patching")


def nothing_counted(file):
    """Where no feature is counted, no share of the counted is 0: it has no value."""
    opened(file)
    sound(file)
    rows = run("""const t = [...document.querySelectorAll('table')].find(t => t.caption && t.caption.textContent.startsWith('Features above thresholds'));
                  return [...t.tBodies[0].rows].map(r => [...r.cells].slice(1).map(c => c.textContent));""")
    assert rows and all(cell in ("-", "unmeasured") for row in rows for cell in row), rows[:2]
    others = run("""return [...document.querySelectorAll('#curve table, #bands table')].flatMap(t => {
      const heads = [...t.querySelectorAll('thead th')].map(h => h.dataset.head);
      return [...t.tBodies[0].rows].flatMap(r => [...r.cells].filter((c, j) => heads[j].includes('%') && heads[j] !== 'mass counted %' && /^0\\.0/.test(c.textContent)).map(c => c.textContent)); });""")
    assert not others, others
    said = run("return Object.fromEntries(['summary', 'masking'].map(id => [id, document.getElementById(id).innerText]))")
    assert "Survival is unmeasured, as no feature is counted." in said["masking"], said["masking"]
    assert "has no losses" not in said["masking"] and "nothing changed" not in said["summary"], said
    flips = said["summary"].rsplit("carry of the error's energy: ", 1)[1]
    assert all("unmeasured, as no feature is counted" in part for part in flips.rstrip(".").split(", rtn")), flips
    groups = run("return JSON.parse(document.getElementById('data').textContent).report.protocol.groups")
    assert (f"There are no intervals, as there are fewer than 8 groups of rows: {groups}." in said["summary"]) == (groups < 8), said["summary"]
    return groups


def unmeasured_by_name(folder):
    """A number without an interval is named so, where it stands or at the foot of its table; what was done is in words."""
    opened(f"{folder}/report.html")
    report = json.loads((work / folder / "report.json").read_text())
    said = run("return Object.fromEntries([...document.querySelectorAll('main > section')].map(s => [s.id, s.innerText]))")
    facts = run("return document.querySelector('main dl.facts').innerText")
    assert re.search(r"dead features [\d.]+ % of [\d,]+ \(unmeasured\)", facts), facts
    assert re.search(r"Reliability of the predictors.*\(intervals unmeasured\)\.", said["prediction"]), said["prediction"][-600:]
    if any(c.get("worst_features", {}).get("chosen", 0) > 0 for c in report["conditions"]):
        assert "Without an interval: mean r where chosen" in said["curve"], said["curve"][-600:]
    if "ladder" in report:
        assert re.search(r"falls by [\d.]+ a bit \(median, unmeasured; ", said["ladder"]), said["ladder"][-400:]
    for floor in report.get("controls", {}).get("numerics_floors", []):
        assert floor["changes_nothing"] or f"{floor['what']} {floor['tau_null']:.5f}, of the even groups" in said["controls"], floor
    joined = report["protocol"]["group_halving"]
    assert "{" not in said["protocol"] and '"' not in said["protocol"], said["protocol"]
    assert not joined or f"{joined['groups']}" in re.search(r"group halving\s+(.*)", said["protocol"]).group(1), said["protocol"]


def names_beside_marks():
    """Every mark of a few that lie close together has its name, none over another; where there is no room, at a line's end."""
    source = re.search(r"const besideMark.*?\n}\n", run("return document.scripts[1].textContent"), re.S).group(0)
    points = [[300 + 3 * i, 30 + 2 * i, f"rtn:bits={8 - i}"] for i in range(6)]
    made = run("const short = x => x, s = (tag, p) => ({tag, ...p}), text = (x, y, word, p) => ({tag: 'text', x, y, word, anchor: p['text-anchor']});"
               + source + "return placeNames(arguments[0], [62, 12, 900, 300]).flat().filter(Boolean);", points)
    words = [part for part in made if part["tag"] == "text"]
    assert sorted(part["word"] for part in words) == sorted(name for _, _, name in points), words
    areas = []
    for part in words:
        wide = 6.6 * len(part["word"])
        left = part["x"] - {"start": 0, "middle": wide / 2, "end": wide}[part["anchor"]]
        areas.append((left, part["y"] - 11, left + wide, part["y"] + 3))
    assert not [1 for i, a in enumerate(areas) for b in areas[:i] if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]], areas
    assert [part for part in made if part["tag"] == "path"], "no name is led to"


def by_keyboard(file):
    """Every control is reached by Tab and works by keys; where there is a table of features, those before it."""
    opened(file)
    with_features = run("return document.getElementById('features-scroll') !== null")
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert run("return document.activeElement.className") == "skip", "the first stop is the link that skips"
    run("return 0")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert run("return document.activeElement.id") == "page", "the link leads to the report"
    reached = set()
    sorted_once = searched = False
    for _ in range(900):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        tag, ident, outline = run("const e = document.activeElement; e.dataset.reached = 1; return [e.tagName, e.id, getComputedStyle(e).outlineStyle]")
        if tag == "BODY":
            break
        reached.add(tag)
        assert outline != "none", f"no outline on {tag} {ident}"
        if tag == "BUTTON" and not sorted_once:
            browser.switch_to.active_element.send_keys(Keys.ENTER)
            assert run("return document.activeElement.closest('th').getAttribute('aria-sort')") == "ascending"
            browser.switch_to.active_element.send_keys(Keys.SPACE)
            assert run("return document.activeElement.closest('th').getAttribute('aria-sort')") == "descending"
            sorted_once = True
        if ident == "features-search":
            browser.switch_to.active_element.send_keys("survived")
            eventually("return / features$/.test(document.getElementById('said').textContent)", "a search is not announced")
            searched = True
        if ident == "features-scroll":
            browser.switch_to.active_element.send_keys(Keys.PAGE_DOWN)
            eventually("return document.activeElement.scrollTop > 0", "the table does not scroll by keys")
            break
    missed = run("""const end = document.getElementById('features-scroll');
      return [...document.querySelectorAll('main select, main input, main button, main summary, main .scroll')]
        .filter(e => e.checkVisibility() && e.dataset.reached === undefined && (!end || e.compareDocumentPosition(end) & 4))
        .map(e => e.tagName + ' ' + (e.textContent || e.id).slice(0, 30));""")
    assert not missed, f"{file}: {len(missed)} controls are out of reach: {missed[:5]}"
    assert sorted_once and searched == with_features, f"{file}: sorted {sorted_once}, searched {searched}"
    assert "BUTTON" in reached, f"{file}: reached {reached}"
    quiet(f"{file}, by keyboard")


def refusals_behind_a_judge(folder):
    """The page of align says what its JSON does of the judge's errors, and where the fitted flips begin."""
    report = json.loads((work / folder / "alignment.json").read_text())
    opened(f"{folder}/alignment.html")
    table = run("return [...document.querySelectorAll('#behavior table tr')].map(r => [...r.cells].map(c => c.innerText.trim()))")
    at = [head.split("\n")[0].split(" \u2195")[0] for head in table[0]].index("corrected %")
    row = next(r for r in table if r[0] == report["sweep"]["rows"][0]["name"])
    assert row[at] == f"{100 * report['sweep']['rows'][0]['harmful']['corrected_conditional_flip']['value']:.1f}", row
    said = run("return document.getElementById('behavior').innerText")
    assert "sensitivity 0.9 and specificity 0.95" in said
    fitted = report["sweep"]["fitted_onset"]
    words = "bits unknown, since " + fitted["reason"] if fitted["bits"] is None else f"{fitted['bits']:.2f} bits ["
    assert "of refusals flip at " + words in said, said[-600:]


try:
    # How many of each choice are chosen, and how many pages such a report is printed on at least.
    pages = [("first/report.html", 12 if long else 2, 10), ("paired.html", 4 if long else 2, 6), ("unpaired.html", 1, 4),
             ("judged/alignment.html", 2, 4)]
    if long:
        pages += [("refusals/alignment.html", 2, 4), ("second/report.html", 2, 7), ("others/report.html", 2, 7)]
    for file, choices, least in pages:
        views(file, file, choices, least)
    notices_what_is_not_printed("first/report.html", 10)  # which is printed as it should be
    numbers("first")
    refusals_behind_a_judge("judged")
    below_pictures("first")
    what_numbers_rest_on("first", "paired.html")
    assert nothing_counted("nothing/report.html") >= 8 > nothing_counted("few/report.html")
    for folder in ["first", "second"]:
        unmeasured_by_name(folder)
    names_beside_marks()
    for file in ["first/report.html", "paired.html", "judged/alignment.html"]:
        by_keyboard(file)
    features = 100000 if long else 3000
    took = feature_table("big/report.html", features, (6.0, 2.0))
    assert run("return document.querySelector('#features-scroll tbody a').href").startswith("https://www.neuronpedia.org/gpt2-small/8-res-jb/")
    assert "<img" in run("return document.getElementById('summary').innerText"), "a hostile name is shown as it is"
    assert "</title><script>" in run("return document.body.innerText")
    narrow = run("return [...document.querySelectorAll('main > p.warning')].map(p => p.textContent).filter(t => t.includes('too narrow'))")
    assert len(narrow) == 1 and narrow[0] == "Warning: all policies: intervals are too narrow, as rows depend on each other in excess loss " \
        "or the codes' cosine over up to 9.0 rows: of 8 groups of rows 2 would be long enough.", narrow
    claims_beside_controls("big")
    if long:
        claims_beside_controls("first")
        every_choice("big/report.html", 2)
    if pictures:
        for name, wide in [("wide", 1280), ("narrow", 390)]:
            for scheme in ["light", "dark"]:
                browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
                for file, *_ in pages:
                    opened(file, wide)
                    time.sleep(0.3)
                    picture(f"{pathlib.Path(file).parent.name}-{pathlib.Path(file).stem}-{name}-{scheme}", whole=True)
    print("pages are sound; " + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in took.items()))
finally:
    browser.quit()
