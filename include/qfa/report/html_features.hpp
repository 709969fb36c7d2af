// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_FEATURES_HPP
#define QFA_REPORT_HTML_FEATURES_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that reads packed columns (report/packed_columns.hpp), links features to
/// Neuronpedia where the SAE's metadata name it, and shows damage against firing rate and peak.
inline constexpr std::string_view html_features = R"js(
// ---- columns as the file packs them (qfa/report/packed_columns.hpp)
function unpack(column) {
  const raw = atob(column.data), wide = {share: 2, number: 4, count: 4, word: 1}[column.as], n = raw.length / wide;
  const bytes = new DataView(Uint8Array.from(raw, c => c.charCodeAt(0)).buffer);
  const cells = new Float64Array(n);
  for (let i = 0; i < n; ++i) {
    if (column.as === 'share') { const x = bytes.getInt16(2 * i, true); cells[i] = x === -32768 ? NaN : x / 10000; }
    else if (column.as === 'number') cells[i] = bytes.getFloat32(4 * i, true);
    else if (column.as === 'count') { const x = bytes.getUint32(4 * i, true); cells[i] = x === 4294967295 ? NaN : x; }
    else { const x = bytes.getUint8(i); cells[i] = x === 255 ? NaN : x; }
  }
  return {cells, words: column.words};
}
function readFeatures(packed) {
  if (!packed) return null;
  const cache = new Map();
  // A condition's column, unpacked when it is first asked for; nothing where its table has none.
  const column = (policy, name) => {
    const key = policy + '\n' + name;
    if (!cache.has(key)) {
      const condition = packed.conditions.find(c => c.policy === policy);
      const found = condition && condition.columns.find(c => c.name === name);
      cache.set(key, found ? unpack(found) : null);
    }
    return cache.get(key);
  };
  const reference = packed.conditions[0].policy;
  return {count: packed.features, column, policies: packed.conditions.slice(1).map(c => c.policy),
    onReference: name => column(reference, name),
    word: (policy, name, f) => { const c = column(policy, name); return c && known(c.cells[f]) ?
      c.words[c.cells[f]] : ''; }};
}
let features = readFeatures(data.features);
const outcomeColumn = () => protocol === 'honest' ? 'honest_outcome' : 'published_outcome';

// Neuronpedia's page of a feature, where the SAE's own metadata name it there.
function pageOf(sae, feature) {
  const id = sae.neuronpedia_id;
  return id && /^[\w.-]+\/[\w.-]+$/.test(id) ? `https://www.neuronpedia.org/${id}/${feature}` : null;
}
const featureLink = (sae, feature) => {
  const at = pageOf(sae, feature);
  return at ? h('a', {href: at, target: '_blank', rel: 'noopener noreferrer'}, String(feature)) : String(feature);
};

// ---- damage against what the reference alone knows
function showDamage() {
  begin('damage', 'Damage against firing rate and peak',
    `Damage is 1 - r, of the counted features, through a ${saeWords(report)}; the line joins the medians ` +
    'of ten equal parts. Any noise hurts rare and weak features most, so that this alone says nothing of a policy\'s ' +
      'own ways: the controls do.');
  if (!features) { paragraph('The features are not in this file.', 'quiet'); return; }
  const list = compressed().map(c => c.policy).filter(p => features.policies.includes(p));
  if (list.length === 0) { paragraph('No policy has features.', 'quiet'); return; }
  let policy = list.find(p => value(by(report.conditions.find(c => c.policy === p)).survived) < 0.95) || list[0];
  const predictors = [['firing_rate', 'firing rate on the reference'],
    ['max_activation', 'peak activation on the reference']];
  const pointsOf = name => {
    const r = features.column(policy, 'r').cells, x = features.onReference(name).cells,
      band = features.column(policy, outcomeColumn());
    const points = [];
    for (let f = 0; f < features.count; ++f) {
      const word = known(band.cells[f]) ? band.words[band.cells[f]] : '';
      if (word && word !== 'unmeasured' && x[f] > 0 && known(r[f])) points.push([x[f], 1 - r[f], word, f]);
    }
    return points.sort((a, b) => a[0] - b[0]);
  };
  const tenths = points => Array.from({length: Math.min(10, points.length)}, (_, k) => {
    const part = points.slice(Math.floor(k * points.length / 10), Math.floor((k + 1) * points.length / 10));
    const damages = part.map(p => p[1]).sort((a, b) => a - b);
    return part.length === 0 ? null : {from: part[0][0], to: part[part.length - 1][0],
      middle: part[part.length >> 1][0], count: part.length,
      median: damages[(damages.length - 1) >> 1], low: damages[Math.floor(0.1 * (damages.length - 1))],
        high: damages[Math.floor(0.9 * (damages.length - 1))],
      survived: part.filter(p => p[2] === 'survived').length};
  }).filter(Boolean);
  const drawn = predictors.map(([name, title]) => figure(`Damage against ${title.split(' on ')[0]}`, '',
    width => keep(260, width * 0.62, 380), (width, tall) => {
    const points = pointsOf(name), box = [48, 10, width - 12, tall - 42];
    if (points.length === 0) return [text(60, 40, 'no feature is counted under this policy')];
    const x = logarithmic(points[0][0] * 0.9, points[points.length - 1][0] * 1.1, box[0], box[2]);
    const y = linear(0, 1, box[3], box[1]), up = d => y(keep(0, d, 1));
    const parts = tenths(points);
    return [axes(box, x, y, title, 'damage, 1 - r'),
      [[0.1, 'r = 0.9'], [0.5, 'r = 0.5']].map(([at, word]) =>
        [s('path', {d: `M${box[0]} ${y(at)}H${box[2]}`, stroke: 'var(--quiet)', 'stroke-dasharray': '3 3'}),
        text(box[2], y(at) - 4, word, {class: 'tick', 'text-anchor': 'end'})]),
      points.length > 2500 ? density(points, x, up, box) : points.map(([px, d, word, f]) => {
        const i = bandNames.indexOf(word);
        return s('path', {d: [shapes[0], shapes[2], shapes[6]][i](3),
          transform: `translate(${x(px).toFixed(1)} ${up(d).toFixed(1)})`, fill: `var(--${word})`, opacity: 0.75},
          s('title', {}, `feature ${f}: damage ${fixed(d, 4)}, ${word}, ${title.split(' on ')[0]} ${brief(px)}`));
      }),
      s('path', {d: polyline(parts.map(p => [x(p.middle), up(p.median)])), fill: 'none', stroke: 'var(--ground)',
        'stroke-width': 5}),
      s('path', {d: polyline(parts.map(p => [x(p.middle), up(p.median)])), fill: 'none', stroke: 'var(--text)',
        'stroke-width': 2})];
  }));
  const numbers = h('div');
  const paint = () => {
    predictors.forEach(([name, title], k) => {
      const points = pointsOf(name);
      drawn[k].paint();
      drawn[k].querySelector('figcaption').replaceChildren(
        h('strong', {}, `Damage against ${title.split(' on ')[0]}. `),
        `${policy}, ${whole(points.length)} features with r, ${protocolWords()}. ` +
        (points.length > 2500 ? 'The stronger the color of a cell, the more features it holds.' :
        'Circles have r above 0.9, triangles are blurred, bow ties destroyed.'));
    });
    numbers.replaceChildren(...predictors.map(([name, title]) =>
      table(`Tenths of the features by ${title}, ${policy}, ${saeWords(report)}; numbers of a tenth have no ` +
      `interval: unmeasured`,
      [title.split(' on ')[0] + ' from', 'to', 'features', 'median damage', '10 % have less than',
        '10 % have more than', 'survived', 'survived %'],
      tenths(pointsOf(name)).map(p => [brief(p.from), brief(p.to), whole(p.count), fixed(p.median, 4),
        fixed(p.low, 4), fixed(p.high, 4), whole(p.survived), fixed(100 * p.survived / p.count, 1)]))));
  };
  add(h('div', {class: 'controls'}, chooser('Policy', list.map(p => [p, p]), policy,
    chosen => { policy = chosen; paint(); })), h('div', {class: 'pair'}, drawn),
    details('The numbers of these pictures', numbers));
  paint();
}
)js";

}  // namespace qfa

#endif
