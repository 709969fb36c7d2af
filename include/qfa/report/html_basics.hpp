// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_BASICS_HPP
#define QFA_REPORT_HTML_BASICS_HPP

#include <string_view>

namespace qfa {

/// The first part of every page's script: elements, numbers and their intervals in words, sections, tables, and the bar
/// at the top.  Elements are made one by one, and text is only ever text: nothing that a report says is read as markup.
inline constexpr std::string_view html_basics = R"js(
const $ = id => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const page = $('page');

// ---- elements
function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}
const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
const drawing = $('hatches').namespaceURI;
const s = (tag, properties, ...children) => fill(document.createElementNS(drawing, tag), properties, children);
const say = text => { $('said').textContent = text; };

// ---- numbers, as the program prints them
const known = x => typeof x === 'number' && Number.isFinite(x);
const fixed = (x, decimals) => known(x) ? x.toFixed(decimals) : '-';
// A report's number may be null, which counts as 0 in JavaScript's sums: a product of one that is missing is missing.
const times = (k, x) => known(x) ? k * x : NaN;
const percentChange = ratio => known(ratio) ? 100 * (ratio - 1) : NaN;
const signed = (x, decimals) => (known(x) && x >= 0 ? '+' : '') + fixed(x, decimals);
const whole = x => known(x) ? Math.round(x).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',') : '-';
const brief = x => !known(x) ? '-' : x === 0 ? '0' : Math.abs(x) >= 1e-3 && Math.abs(x) < 1e5 ?
  String(Number(x.toPrecision(3))) : x.toExponential(1);
// An interval is an object with its kind, or two bounds, or nothing.
function range(e, decimals, unit = 1, print = fixed, from = 0) {
  const i = e && e.interval;
  const end = x => print(known(x) ? unit * (x - from) : NaN, decimals);
  if (Array.isArray(i)) return known(i[0]) || known(i[1]) ? `[${end(i[0])}, ${end(i[1])}]` : 'unmeasured';
  if (!i) return 'unmeasured';
  if (i.kind === 'at_least') return `[>= ${end(i.lower)}]`;
  if (i.kind === 'at_most') return `[<= ${end(i.upper)}]`;
  return i.kind === 'two_sided' ? `[${end(i.lower)}, ${end(i.upper)}]` : 'unmeasured';
}
const bounds = e => !e || !e.interval ? null : Array.isArray(e.interval) ? e.interval :
  [e.interval.lower, e.interval.upper];
const value = e => e && known(e.value) ? e.value : NaN;
const withRange = (e, decimals, unit = 1, print = fixed) => !known(value(e)) ? 'unmeasured' :
  `${print(unit * value(e), decimals)} ${range(e, decimals, unit, print).replace(/^unmeasured$/, '(unmeasured)')}`;
const percent = (e, decimals = 1) => known(value(e)) ? fixed(100 * value(e), decimals) : '-';
const percentRange = (e, decimals = 1) => range(e, decimals, 100);
const pair = (hits, of) => `${hits}/${of}`;
const short = (text, letters = 34) => text.length <= letters ? text : text.slice(0, letters - 3) + '...';

const gates = {relu: 'ReLU', jump_relu: 'JumpReLU', top_k: 'TopK', gated: 'gated'};
const saeWords = report => (gates[report.sae.activation] || report.sae.activation) + ' SAE' +
  (/ignored/.test(report.protocol.gate || '') ? ', its gate ignored' : '');
const bandNames = ['survived', 'blurred', 'destroyed'];
const bandMark = name => name ? h('span', {class: 'band ' + name}, name) : '';

function plainValue(v) {
  if (v === null || v === undefined || v === '' || (Array.isArray(v) && v.length === 0)) return 'none';
  if (v === true || v === false) return v ? 'yes' : 'no';
  if (Array.isArray(v)) return v.map(plainValue).join('; ');
  return typeof v !== 'object' ? String(v) : Object.entries(v).map(([k, x]) =>
    `${k.replace(/_/g, ' ')} ${plainValue(x)}`).join(', ');
}

// ---- sections and what stands in them
let section = page;
function begin(id, title, ...paragraphs) {
  section = h('section', {id, 'aria-labelledby': id + '-title'}, h('h2', {id: id + '-title'}, title),
    paragraphs.filter(Boolean).map(text => h('p', {}, text)));
  page.append(section);
  $('sections').append(h('li', {}, h('a', {href: '#' + id}, title)));
}
const add = (...nodes) => section.append(...nodes.flat(Infinity).filter(Boolean));
const heading = text => add(h('h3', {}, text));
const paragraph = (text, kind) => add(h('p', {class: kind}, text));
const facts = entries => h('dl', {class: 'facts'}, entries.filter(Boolean).map(([name, text, more]) =>
  h('div', {}, h('dt', {}, name), h('dd', {}, text, more ? h('small', {}, more) : null))));
// A part that a report lacks something of says so by its name, and the others are drawn all the same.
function attempt(name, part) {
  try {
    part();
  } catch (problem) {
    console.error(problem);
    section = page;
    paragraph(`The part "${name}" of this page cannot be drawn from this report: ${problem.message}.`, 'warning');
  }
}
const details = (title, ...inside) => h('details', {}, h('summary', {}, title), inside);
function chooser(label, choices, chosen, changed) {  // choices: [value, text]
  const select = h('select', {onchange: () => changed(select.value)},
    choices.map(([key, text]) => h('option', {value: key, selected: key === chosen}, text)));
  return h('label', {}, label, select);
}

// ---- tables: every column sorts, by its button, with the mouse or the keyboard
const sortKey = cell => {
  if (cell && typeof cell === 'object' && !(cell instanceof Node)) return cell.sort;
  const text = cell instanceof Node ? cell.textContent : String(cell);
  const number = text.match(/^[[>=< +]*(-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)/);
  return number ? Number(number[1].replace(/,/g, '')) : text === '-' || text === '' || text === 'unmeasured' ? NaN :
    text;
};
function compareKeys(a, b, down) {
  const none = x => x === undefined || x === null || Number.isNaN(x);
  if (none(a) || none(b)) return none(a) - none(b);  // what has no value comes last, whichever way
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en',
    {numeric: true});
  return down ? -order : order;
}
function headRow(heads, words, sorted) {
  const cells = heads.map((head, j) => {
    const [text, title] = Array.isArray(head) ? head : [head];
    return h('th', {scope: 'col', class: words.includes(j) ? 'words' : null, title, 'aria-sort': 'none',
      'data-head': text},
      h('button', {type: 'button', onclick: () => {
        const down = cells[j].getAttribute('aria-sort') === 'ascending';
        for (const cell of cells) cell.setAttribute('aria-sort', 'none');
        cells[j].setAttribute('aria-sort', down ? 'descending' : 'ascending');
        say(`sorted by ${text}, ${down ? 'descending' : 'ascending'}`);
        sorted(j, down);
      }}, text));
  });
  return cells;
}
// rows: lists of cells, each a text, a node, or {text, sort}; the first one names its row.
function table(caption, heads, rows, {words = [], chosen = () => false} = {}) {
  const lines = rows.map((cells, i) =>
    ({cells, node: h('tr', {class: chosen(i) ? 'chosen' : null}, cells.map((cell, j) => {
    const inside = cell && typeof cell === 'object' && !(cell instanceof Node) ? cell.text : cell;
    const kind = words.includes(j) ? 'words' : null;
    const letters = inside instanceof Node ? inside.textContent.length : String(inside).length;
    return j === 0 ? h('th', {scope: 'row', class: letters > 36 ? 'long' : null}, inside) :
      h('td', {class: kind}, inside);
  }))}));
  const body = h('tbody', {}, lines.map(line => line.node));
  const head = headRow(heads, words, (j, down) => {
    const ordered = lines.slice().sort((a, b) => compareKeys(sortKey(a.cells[j]), sortKey(b.cells[j]), down));
    body.replaceChildren(...ordered.map(line => line.node));
  });
  return h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption},
    h('table', {}, h('caption', {}, caption), h('thead', {}, h('tr', {}, head)), body));
}

// ---- the bar, light and dark, and the place in the page
const system = matchMedia('(prefers-color-scheme: dark)');
let theme = 'system';
function showTheme(printing) {
  const dark = !printing && (theme === 'dark' || (theme === 'system' && system.matches));
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
}
const beforePrint = [], afterPrint = [];
addEventListener('beforeprint', () => { showTheme(true); beforePrint.forEach(run => run()); });
addEventListener('afterprint', () => { showTheme(false); afterPrint.forEach(run => run()); });
system.addEventListener('change', () => showTheme(false));
showTheme(false);
function bar(name, ...tools) {
  $('name').textContent = name;
  const scheme = h('select', {id: 'theme', 'aria-label': 'Colors',
    onchange: () => { theme = scheme.value; showTheme(false); }},
    ['system', 'light', 'dark'].map(t => h('option', {value: t}, t === 'system' ? 'system colors' : t)));
  $('tools').replaceChildren(...tools, ' ', scheme);
}
function followSections() {
  const mark = () => {
    const links = [...document.querySelectorAll('#sections a')];
    let current = links[0];
    for (const link of links)
      if ($(link.hash.slice(1)).getBoundingClientRect().top < innerHeight / 3) current = link;
    if (innerHeight + scrollY >= document.documentElement.scrollHeight - 4) current = links[links.length - 1];
    for (const link of links)
      if (link === current) link.setAttribute('aria-current', 'true'); else link.removeAttribute('aria-current');
  };
  let waiting = false;
  addEventListener('scroll', () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; mark(); });
  }, {passive: true});
  mark();
}
)js";

}  // namespace qfa

#endif
