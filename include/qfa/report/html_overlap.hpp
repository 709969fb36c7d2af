// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_OVERLAP_HPP
#define QFA_REPORT_HTML_OVERLAP_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that shows which policies hurt the same features, and whether survival was
/// predictable.
inline constexpr std::string_view html_overlap = R"js(
// ---- which policies hurt the same features
// Each by its name and value; a Jaccard index names its set, too, whose chance and ceiling stand beside it, and
// Spearman's correlation what it is without noise, about which its interval stands.
const withoutNoise = e => known((e || {}).bias_corrected) ?
  `${fixed(value(e), 3)}, without noise ${fixed(e.bias_corrected, 3)} ${range(e, 3)}` : withRange(e, 3);
const measures = {
  jaccard: ['Jaccard of those with r of 0.9 or less', o => o.not_survived.jaccard, 'not_survived'],
    blurred: ['Jaccard of the blurred', o => o.blurred.jaccard, 'blurred'],
  destroyed: ['Jaccard of the destroyed', o => o.destroyed.jaccard, 'destroyed'],
    above: ['Jaccard above chance, of what is possible', o => o.not_survived.jaccard_above_chance],
  kappa: ['Cohen\'s kappa of those with r of 0.9 or less', o => o.not_survived.cohen_kappa],
    spearman: ['Spearman of damage', o => o.spearman_damage, null, withoutNoise],
  kendall: ['Kendall\'s tau-b of damage', o => o.kendall_tau_b_damage], biased: ['rank-biased overlap of damage',
    o => o.rank_biased_overlap]};
// All that the picture can show, whichever measure is chosen there: a line for each pair and measure.
function measuresTable(pairs) {
  const beside = (o, set, key) => set ? fixed(value(o[set][key]), 3) : '';
  return table(`Measures of overlap, ${protocolWords()}, ${saeWords(report)}`,
    ['pair', 'measure', 'value', ['without noise', 'the pull of noise in both damages taken off'], '95 %',
    ['chance', 'if both were drawn at random'], ['ceiling', 'possible at these sizes']],
    pairs.flatMap(o => Object.values(measures).map(([name, read, set, words]) => [`${o.a} | ${o.b}`, name,
    fixed(value(read(o)), 3), words ? fixed((read(o) || {}).bias_corrected, 3) : '', range(read(o), 3),
    beside(o, set, 'jaccard_chance'), beside(o, set, 'jaccard_ceiling')])), {words: [1]});
}
function showOverlap() {
  begin('overlap', 'Which policies hurt the same features',
    'Overlap alone proves no shared mode: any two errors hit weak features. Beside it stand what chance gives, what ' +
    'is possible at these sizes, and, where the audit ran controls, what unrelated noise of the same size gives.');
  const pairs = (report.overlaps || {})[protocol] || [];
  const list = compressed().map(c => c.policy).filter(p => pairs.some(o => o.a === p || o.b === p));
  if (pairs.length === 0 || list.length < 2) { paragraph('There is only one policy to compare.', 'quiet'); return; }
  const find = (a, b) => pairs.find(o => (o.a === a && o.b === b) || (o.a === b && o.b === a));
  let measure = 'jaccard';
  const draw = width => {
    const left = keep(80, width * 0.26, 230), cell = keep(18, (width - left - 4) / list.length, 84),
      tall = Math.min(cell, 40);
    return [list.map((a, i) => {
      const letters = Math.floor((left - 26) / 6.6);
      return [text(left - 8, 8 + tall * i + tall / 2 + 4, `${short(a, letters)} ${i + 1}`, {'text-anchor': 'end'}),
        text(left + cell * i + cell / 2, 8 + tall * list.length + 14, String(i + 1),
        {'text-anchor': 'middle', class: 'tick'}),
        list.map((b, j) => {
          const x = left + cell * j, y = 8 + tall * i, o = i === j ? null : find(a, b);
          if (!o) return s('rect', {x, y, width: cell - 1, height: tall - 1, fill: i === j ? 'var(--grid)' :
            'url(#hatch-unmeasured)'}, s('title', {}, i === j ? a : 'not compared'));
          const [name, read, set, words = e => withRange(e, 3)] = measures[measure], e = read(o), v = value(e);
          const beside = set ? [['chance', o[set].jaccard_chance], ['ceiling', o[set].jaccard_ceiling]].filter(
            ([, of]) => known(value(of))).map(([word, of]) =>
            `; ${word} ${fixed(value(of), 3)}`).join('') : '';
          return known(v) ? heatCell(x, y, cell, tall, Math.abs(v), fixed(v, 2),
            `${a} and ${b}, ${name}: ${words(e)}${beside}`) :
            s('rect', {x, y, width: cell - 1, height: tall - 1, fill: 'url(#hatch-unmeasured)',
              stroke: 'var(--grid)'}, s('title', {}, `${a} and ${b}: ${(e && e.reason) || 'unmeasured'}`));
        })];
    })];
  };
  const drawn = figure('Overlap of damage', `${protocolWords()}, ${saeWords(report)}. Columns are numbered as the ` +
    `rows; hatched cells have no value.`, width => 28 + list.length *
    Math.min(40, keep(18, (width - keep(80, width * 0.26, 230) - 4) / list.length, 84)), draw,
    measuresTable(pairs.filter(o => list.includes(o.a) && list.includes(o.b))));
  add(h('div', {class: 'controls'}, chooser('Measure', Object.entries(measures).map(([k, [name]]) => [k, name]),
    measure, chosen => { measure = chosen; drawn.paint(); })), drawn);
  const verdicts = new Map(((report.controls || {}).shared_damage || []).map(x => [x.a + '\n' + x.b, x]));
  const verdictOf = o => verdicts.get(o.a + '\n' + o.b) || verdicts.get(o.b + '\n' + o.a);
  // Controls have rows of their own, and judge by the honest rules: their numbers stand beside no others.
  const controlled = protocol === 'honest';
  const heads = ['pair', 'sizes', 'both', 'J', 'J 95 %', ['chance', 'if both were drawn at random'],
    ['ceiling', 'possible at these sizes'], 'J above chance', 'above 95 %', 'kappa', 'kappa 95 %',
    'Spearman d', ['without noise', 'the pull of noise in both damages taken off'], 'Spearman 95 %',
    ['Kendall tau-b', 'of damage'], 'tau-b 95 %', ['tied at d = 1', 'features that share a rank, r = 0, under either'],
    ['tied at d = 0', 'features that share a rank, r = 1, under either'],
    ...(controlled ? [['J on the controls\' rows', 'of the same two policies'], ['J of noise on the controls\' rows',
    'control: noise of the same size'], ['shared mode? on the controls\' rows', 'J less J of noise, and partial rho']] :
    [])];
  add(table(`Overlap of the features with r of 0.9 or less, ${protocolWords()}, ${saeWords(report)}`, heads,
    pairs.filter(o => list.includes(o.a) && list.includes(o.b)).map(o => {
    const x = verdictOf(o), n = o.not_survived;
    return [`${o.a} | ${o.b}`, `${n.size_a}, ${n.size_b}`, whole(n.intersection), fixed(value(n.jaccard), 3),
      range(n.jaccard, 3), fixed(value(n.jaccard_chance), 3), fixed(value(n.jaccard_ceiling), 3),
      fixed(value(n.jaccard_above_chance), 3), range(n.jaccard_above_chance, 3), fixed(value(n.cohen_kappa), 3),
        range(n.cohen_kappa, 3),
        fixed(value(o.spearman_damage), 3), fixed(value({value: (o.spearman_damage || {}).bias_corrected}), 3),
        range(o.spearman_damage, 3), fixed(value(o.kendall_tau_b_damage), 3), range(o.kendall_tau_b_damage, 3),
      (o.tied_at_damage_one || []).join(', '), (o.tied_at_damage_zero || []).join(', '),
      ...(!controlled ? [] : x ? [withRange(x.jaccard, 3), withRange(x.jaccard_null, 3), x.verdict] :
      ['no control', 'no control', 'unmeasured'])];
  })));
}

// ---- whether survival could be foretold
const predictorWords = {rarity: 'rarity', log_mean: 'log mean', log_max: 'log peak',
  log_concentration: 'log concentration', log_mean_when_active: 'log mean when active'};
// The true positive rate of each policy at every false positive rate; all curves have the same ones.
function rocTable(list, curves) {
  const drawn = list.map((c, i) => [c.policy, curves[i]]).filter(([, rows]) => rows);
  return table(`ROC of the honest prediction, true positive rates by policy, ${saeWords(report)}; no interval: ` +
    `unmeasured`, ['false positive rate', ...drawn.map(([policy]) => policy)],
    drawn[0][1].map(([at], k) => [fixed(at, 2), ...drawn.map(([, rows]) => fixed(rows[k][1], 3))]));
}
function showPrediction() {
  begin('prediction', 'Was it predictable?', 'How well the reference alone foretells which features keep r above ' +
    '0.9. The honest AUC learns from one half of the tokens and is judged on the other; what it has to beat is ' +
    'the noise to signal that an error alike in all directions would give, with nothing fitted.');
  const list = compressed();
  const shown = new Set(list.map((c, i) => i).filter(i => i < 8));
  const curves = list.map(c => c.prediction_honest && c.prediction_honest.roc ? c.prediction_honest.roc.rows : null);
  const parts = [];
  if (curves.some(Boolean)) {
    const roc = figure('ROC of the honest prediction', `through a ${saeWords(report)}; out of fold, the mean of both ` +
      `ways round. The diagonal is chance.` + (curves.every(Boolean) ? '' :
      ` No curve: ${list.filter((c, i) => !curves[i]).map(c => c.policy).join(', ')} (the table says why).`),
        width => keep(280, width * 0.8, 400), (width, tall) => {
      const box = [52, 10, Math.min(width - 14, tall + 40), tall - 42], x = linear(0, 1, box[0], box[2]),
        y = linear(0, 1, box[3], box[1]);
      return [axes(box, x, y, 'false positive rate', 'true positive rate'),
        s('path', {d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}`, stroke: 'var(--quiet)', 'stroke-dasharray': '3 3'}),
        curves.map((rows, i) => rows && shown.has(i) ? line(i, [[0, 0], ...rows], x, y) : null)];
    }, rocTable(list, curves));
    parts.push(roc);
    add(legend(list.map(c => c.policy), shown, () => parts.forEach(p => p.paint()), 'Policies in the pictures'));
  }
  const source = c => c[protocol === 'honest' ? 'prediction_honest' : 'prediction_published'] || {};
  const names = Object.keys(predictorWords).filter(n => list.some(c => source(c).coefficients &&
    known(source(c).coefficients[n])));
  if (names.length > 0) {
    const coefficient = (c, n) => source(c).coefficients ? source(c).coefficients[n] : NaN;
    const all = list.flatMap(c => names.map(n => coefficient(c, n))).filter(known);
    const chart = figure('Coefficients', `${protocolWords()}: of the logistic model fitted to all rows, on ` +
      `standardized columns; positive ones favor survival. No interval: unmeasured.`, () => 60 + 46 * names.length,
      (width, tall) => {
      const left = keep(90, width * 0.3, 170), box = [left, 10, width - 14, tall - 42],
        x = linear(Math.min(0, ...all) - 0.2, Math.max(0, ...all) + 0.2, box[0], box[2]);
      const y = linear(0, names.length, box[1], box[3]);
      y.ticks = [];
      return [axes(box, x, y, 'coefficient', ''), s('path', {d: `M${x(0)} ${box[1]}V${box[3]}`, class: 'axis'}),
        names.map((n, k) => [text(left - 8, y(k + 0.5) + 4, predictorWords[n], {'text-anchor': 'end'}),
        list.map((c, i) => shown.has(i) && known(coefficient(c, n)) ?
          mark(i, x(coefficient(c, n)), y(k + 0.2 + 0.6 * (list.length > 1 ? i / (list.length - 1) : 0.5)), 4.5,
          `${c.policy}: ${predictorWords[n]} ${signed(coefficient(c, n), 3)}`) : null)])];
    }, table(`Coefficients, ${protocolWords()}, ${saeWords(report)}`,
      ['policy', ...names.map(n => predictorWords[n]), ...names.map(n => predictorWords[n] + ' alone, AUC')],
      list.map(c => [c.policy, ...names.map(n => signed(coefficient(c, n), 3)),
      ...names.map(n => fixed((source(c).marginal_auc || {})[n], 3))])));
    parts.push(chart);
  }
  add(h('div', {class: 'pair'}, parts));
  const reliable = (list.find(c => (c.prediction_honest || {}).predictor_reliability) || {}).prediction_honest;
  if (reliable) paragraph('Reliability of the predictors, half of the groups of rows against half: ' +
    Object.entries(reliable.predictor_reliability).map(([n, r]) => `${predictorWords[n]} ${fixed(r, 3)}`).join(', ') +
    ' (intervals unmeasured).', 'notes');
  const controlled = new Map(((report.controls || {}).policies || []).map(p => [p.policy, p.prediction]));
  add(table(`Predicted survival, ${saeWords(report)}`, ['policy', 'survived', 'AUC honest', 'honest 95 %',
    ['by families 95 %', 'families of near-duplicates drawn again, with the scores that they have'],
    ['unfitted baseline', 'noise to signal of isotropic error'], 'baseline 95 %',
    ['shuffled labels', 'control: AUC of shuffled labels'], 'average precision', 'base rate', 'Brier',
    ['slope', 'of the calibration line; below 1 is overconfident'], 'AUC published', 'published 95 %', 'fold sd',
      ['why not', 'where a number is missing']], list.map(c => {
    const q = c.prediction_honest || {}, p = c.prediction_published || {}, control = controlled.get(c.policy);
    return [c.policy, `${q.survived}/${q.features}`, fixed(value(q.auc), 3), range(q.auc, 3),
      range(q.auc_over_families, 3),
      fixed(value(q.baseline_auc), 3), range(q.baseline_auc, 3), control ? fixed(control.auc_shuffled_mean, 3) :
      'no control', fixed(q.average_precision, 3),
      fixed(q.base_rate, 3), fixed(q.brier, 3), fixed(q.calibration_slope, 2), fixed(value(p.auc), 3),
        range(p.auc, 3), fixed(p.auc_deviation_over_folds, 3), (q.auc && q.auc.reason) || (p.auc && p.auc.reason) ||
        ''];
  }), {words: [15]}));
  paragraph('AUC published, its interval and fold sd: protocol: arXiv 2606.03002; predictors of rank 3, from the ' +
    'tokens on which they are judged. Without an interval: shuffled labels, average precision, base rate, Brier, ' +
    'slope, fold sd.', 'notes');
}
)js";

}  // namespace qfa

#endif
