# SPDX-License-Identifier: Apache-2.0
"""Every link of a site leads to a file that is there, and, from the documents' own pages, to a place that is in it.

    check_links.py SITE

Doxygen's lists of members have some links to places that it then does not write (friends, empty headings): of those pages
the files alone are checked.
"""
import html
import pathlib
import re
import sys
import urllib.parse

site = pathlib.Path(sys.argv[1]).resolve()
pages = {page: page.read_text(errors="replace") for page in sorted(site.glob("*.html"))}
anchors = {page: set(re.findall(r'(?:id|name)="([^"]*)"', text)) for page, text in pages.items()}
dead, links = set(), 0
for page, text in pages.items():
    text = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    for link in re.findall(r'\s(?:href|src)="([^"]*)"', text):
        link = html.unescape(link)
        if re.match(r"[a-z]+:|//", link):
            continue
        links += 1
        path, _, anchor = link.partition("#")
        target = (page.parent / urllib.parse.unquote(path)).resolve() if path else page
        if target.is_dir():
            target = target / "index.html"
        if not target.is_file():
            dead.add(f"{page.name} links to {link}, which is not there")
        elif anchor and re.match(r"index\.|md_|layer", page.name) and target in anchors and urllib.parse.unquote(anchor) not in anchors[target]:
            dead.add(f"{page.name} links to {link}, where there is no such place")
print("\n".join([*sorted(dead), f"{links} links on {len(pages)} pages, {len(dead)} dead"]))
sys.exit(bool(dead) or not links)
