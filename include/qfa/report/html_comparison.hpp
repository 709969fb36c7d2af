// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_COMPARISON_HPP
#define QFA_REPORT_HTML_COMPARISON_HPP

#include <string_view>

namespace qfa {

/// The part of a comparison page's script that draws it: `showComparison`, two audits side by side.
inline constexpr std::string_view html_comparison = R"js(
// ---- two audits side by side: data.a, data.b, data.differences (qfa/report/audit_comparison.hpp)
function showComparison() {
  const sides = [data.a, data.b], letters = ['A', 'B'], reports = sides.map(x => x.report),
    tables = sides.map(x => readFeatures(x.features));
  report = reports[0];
  const list = reports.map(r => r.conditions.filter(c => !c.ladder_only && !c.reference));
  const draw = () => {
    page.replaceChildren();
    $('sections').replaceChildren();
    beforePrint.length = afterPrint.length = 0;
    page.append(h('h1', {}, 'Two audits side by side'));
    for (const part of [showSides, showBeside, showDifferences, showPairs, showBothProtocols])
      attempt(part.name.replace(/^show/, ''), part);
  };
  const showSides = () => {
    section = page;
    add(facts([...sides.map((x, i) => [`Audit ${letters[i]}`, x.name, x.report.protocol.architecture || 'activations']),
      ['SAE', gates[report.sae.activation] || report.sae.activation,
      `the same in both: ${whole(report.sae.d_sae)} features; ${report.protocol.hook}`],
      ['Differences', data.why_not_paired ? 'none' : 'paired', data.why_not_paired ? 'see below' :
        'both left out the same rows']]));
    reports.forEach((r, i) => {
      heading(`What the numbers of ${letters[i]} rest on`);
      add(facts(groundsOf(r).slice(1)));  // the SAE stands above, the same in both
    });
    if (data.why_not_paired) paragraph(`No difference is shown, since ${data.why_not_paired}: an interval of one ` +
      `needs both audits to have left out the same rows of one model.`, 'warning');
    reports.forEach((r, i) => (r.protocol.warnings || []).forEach(w => paragraph(`Warning of ${letters[i]}: ${w}`,
      'warning')));
    reports.forEach((r, i) => showPublished(r, ` in ${letters[i]}`));
  };
  const showBeside = () => {
    begin('beside', 'Side by side', `Under the ${protocolWords()}, through one ${saeWords(report)}.`);
    const all = list.flatMap((conditions, i) => conditions.map(c => [i, c]));
    const names = all.map(([i, c]) => `${letters[i]}: ${c.policy}`);
    add(figure('Survival', `${protocolWords()}, ${saeWords(report)}; bars are 95 % intervals. Circles are of A, ` +
      `squares of B.`, () => 52 + 26 * all.length, (width, tall) => {
      const left = keep(100, width * 0.34, 300), box = [left, 8, width - 26, tall - 40],
        x = linear(0, 100, box[0], box[2], v => v + ' %'), y = linear(0, all.length, box[1], box[3]);
      y.ticks = [];
      return [axes(box, x, y, 'survived', ''), all.map(([i, c], k) => { const e = by(c).survived, ends = bounds(e),
        at = y(k + 0.5); return [text(left - 8, at + 4, short(names[k], Math.floor((left - 10) / 6.6)),
        {'text-anchor': 'end'}), ends && ends.every(known) ?
        s('path', {d: `M${x(100 * ends[0])} ${at}H${x(100 * ends[1])}`, stroke: look(i).color, 'stroke-width': 2}) :
        null, known(value(e)) ? mark(i, x(100 * value(e)), at, 5,
        `${names[k]}: ${percent(e)} % ${percentRange(e)}`) : null]; })];
    }));
    add(table(`Policies of both audits, ${protocolWords()}, ${saeWords(report)}`,
      ['policy', 'bits', 'dPPL %', 'dPPL 95 %', 'KL', 'KL 95 %', 'mean r', 'mean r 95 %', 'survived %',
      'survived 95 %', 'blurred %', 'blurred 95 %', 'destroyed %', 'destroyed 95 %', 's/b/d', 'unmeasured',
      'mass survived %', 'mass 95 %', 'FVU', 'FVU 95 %'],
      all.map(([i, c], k) => [names[k], fixed(bitsOf(c), 2), signed(changeOf(c), 2), changeRange(c), c.loss ?
      fixed(value(c.loss.kl), 4) : '-', c.loss ? range(c.loss.kl, 4) : '-', fixed(value(by(c).mean_r), 4),
      range(by(c).mean_r, 4), percent(by(c).survived), percentRange(by(c).survived), percent(by(c).blurred),
      percentRange(by(c).blurred), percent(by(c).destroyed), percentRange(by(c).destroyed),
        bandNames.map(b => by(c)[b].count).join('/'), whole(by(c).unmeasured), percent(by(c).mass_survival),
        percentRange(by(c).mass_survival), fixed(c.sae_fit.fvu, 4), range(c.sae_fit.fvu_interval, 4)])));
  };
  const showDifferences = () => {
    if (data.why_not_paired) return;
    const differences = (data.differences || []).filter(d => d.protocol === protocol);
    begin('differences', 'Paired differences', 'B less A, with intervals by leaving out the same groups of rows of ' +
      'both. "Told apart" is said only where the interval excludes 0.');
    const word = e => { const i = e.interval; return !i || i.kind !== 'two_sided' ? 'unmeasured' : i.lower > 0 ?
      'more r > .9 in B' : i.upper < 0 ? 'more r > .9 in A' : 'not told apart'; };
    add(table(`B less A, ${protocolWords()}, ${saeWords(report)}`,
      ['A', 'B', 'survived, points', '95 %', 'told apart?', 'mean r', 'mean r 95 %', 'counted in both',
      'Spearman of r', ['without noise', 'the pull of noise in both taken off'], 'Spearman 95 %'],
      differences.map(d => [d.a, d.b, signed(100 * value(d.survived), 2), range(d.survived, 2, 100, signed),
      word(d.survived), signed(value(d.mean_r), 4),
      range(d.mean_r, 4, 1, signed), whole(d.features), fixed(value(d.spearman_r), 3),
      fixed(d.spearman_r.bias_corrected, 3), range(d.spearman_r, 3)]), {words: [1]}));
    new Set(differences.filter(d => !d.spearman_r.interval).map(d => d.spearman_r.reason)).forEach(reason =>
      paragraph(`Spearman of r without an interval: ${reason}.`, 'quiet'));
  };
  const showBothProtocols = () => {
    begin('protocol', 'How they were made');
    add(h('div', {class: 'pair'}, reports.map((r, i) => protocolTable(`Protocol of ${letters[i]}: ${sides[i].name}`,
      r))));
  };
  const showPairs = () => {
    begin('features', 'Feature by feature', `What becomes of each feature in both, through a ${saeWords(report)}. ` +
      `Only counts and values are shown here: one feature's difference is unmeasured.`);
    if (list.some(conditions => conditions.length === 0)) { paragraph('One of them has no policy.', 'quiet'); return; }
    const both = list[0].filter(c => list[1].some(d => d.policy === c.policy));
    let chosen = [(both[0] || list[0][0]).policy, (both[0] || list[1][0]).policy];
    const cells = (side, name) => tables[side].column(chosen[side], name);
    const bandsOf = side => { const c = cells(side, outcomeColumn()); return f => known(c.cells[f]) ?
      c.words[c.cells[f]] : ''; };
    const counted = () => {
      const bands = [bandsOf(0), bandsOf(1)], r = [cells(0, 'r').cells, cells(1, 'r').cells], out = [];
      for (let f = 0; f < tables[0].count; ++f) if (bandNames.includes(bands[0](f)) &&
        bandNames.includes(bands[1](f))) out.push([r[0][f], r[1][f], bands[0](f), bands[1](f), f]);
      return out;
    };
    const scatter = figure('r in A against r in B', '', width => keep(280, width * 0.9, 460), (width, tall) => {
      const points = counted().filter(p => known(p[0]) && known(p[1])),
        box = [52, 10, Math.min(width - 12, tall + 30), tall - 42],
        low = Math.max(-0.2, Math.min(0.8, ...[0.8], points.reduce((m, p) => Math.min(m, p[0], p[1]), 1)));
      const x = linear(low, 1, box[0], box[2]), y = linear(low, 1, box[3], box[1]), px = v => x(Math.max(low, v)),
        py = v => y(Math.max(low, v));
      return [axes(box, x, y, 'r in A', 'r in B'),
        s('path', {d: `M${x(low)} ${y(low)}L${x(1)} ${y(1)}`, stroke: 'var(--quiet)', 'stroke-dasharray': '3 3'}),
        points.length > 2500 ? density(points, px, py, box) :
        points.map(p => s('path', {d: shapes[0](2.6),
        transform: `translate(${px(p[0]).toFixed(1)} ${py(p[1]).toFixed(1)})`, fill: 'var(--survived)',
        opacity: 0.5}, s('title', {}, `feature ${p[4]}: ${fixed(p[0], 4)} and ${fixed(p[1], 4)}`)))];
    });
    const counts = h('div'), place = h('div');
    const paint = () => {
      scatter.paint();
      const points = counted();
      scatter.querySelector('figcaption').replaceChildren(h('strong', {}, 'r in A against r in B. '),
        `A: ${chosen[0]}, B: ${chosen[1]}; ${whole(points.length)} features counted in both, ${protocolWords()}. ` +
        `Above the dashed line a feature is better off in B.`);
      counts.replaceChildren(table(`Features by band in A (rows) and in B (columns): counts, ${protocolWords()}, ` +
        `${saeWords(report)}`, ['A: ' + chosen[0], ...bandNames.map(b => b + ' in B'), 'in all'],
        bandNames.map(a => [bandMark(a), ...bandNames.map(b =>
        whole(points.filter(p => p[2] === a && p[3] === b).length)), whole(points.filter(p => p[2] === a).length)])));
      place.replaceChildren();
      beforePrint.length = afterPrint.length = 0;
      const difference = Float64Array.from({length: tables[0].count}, (_, f) => cells(1, 'r').cells[f] -
        cells(0, 'r').cells[f]);
      const worded = (side, head) => ({...cells(side, outcomeColumn()), head, key: head, title: chosen[side]});
      const number = (c, head, title) => ({cells: c, head, key: head, title, print: v => fixed(v, 4)});
      features = tables[0];
      featureTable(place, report,
        () => [{head: 'feature', key: 'feature', cells: Float64Array.from({length: tables[0].count}, (_, f) => f),
        print: v => v, link: true}, {head: 'rate', key: 'rate', title: 'firing rate on the reference of A',
        cells: tables[0].onReference('firing_rate').cells, print: brief},
        worded(0, 'band in A'), worded(1, 'band in B'), number(cells(0, 'r').cells, 'r in A'),
          number(cells(1, 'r').cells, 'r in B'), number(difference, 'B less A', 'r in B less r in A')],
          [['', `${chosen[0]} and ${chosen[1]}`]], () => `A: ${chosen[0]}, B: ${chosen[1]}, ${protocolWords()}, ` +
          `${saeWords(report)}`, 'B less A');
    };
    add(h('div', {class: 'controls'}, [0, 1].map(side => chooser(`Policy of ${letters[side]}`,
      list[side].map(c => [c.policy, c.policy]), chosen[side], policy => { chosen[side] = policy; paint(); }))),
      h('div', {class: 'pair'}, scatter, counts), place);
    paint();
  };
  bar('qfa compare', chooser('Protocol ', [['honest', 'honest'], ['published', 'published: arXiv 2606.03002']],
    protocol, chosen => { protocol = chosen; draw(); say('drawn again'); }));
  draw();
  followSections();
}
)js";

}  // namespace qfa

#endif
