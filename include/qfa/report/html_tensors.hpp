// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_TENSORS_HPP
#define QFA_REPORT_HTML_TENSORS_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that shows what became of each weight, distortion beside bits a weight, and what
/// policies are worth in bits of plain rounding.
inline constexpr std::string_view html_tensors = R"js(
// ---- what each weight became
function placeOf(name) {
  const layer = name.match(/(?:layers|layer|h|blocks|blk)\.(\d+)\./);
  const kind = (layer ? name.slice(layer.index + layer[0].length) : name).replace(/\.weight(?=#|$)/, '');
  return {layer: layer ? Number(layer[1]) : -1, kind};
}
const tensorMeasures = {
  error: ['relative error', t => t.relative_frobenius_error, x => fixed(x, 4)],
    sqnr: ['SQNR, dB', t => value(t.sqnr_db), x => fixed(x, 1)],
  bits: ['bits a weight', t => value(t.bits_per_weight), x => fixed(x, 2)],
    zeroed: ['zeroed share', t => t.zeroed_share, x => fixed(x, 3)],
  cosine: ['1 - cosine', t => 1 + times(-1, t.cosine), x => brief(x)]};
function showTensors() {
  const list = compressed().filter(c => c.tensors && c.tensors.length > 0);
  if (list.length === 0) return;
  begin('tensors', 'Weights, layer by layer', 'What each policy did to each matrix. An error of weights is exact: it ' +
    'is no sample, and has no interval.');
  let c = list[0], measure = 'error';
  const draw = width => {
    const of = tensorMeasures[measure], places = c.tensors.map(t => ({...placeOf(t.name), t}));
    const kinds = [...new Set(places.map(p => p.kind))], layers = [...new Set(places.map(p => p.layer))].sort(
      (a, b) => a - b);
    const left = keep(90, width * 0.3, 240), cell = keep(14, (width - left - 4) / layers.length, 84), top = 20;
    const all = places.map(p => of[1](p.t)).filter(known), low = Math.min(...all, 0), high = Math.max(...all);
    return [text(left - 8, 13, 'layer', {'text-anchor': 'end', class: 'tick'}),
      layers.map((l, j) => cell > 17 || l % 5 === 0 ? text(left + cell * (j + 0.5), 13, l < 0 ? '-' : String(l),
      {'text-anchor': 'middle', class: 'tick'}) : null),
      kinds.map((kind, i) => [text(left - 8, top + 26 * i + 17, short(kind, Math.floor((left - 10) / 6.6)),
        {'text-anchor': 'end'}, s('title', {}, kind)), layers.map((l, j) => {
        const p = places.find(q => q.kind === kind && q.layer === l), x = left + cell * j, y = top + 26 * i;
        if (!p) return null;
        const v = of[1](p.t);
        return known(v) ? heatCell(x, y, cell, 26, high > low ? (v - low) / (high - low) : 0, of[2](v),
          `${p.t.name}: ${of[0]} ${of[2](v)}`) : s('rect',
          {x, y, width: cell - 1, height: 25, fill: 'url(#hatch-unmeasured)'},
          s('title', {}, `${p.t.name}: no value`));
      })])];
  };
  const drawn = figure('Matrices by layer', 'The stronger the color, the more. Hatched cells have no value: nothing ' +
    'changed there.', () => 26 + 26 * new Set(c.tensors.map(t => placeOf(t.name).kind)).size, draw);
  const rows = h('div');
  const paint = () => {
    drawn.paint();
    rows.replaceChildren(table(`Matrices under ${c.policy}`, ['tensor', 'layer', 'policy', 'weights',
      'bits a weight', 'SQNR, dB', 'relative error', 'cosine', 'zeroed %', 'worst error'],
      c.tensors.map(t => [t.name, placeOf(t.name).layer < 0 ? '' : String(placeOf(t.name).layer),
      t.policy || c.policy, whole(t.weights), fixed(value(t.bits_per_weight), 2), fixed(value(t.sqnr_db), 2),
        fixed(t.relative_frobenius_error, 5), fixed(t.cosine, 6), fixed(times(100, t.zeroed_share), 2),
        brief(t.worst_error)]), {words: [2]}));
  };
  add(h('div', {class: 'controls'}, chooser('Policy', list.map((p, i) => [String(i), p.policy]), '0',
    i => { c = list[Number(i)]; paint(); }),
    chooser('Measure', Object.entries(tensorMeasures).map(([k, [name]]) => [k, name]), measure,
      chosen => { measure = chosen; paint(); })), drawn, details('The numbers of this picture, tensor by tensor',
      rows));
  paint();
  const weighed = list.filter(p => p.distortion && known(bitsOf(p)) && p.distortion.relative_frobenius_error > 0 &&
    known(value(by(p).survived)));
  if (weighed.length === 0) return;
  heading('Distortion beside bits a weight');
  const charts = [['relative error of the weights', p => p.distortion.relative_frobenius_error, null, true],
    [`survived, through a ${saeWords(report)}`, p => 100 * value(by(p).survived),
    p => (bounds(by(p).survived) || []).map(x => times(100, x)), false]].map(([name, of, ends, bent]) =>
    figure(bent ? 'Distortion' : 'Survival', bent ? 'Relative Frobenius error of all targeted matrices together.' :
      `${protocolWords()}; bars are 95 % intervals.`, width => keep(250, width * 0.6, 330), (width, tall) => {
      const box = [64, 12, width - 14, tall - 42], xs = weighed.map(bitsOf), ys = weighed.map(of).filter(known);
      const x = linear(Math.min(...xs) - 0.5, Math.max(...xs) + 0.5, box[0], box[2]);
      const y = bent ? logarithmic(Math.min(...ys) * 0.7, Math.max(...ys) * 1.5, box[3], box[1]) :
        linear(Math.max(0, Math.min(95, ...ys) - 8), 101, box[3], box[1], v => v + ' %');
      return [axes(box, x, y, 'bits a weight, scales included', name), weighed.map(p => {
        const e = ends ? ends(p) : [];
        return e.length === 2 && e.every(known) ? s('path',
          {d: `M${x(bitsOf(p))} ${Math.min(box[3], y(e[0]))}V${y(e[1])}`, stroke: look(lookOf(p)).color}) : null;
      }), weighed.map(p => mark(lookOf(p), x(bitsOf(p)), y(of(p)), 5,
        `${p.policy}: ${fixed(bitsOf(p), 2)} bits, ${fixed(of(p), 4)}`)),
        placeNames(weighed.map(p => [x(bitsOf(p)), y(of(p)), p.policy]), box)];
    }));
  add(h('div', {class: 'pair'}, charts),
    table(`Distortion of all targeted matrices, and survival, ${protocolWords()}, ${saeWords(report)}`,
    ['policy', 'bits', 'weights', 'SQNR, dB', 'relative error', 'cosine', 'zeroed %', 'survived %', 'survived 95 %'],
    list.map(p => [p.policy, fixed(bitsOf(p), 2), whole(p.distortion.weights), fixed(value(p.distortion.sqnr_db), 2),
    fixed(p.distortion.relative_frobenius_error, 5), fixed(p.distortion.cosine, 6),
      fixed(times(100, p.distortion.zeroed_share), 2), percent(by(p).survived), percentRange(by(p).survived)])));
}

// ---- in bits of plain rounding
const bitsWords = (e, decimals = 2) => !known(value(e)) ? 'unmeasured' :
  ({at_most: 'at most ', at_least: 'at least '}[e.censored] || '') + fixed(value(e), decimals);
function showLadder() {
  const l = report.ladder;
  if (!l) return;
  begin('ladder', 'Worth in bits', `What each policy is worth in bits of ${l.family}, through a ${saeWords(report)}: ` +
    `the number of bits at which plain rounding does the same damage to a feature. Law: ${l.law}.`);
  const worth = w => [bitsWords(w.median), range(w.median, 2), bitsWords(w.worst_decile), range(w.worst_decile, 2),
    whole(w.features), whole(w.features_at_most_lowest_rung), whole(w.features_at_least_highest_rung)];
  const heads = ['median', 'median 95 %', 'worst decile', 'worst decile 95 %', 'features', 'at most the lowest rung',
    'at least the highest'];
  add(table(`Bits of ${l.family}, ${saeWords(report)}`, ['policy', ...heads],
    [...compressed().filter(c => c.effective_bits).map(c => [c.policy, ...worth(c.effective_bits)]),
    ['needed not to break (r > 0.9)', ...worth(l.bits_to_break)], ['needed not to be destroyed (r > 0.5)',
    ...worth(l.bits_to_destroy)]]));
  const curves = l.survival_over_bits.by_quartile_of, names = Object.keys(curves || {});
  if (names.length > 0) {
    let name = names[0];
    const parts = ['lowest quarter', 'second', 'third', 'highest quarter'];
    const drawn = figure('Survival over bits', `Share of features with r above 0.9 on a rung, by quarters of a ` +
      `predictor, through a ${saeWords(report)}; ribbons are 95 % intervals where 1 to 99 % are; the numbers have all.`,
      width => keep(260, width * 0.42, 360), (width, tall) => {
      const box = [62, 12, width - 14, tall - 42], at = l.survival_over_bits.bits,
        x = linear(Math.min(...at), Math.max(...at), box[0], box[2]),
        y = linear(0, 100, box[3], box[1], v => v + ' %');
      return [axes(box, x, y, `bits of ${l.family}`, 'survived'),
        curves[name].map((q, i) => line(i, q.survive.map((e, k) => [at[k], ...e.map(v => times(100, v))]),
        x, y, {marks: true, between: [1, 99]}))];
    });
    const rows = h('div');
    const paint = () => {
      drawn.paint();
      rows.replaceChildren(table(`Survived %, by quarters of ${predictorWords[name] || name}, ${saeWords(report)}`,
        ['quarter', 'features', 'from', 'to', ...l.survival_over_bits.bits.flatMap(b =>
        [`${b} bits`, `${b} bits, 95 %`])], curves[name].map((q, i) => [parts[i] || String(i + 1), whole(q.features),
        fixed(q.predictor_from, 3), fixed(q.predictor_to, 3),
        ...q.survive.flatMap(e => [fixed(times(100, e[0]), 1), known(e[1]) || known(e[2]) ?
          `[${fixed(times(100, e[1]), 1)}, ${fixed(times(100, e[2]), 1)}]` : 'unmeasured'])])));
    };
    add(h('div', {class: 'controls'}, chooser('By', names.map(n => [n, predictorWords[n] || n]), name,
      chosen => { name = chosen; paint(); })), h('div', {class: 'legend'},
      parts.map((p, i) => h('label', {}, swatch(i), p))), drawn, details('The numbers of this picture', rows));
    paint();
  }
  const f = l.features, slope = l.slope_of_log2_nu_per_bit;
  paragraph(`Of ${whole(f.counted)} counted features the law fits ${whole(f.fitted)}; ${whole(f.unmoved)} are ` +
    `unmoved, ${whole(f.gone)} gone, ${whole(f.unsure)} unsure. log2 of noise to signal falls by ` +
    `${fixed(times(-1, slope.median), 2)} a bit (median, unmeasured; 5 to 95 % of features: ` +
    `${fixed(times(-1, slope.percentile_95), 2)} to ${fixed(times(-1, slope.percentile_5), 2)}).`, 'notes');
}
)js";

}  // namespace qfa

#endif
