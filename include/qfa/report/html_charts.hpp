// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_CHARTS_HPP
#define QFA_REPORT_HTML_CHARTS_HPP

#include <string_view>

namespace qfa {

/// The part of every page's script that draws: scales, axes, lines with their intervals, marks, heat maps.  A chart is
/// drawn anew as its place becomes wider or narrower; its numbers stand in a table below it.
inline constexpr std::string_view html_charts = R"js(
// ---- scales: functions from numbers to places, with ticks
function niceSteps(a, b, count) {
  const rough = (b - a) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(x => x * power).find(x => x >= rough * 0.999);
  const ticks = [];
  for (let k = Math.ceil(a / step - 1e-9); k * step <= b + 1e-9 * step; ++k) ticks.push(k * step);
  return {ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9))};
}
function linear(a, b, from, to, print) {
  if (!(b > a)) { a -= 0.5; b = a + 1; }
  const scale = x => from + (x - a) / (b - a) * (to - from);
  const {ticks, decimals} = niceSteps(a, b, Math.max(2, Math.abs(to - from) / 70));
  scale.ticks = ticks.map(x => [x, print ? print(x) : fixed(x, decimals).replace(/^-(0(\.0+)?)$/, '$1')]);
  return scale;
}
function logarithmic(a, b, from, to, print = brief) {
  if (!(b > a)) { a /= 2; b = 4 * a; }
  const la = Math.log10(a), lb = Math.log10(b);
  const scale = x => from + (Math.log10(x) - la) / (lb - la) * (to - from);
  if (lb - la < 0.9) {  // too narrow for powers of ten
    const {ticks, decimals} = niceSteps(a, b, Math.max(2, Math.abs(to - from) / 70));
    scale.ticks = ticks.filter(x => x > 0).map(x => [x, fixed(x, decimals)]);
    return scale;
  }
  const inner = lb - la < 1.3 ? [1, 2, 5] : lb - la < 3 && Math.abs(to - from) > 260 ? [1, 3] : [1];
  scale.ticks = [];
  for (let p = Math.floor(la); p <= Math.ceil(lb); ++p)
    for (const m of inner) {
      const x = m * 10 ** p;
      if (x >= a * 0.999 && x <= b * 1.001) scale.ticks.push([x, print(x)]);
    }
  const most = Math.max(2, Math.floor(Math.abs(to - from) / 52)), every = Math.ceil(scale.ticks.length / most);
  scale.ticks = scale.ticks.filter((_, i) => i % every === 0);
  return scale;
}
// Straight about 0 and logarithmic far from it, by asinh(x / unit): changes of 0.01 % and of 300 % in one picture.
function bent(a, b, from, to, unit, print) {
  const f = x => Math.asinh(x / unit), fa = f(a), fb = f(b);
  const scale = x => from + (f(x) - fa) / (fb - fa || 1) * (to - from);
  const all = [0];
  for (let p = -2; p < 7; ++p) for (const m of [1, 3]) all.push(Number(`${m}e${p}`), -Number(`${m}e${p}`));
  const kept = [];
  for (const x of all.sort((x, y) => Math.abs(x) - Math.abs(y)))
    if (x >= a && x <= b && (x === 0 || Math.abs(x) >= unit * 0.9) &&
      kept.every(k => Math.abs(scale(k) - scale(x)) > 44))
      kept.push(x);
  scale.ticks = kept.map(x => [x, print(x)]);
  return scale;
}

// ---- how a condition looks wherever it is drawn
const dashes = ['', '7 3', '2 3', '9 3 2 3', '13 4', '4 2', '1 3', '10 2 3 2'];
const shapes = [
  r => `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`,
  r => `M${-r} ${-r}H${r}V${r}H${-r}Z`,
  r => `M0 ${-1.25 * r}L${1.2 * r} ${r}H${-1.2 * r}Z`,
  r => `M0 ${-1.4 * r}L${1.4 * r} 0 0 ${1.4 * r} ${-1.4 * r} 0Z`,
  r => `M0 ${1.25 * r}L${1.2 * r} ${-r}H${-1.2 * r}Z`,
  r => `M${-r} ${-r / 3}H${-r / 3}V${-r}H${r / 3}V${-r / 3}H${r}V${r / 3}H${r / 3}V${r}H${-r / 3}V${r / 3}H${-r}Z`,
  r => `M${-r} ${-r}L${r} ${r}V${-r}L${-r} ${r}Z`,
  r => `M${-r} ${-r}L${r} ${r}H${-r}L${r} ${-r}Z`,
];
const look = i => ({color: `var(--c${i % 8})`, dash: dashes[(i + Math.floor(i / 8)) % 8], shape: shapes[i % 8]});
const mark = (i, x, y, r, title) => s('path', {d: look(i).shape(r), transform: `translate(${x} ${y})`,
  fill: look(i).color,
  stroke: 'var(--ground)', 'stroke-width': 1}, title ? s('title', {}, title) : null);
const swatch = i => s('svg', {width: 34, height: 14, 'aria-hidden': 'true'},
  s('path', {d: 'M1 7H33', stroke: look(i).color, 'stroke-width': 2.4, 'stroke-dasharray': look(i).dash,
    fill: 'none'}),
  mark(i, 17, 7, 4));
const text = (x, y, what, properties) => s('text', {x, y, ...properties}, what);
const keep = (low, x, high) => Math.min(Math.max(x, low), high);

// ---- a figure: draw(width, height) gives the parts of a drawing
function figure(name, caption, height, draw, numbers) {
  const place = h('div');
  let width = 0;
  const paint = () => {
    width = Math.max(280, place.clientWidth || 720);
    const tall = typeof height === 'function' ? height(width) : height;
    place.replaceChildren(s('svg', {viewBox: `0 0 ${width} ${tall}`, width, height: tall, role: 'img',
      'aria-label': name},
      draw(width, tall)));
  };
  const node = h('figure', {}, place, h('figcaption', {}, h('strong', {}, name + '. '), caption),
    numbers ? details('The numbers of this picture', numbers) : null);
  node.paint = paint;
  // What was taken off the page has no width, and must not be drawn anew: its numbers may be of another protocol.
  new ResizeObserver(() => {
    if (place.isConnected && Math.abs(place.clientWidth - width) > 1) paint();
  }).observe(place);
  return node;
}
// Lines that can be put away: a fieldset of boxes above the figure.
function legend(names, shown, changed, what = 'Shown') {
  return h('fieldset', {class: 'legend'}, h('legend', {class: 'hidden'}, what), names.map((name, i) =>
    h('label', {title: name}, h('input', {type: 'checkbox', checked: shown.has(i), onchange: event => {
      if (event.target.checked) shown.add(i); else shown.delete(i);
      changed();
    }}), swatch(i), short(name))));
}
function axes(box, x, y, xTitle, yTitle) {
  const [left, top, right, bottom] = box;
  return [
    x.ticks.map(([at, word]) => [s('path', {class: 'grid', d: `M${x(at)} ${top}V${bottom}`}),
      text(x(at), bottom + 15, word, {class: 'tick', 'text-anchor': 'middle'})]),
    y.ticks.map(([at, word]) => [s('path', {class: 'grid', d: `M${left} ${y(at)}H${right}`}),
      text(left - 6, y(at) + 4, word, {class: 'tick', 'text-anchor': 'end'})]),
    s('path', {class: 'axis', d: `M${left} ${top}V${bottom}H${right}`}),
    text((left + right) / 2, bottom + 33, xTitle, {'text-anchor': 'middle'}),
    text(0, 0, yTitle, {transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)`, 'text-anchor': 'middle'}),
  ];
}
const polyline = points => points.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
// rows: [x, y, lower, upper].  A ribbon joins the intervals of y within `between`: at its ends they are one-sided,
// and stand in the numbers alone.
function line(i, rows, x, y, {marks = false, between = [-Infinity, Infinity]} = {}) {
  const good = rows.filter(row => known(row[1]));
  const banded = good.filter(row => known(row[2]) && known(row[3]) && row[1] >= between[0] && row[1] <= between[1]);
  return [
    banded.length > 1 ? s('path', {d: polyline([...banded.map(r => [x(r[0]), y(r[3])]),
      ...banded.slice().reverse().map(r => [x(r[0]), y(r[2])])]) + 'Z', fill: look(i).color, opacity: 0.16}) : null,
    s('path', {d: polyline(good.map(r => [x(r[0]), y(r[1])])), fill: 'none', stroke: look(i).color, 'stroke-width': 2,
      'stroke-dasharray': look(i).dash}),
    marks ? good.map(r => mark(i, x(r[0]), y(r[1]), 4)) : null,
  ];
}
// Names beside marks, each where it covers no other: right, left, above, below; else further off, at the end of a line.
const besideMark = [[9, 4, 'start'], [-9, 4, 'end'], [0, -11, 'middle'], [0, 20, 'middle']];
const furtherOff = [26, 42, 58, 74, 90, 106].flatMap(far => [1, -1].flatMap(up => [[14, 'start'], [-14, 'end'],
  [far, 'start'], [-far, 'end']].map(([dx, anchor]) => [dx, -up * far, anchor])));
function placeNames(points, box) {  // [x, y, name]
  const taken = points.map(([x, y]) => [x - 6, y - 6, x + 6, y + 6]);
  return points.map(([x, y, name]) => {
    const word = short(name, 26), wide = 6.6 * word.length;
    for (const [dx, dy, anchor] of [...besideMark, ...furtherOff]) {
      const left = x + dx - (anchor === 'end' ? wide : anchor === 'middle' ? wide / 2 : 0);
      const area = [left, y + dy - 11, left + wide, y + dy + 3], led = Math.hypot(dx, dy) > 22;
      if (area[0] < box[0] || area[2] > box[2] + 8 || area[1] < box[1] - 6 || (led && area[3] > box[3])) continue;
      if (taken.some(t => area[0] < t[2] && t[0] < area[2] && area[1] < t[3] && t[1] < area[3])) continue;
      taken.push(area);
      return [led ? s('path', {class: 'axis', d: `M${x} ${y}L${x + dx} ${y + dy + (dy < 0 ? 3 : -9)}`}) : null,
        text(x + dx, y + dy, word, {'text-anchor': anchor, class: 'halo'})];
    }
    return null;
  });
}
// Cells that say their number; `share` is 0 (ground) to 1 (deepest).
function heatCell(x, y, wide, tall, share, word, title) {
  const strength = keep(0, share, 1);
  return s('g', {}, s('title', {}, title),
    s('rect', {x, y, width: wide - 1, height: tall - 1, fill: 'rgb(var(--heat))',
      style: `fill-opacity: calc(0.04 + ${strength.toFixed(3)} * var(--heat-most))`}),
    word && wide >= 34 ? text(x + wide / 2, y + tall / 2 + 4, word, {'text-anchor': 'middle'}) : null);
}
// Many points as counts in cells, of a stronger color where there are more: 100,000 features cost 1,500 rectangles.
function density(points, x, y, box, step = 9) {
  const [left, top, right, bottom] = box, wide = Math.ceil((right - left) / step);
  const cells = new Map();
  let most = 1;
  for (const [px, py] of points) {
    const key = Math.min(wide - 1, Math.floor((x(px) - left) / step)) +
      wide * Math.floor((Math.min(y(py), bottom - 0.01) - top) / step);
    const count = (cells.get(key) || 0) + 1;
    cells.set(key, count);
    most = Math.max(most, count);
  }
  return [...cells].map(([key, count]) => s('rect', {x: left + (key % wide) * step, y: top + Math.floor(key / wide) *
    step,
    width: step, height: step,
      fill: `rgba(var(--heat), ${(0.15 + 0.8 * Math.log1p(count) / Math.log1p(most)).toFixed(2)})`},
    s('title', {}, `${whole(count)} features`)));
}
)js";

}  // namespace qfa

#endif
