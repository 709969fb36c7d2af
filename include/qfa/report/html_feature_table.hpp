// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_FEATURE_TABLE_HPP
#define QFA_REPORT_HTML_FEATURE_TABLE_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that has the table of features: sorted and searched without a server, with
/// only the rows in view in the document, so that 100,000 features scroll as ten do.
inline constexpr std::string_view html_feature_table = R"js(
// ---- the table of features: sorted and searched here, and only the rows in view are in the document
const cellHeight = 28;
function featureColumns(policy, count) {
  const reference = (name, head, print, title) => ({head, title, cells: features.onReference(name).cells, print,
    key: name});
  const own = (name, head, print, title) => {
    const c = features.column(policy, name);
    return c ? {head, title, cells: c.cells, words: c.words, print, key: name} : null;
  };
  const id = {head: 'feature', key: 'feature', cells: Float64Array.from({length: count}, (_, i) => i), print: x => x,
    link: true, title: 'number in the SAE'};
  const common = [id, reference('reference_firings', 'firings', whole, 'tokens on which it fires on the reference'),
    reference('firing_rate', 'rate', brief, 'share of tokens on which it fires'),
      reference('max_activation', 'peak', brief, 'largest activation on the reference')];
  if (policy === '') return [...common, ...features.policies.filter(p =>
    !report.conditions.some(c => c.policy === p && c.ladder_only))
    .map(p => ({head: short(p, 18), title: 'r under ' + p, key: 'r of ' + p, cells: features.column(p, 'r').cells,
      print: x => fixed(x, 4)}))];
  const share = x => fixed(x, 4), flag = x => x === 1 ? 'yes' : '';
  return [...common, own(outcomeColumn(), 'band', null, 'by r'),
    own('r', 'r', share, 'correlation of its codes on the two models'),
    features.column(policy, 'r_interval') ? {...own('r_lower', 'r 95 %', null, 'interval of r'),
      interval: ['r_lower', 'r_upper', 'r_interval'].map(name => features.column(policy, name))} : null,
    own('census', 'verdict', null, 'confirmed at a false discovery rate of 5 %'),
      own('recall', 'recall', share, 'share of its firings that are still there'),
    own('precision', 'precision', share, 'share of its firings that were there'),
      own('gain', 'gain', brief, 'slope of the new codes on the old'),
    own('flip_share', 'flips', share, 'share of the error that flips of the gate carry'),
      own('lost_mass_share', 'mass lost', share, 'share of its activation on tokens where it no longer fires'),
    own('dead', 'dead', flag, 'fires on the reference alone'),
      own('born', 'born', flag, 'hardly fires on the reference'),
      own('damage_class', 'how', null, 'how it was hurt: intact, blurred, attenuated, amplified, gated off, ' +
      'ghosting, dead'),
      own('phi', 'phi', brief, 'its share of the shift of the activations'),
    own('token_divergence', 'drift', brief, 'bits by which the tokens it fires on differ'),
      own('token_divergence_control', 'drift, control', brief, 'the same between halves of the reference'),
    own('moved_to', 'moved to', x => known(x) ? String(x) : '', 'the feature that fires where this one is missed'),
    features.column(policy, 'effective_bits') ? {...own('effective_bits', 'worth in bits', x => fixed(x, 2),
      'bits of plain rounding; >= and <= at the ends of the ladder'),
      censored: features.column(policy, 'effective_bits_censored')} : null].filter(Boolean);
}
function cellText(column, f) {
  if (column.interval) {
    const [low, high, kind] = column.interval, word = known(kind.cells[f]) ? kind.words[kind.cells[f]] : 'unmeasured';
    return word === 'two_sided' ? `[${fixed(low.cells[f], 3)}, ${fixed(high.cells[f], 3)}]` : word === 'at_least' ?
      `[>= ${fixed(low.cells[f], 3)}]` :
      word === 'at_most' ? `[<= ${fixed(high.cells[f], 3)}]` : 'unmeasured';
  }
  const {censored} = column, end = censored && known(censored.cells[f]) ? censored.words[censored.cells[f]] : '';
  return (end === 'at_least' ? '>= ' : end === 'at_most' ? '<= ' : '') + (column.words ?
    (known(column.cells[f]) ? column.words[column.cells[f]].replace(/_/g, ' ') : '') :
    column.print(column.cells[f]));
}
// What a search asks for: "17" and "100-200" numbers, "r<0.5" a column, "blurred" a word; all together.
function searchTest(terms, columns) {
  const tests = terms.trim().split(/[\s,;]+/).filter(Boolean).map(term => {
    const between = term.match(/^(\d+)-(\d+)$/), compared =
      term.match(/^([a-z][\w ]*?)(<=|>=|<|>|=)(-?[\d.]+(?:e-?\d+)?)$/i);
    if (/^\d+$/.test(term)) return f => String(f).startsWith(term);
    if (between) return f => f >= Number(between[1]) && f <= Number(between[2]);
    if (compared) {
      const name = compared[1].toLowerCase(), x = Number(compared[3]);
      const column = columns.find(c => !c.words && (c.key.toLowerCase() === name || c.head.toLowerCase() === name));
      if (!column) return () => false;
      return {'<': f => column.cells[f] < x, '>': f => column.cells[f] > x, '<=': f => column.cells[f] <= x,
        '>=': f => column.cells[f] >= x,
        '=': f => column.cells[f] === x}[compared[2]];
    }
    const worded = columns.filter(c => c.words).map(c =>
      [c.cells, c.words.map(w => w.replace(/_/g, ' ').includes(term.toLowerCase()) ||
      w.includes(term.toLowerCase()))]);
    return f => worded.some(([cells, holds]) => known(cells[f]) && holds[cells[f]]);
  });
  return f => tests.every(test => test(f));
}
function featureTable(place, report, columnsOf, policies, caption, firstSort) {
  let policy = policies[0][0], columns = [], rows = new Uint32Array(0), sortBy = firstSort, down = false, terms = '',
    scope = 'counted';
  const body = h('tbody'), head = h('tr'), widths = h('colgroup'), title = h('caption');
  const grid = h('table', {}, title, widths, h('thead', {}, head), body);
  const scroller = h('div', {class: 'big', id: 'features-scroll', tabindex: '0', role: 'region',
    'aria-label': 'Table of features'}, grid);
  const found = h('p', {class: 'quiet', id: 'features-found'});
  let first = -1, last = -1;
  const line = place => {
    const f = rows[place];
    return h('tr', {'aria-rowindex': String(place + 2)}, columns.map(c => {
      const word = cellText(c, f);
      if (c.link) return h('th', {scope: 'row'}, featureLink(report.sae, f));
      return h('td', {class: c.words ? 'words' : null}, bandNames.includes(word) ? bandMark(word) : word);
    }));
  };
  const gap = tall => h('tr', {class: 'gap', 'aria-hidden': 'true'},
    h('td', {colspan: String(columns.length), style: `height:${tall}px`}));
  const show = (force, all) => {
    const from = all ? 0 : keep(0, Math.floor(scroller.scrollTop / cellHeight) - 12, Math.max(0, rows.length - 1));
    const to = all ? Math.min(rows.length, all) : Math.min(rows.length,
      from + Math.ceil((scroller.clientHeight || 500) / cellHeight) + 26);
    if (!force && from === first && to === last) return;
    first = from; last = to;
    const lines = [];
    for (let k = from; k < to; ++k) lines.push(line(k));
    body.replaceChildren(...[from > 0 && !all ? gap(from * cellHeight) : null, ...lines, to < rows.length && !all ?
      gap((rows.length - to) * cellHeight) : null].filter(Boolean));
  };
  const order = () => {
    const test = searchTest(terms, columns), active = features.onReference('active').cells;
    const born = columns.find(c => c.key === 'born'), band = features.column(policy || features.policies[0],
      outcomeColumn());
    const inScope = f => scope === 'all' || (scope === 'counted' ? known(band.cells[f]) &&
      band.words[band.cells[f]] !== 'unmeasured' :
      active[f] === 1 || (born && born.cells[f] === 1));
    const list = [];
    for (let f = 0; f < features.count; ++f)
      if (inScope(f) && test(f)) list.push(f);
    const column = columns.find(c => c.key === sortBy) || columns[0], turn = down ? -1 : 1;
    const key = column.words ? f => known(column.cells[f]) ? column.words[column.cells[f]] : '\uffff' : null;
    const cells = column.cells;
    list.sort(key ? (a, b) => turn * (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) || a - b : (a, b) => {
      const x = cells[a], y = cells[b], nx = x !== x, ny = y !== y;
      return nx || ny ? nx - ny || a - b : turn * (x - y) || a - b;
    });
    rows = Uint32Array.from(list);
    grid.setAttribute('aria-rowcount', String(rows.length + 1));
    found.textContent = `${whole(rows.length)} of ${whole(features.count)} features` +
      (rows.length === 0 ? '; nothing is found' : '');
    say(found.textContent);
    scroller.scrollTop = 0;
    show(true);
  };
  const build = () => {
    columns = columnsOf(policy);
    if (!columns.some(c => c.key === sortBy)) sortBy = columns[0].key;
    title.textContent = caption(policy);
    widths.replaceChildren(...columns.map(c => h('col',
      {style: `width:${c.words || c.interval ? 9.5 : c.link ? 5.5 : Math.max(6, 0.62 * c.head.length + 2.2)}rem`})));
    head.replaceChildren(...headRow(columns.map(c => [c.head, c.title]), columns.map((c, j) => c.words ? j : -1),
      (j, falling) => { sortBy = columns[j].key; down = falling; order(); }));
    const at = columns.findIndex(c => c.key === sortBy);
    head.children[at].setAttribute('aria-sort', down ? 'descending' : 'ascending');
    order();
  };
  let asked = 0;
  const search = h('input', {type: 'search', id: 'features-search', 'aria-describedby': 'features-help',
    placeholder: 'blurred  r<0.7  1200-1300', oninput: () => {
    clearTimeout(asked);
    asked = setTimeout(() => { terms = search.value; order(); }, 120);
  }});
  scroller.addEventListener('scroll', () => requestAnimationFrame(() => show(false)), {passive: true});
  beforePrint.push(() => show(true, 200));
  afterPrint.push(() => show(true));
  place.append(h('div', {class: 'controls'}, policies.length > 1 ? chooser('Policy', policies, policy,
    chosen => { policy = chosen; build(); }) : null,
    chooser('Which', [['counted', 'counted'], ['active', 'active or born, unmeasured too'],
      ['all', 'all features of the SAE']], scope, chosen => { scope = chosen; order(); }),
    h('label', {}, 'Search', search)), h('p', {class: 'notes', id: 'features-help'},
      'Numbers (17, 100-200), words (blurred, unmeasured, confirmed), and limits of columns (r<0.5, rate>0.01, ' +
      'peak>=3); several at once must all hold. Print shows the first 200 rows. features.csv has every digit and ' +
      'column; numbers are rounded here.'), found, scroller);
  build();
}
function showFeatures() {
  begin('features', 'Features', pageOf(report.sae, 0) ? 'A feature\'s number leads to its page on Neuronpedia, which ' +
    'is fetched only when the link is followed.' : null);
  if (!features) { paragraph('The features are not in this file.', 'quiet'); return; }
  const list = features.policies.filter(p => !report.conditions.some(c => c.policy === p && c.ladder_only));
  if (list.length === 0) { paragraph('No policy has features.', 'quiet'); return; }
  featureTable(section, report, policy => featureColumns(policy, features.count),
    [...list.map(p => [p, p]), ...(list.length > 1 ? [['', 'r under every policy']] : [])],
    policy => `${policy || 'r under every policy'}, ${protocolWords()}, ${saeWords(report)}`, 'r');
}
)js";

}  // namespace qfa

#endif
