// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_ALIGNMENT_HPP
#define QFA_REPORT_HTML_ALIGNMENT_HPP

#include <string_view>

namespace qfa {

/// The part of an alignment page's script that draws it: `showAlignment`, the tables of report/alignment_tables.hpp
/// with pictures of flips.
inline constexpr std::string_view html_alignment = R"js(
function showAlignment() {
  const a = data.report, one = e => `${e.hits}/${e.trials}`, rate = e => percent(e),
    words = x => String(x).replace(/_/g, ' ');
  bar('qfa align');
  page.append(h('h1', {}, 'What quantized KV caches do to refusals'));
  section = page;
  const refused = a.reference.harmful.verdicts.refused, harmful = a.reference.harmful.conditional_flip.trials;
  add(facts([['Prompts refused by the reference', whole(harmful), 'of the harmful ones in the test split'],
    ['Perplexity of the reference', fixed(a.reference.perplexity, 3),
    `${whole(a.reference.scored_tokens)} scored tokens`],
    ['Critical layers', a.layers.critical.join(', ') || 'none', words(a.layers.pattern)],
      ['Diagnosis', a.diagnosis.mode ? words(a.diagnosis.verdict) : 'undetermined', a.diagnosis.mode ?
      `P = ${fixed(Math.max(...Object.values(a.diagnosis.probability).filter(known)), 2)}` : '']]));
  for (const warning of a.warnings) paragraph('Warning: ' + warning, 'warning');
  const judge = a.settings.judge, caches = [a.reference, ...a.sweep.rows, ...a.caches];
  const row = (m, name) => [name || m.name, name ? '' : fixed(m.bits_per_element, 2), fixed(m.perplexity_ratio, 4),
    one(m.harmful.conditional_flip), rate(m.harmful.conditional_flip), range(m.harmful.conditional_flip, 1, 100),
    ...(judge ? [rate(m.harmful.corrected_conditional_flip), range(m.harmful.corrected_conditional_flip, 1, 100)] : []),
    one(m.harmless.reverse_flip), range(m.harmless.reverse_flip, 1, 100),
    fixed(times(100, m.harmful.net), 1), known(m.harmful.mcnemar_p) && m.harmful.mcnemar_p < 1e-4 ?
      m.harmful.mcnemar_p.toExponential(1) :
      fixed(m.harmful.mcnemar_p, 4), one(m.harmful.garbled), one(m.harmless.garbled)];
  const heads = ['cache', ['KV bits', 'bits an element takes, scales included'], 'PPL ratio',
    ['flips', 'refused by the reference, answered now'], 'flips %', 'flips 95 %',
    ...(judge ? [['corrected %', 'flips behind the judge\'s errors'], ['corrected 95 %', 'the judge taken as known']] :
    []),
    ['over-refused', 'harmless prompts refused now'], 'over-refused 95 %, in %', ['net %', 'of harmful prompts'],
    ['McNemar p', 'of harmful prompts'], 'garbled, harmful', 'garbled, harmless'];
  begin('behavior', 'What perplexity hides', 'Flips are harmful prompts that the reference refuses and the model ' +
    'answers under a quantized cache. Noise of the same size stands beside each: a floor below which flips mean ' +
    'nothing. Intervals are Wilson\'s, 95 %; perplexity ratios have none: unmeasured.' + (judge ? ' Corrected ' +
    `rates lie behind what a judge of sensitivity ${judge.sensitivity} and specificity ${judge.specificity} counted.` :
    ''));
  add(figure('Flips against perplexity', 'Bars are 95 % intervals of the share of flips; crosses are noise of the ' +
    'same size.', width => keep(280, width * 0.45, 400), (width, tall) => {
    const box = [62, 12, width - 14, tall - 42], all = [...caches, ...a.sweep.noise_of_that_size],
      ratios = all.map(m => percentChange(m.perplexity_ratio)).filter(known);
    const x = bent(Math.min(-0.02, ...ratios) * 1.1, Math.max(1, ...ratios) * 1.3, box[0], box[2], 0.1, v => v +
      ' %'), y = linear(0, 100, box[3], box[1], v => v + ' %');
    const at = m => [x(percentChange(m.perplexity_ratio)), y(times(100, m.harmful.conditional_flip.value))];
    const drawn = m => known(m.perplexity_ratio) && known(m.harmful.conditional_flip.value);
    return [axes(box, x, y, 'change of perplexity (bent scale)', 'flips of refused prompts'),
      caches.filter(drawn).map((m, i) => { const [low, high] = m.harmful.conditional_flip.interval;
      return [s('path', {d: `M${at(m)[0]} ${y(100 * low)}V${y(100 * high)}`, stroke: look(i).color}),
      mark(i, ...at(m), 5, `${m.name}: ${one(m.harmful.conditional_flip)} flips`)]; }),
      a.sweep.noise_of_that_size.filter(drawn).map(m =>
        s('path', {d: 'M-4 -4L4 4M-4 4L4 -4', transform: `translate(${at(m)[0]} ${at(m)[1]})`,
        stroke: 'var(--quiet)', 'stroke-width': 1.5},
        s('title', {}, `${m.name}: ${one(m.harmful.conditional_flip)} flips`))),
        placeNames(caches.filter(drawn).map(m => [...at(m), m.name]), box)];
  }), table('Caches, on the test prompts', heads, [row(a.reference),
    ...a.sweep.rows.flatMap((m, i) => [row(m), row(a.sweep.noise_of_that_size[i],
    `noise of the size of ${m.name}`)]), ...a.caches.map(m => row(m))]));
  const onset = o => o === null ? 'never' : `${fixed(o, 0)} bits`;
  paragraph(`Flips begin at ${onset(a.sweep.by_rate.onset)} by their rate and at ` +
    `${onset(a.sweep.by_lower_bound.onset)} by the lower end of the interval; collapse: ` +
    `${onset(a.sweep.by_rate.collapse)} and ${onset(a.sweep.by_lower_bound.collapse)}.`);
  const fitted = a.sweep.fitted_onset, end = x => known(x) ? fixed(x, 2) : 'open';
  paragraph(`Fitted over all bits, ${fixed(times(100, a.settings.thresholds.onset), 0)} % of refusals flip at ` +
    (known(fitted.bits) ? `${fixed(fitted.bits, 2)} bits [${end(fitted.interval[0])}, ${end(fitted.interval[1])}]` +
    `${fitted.extrapolated ? ', beyond the bits of the sweep' : ''}.` :
    `bits unknown, since ${fitted.reason || 'nothing was fitted'}.`));
  begin('layers', 'Each layer alone', `By ${whole(a.layers.prompts)} prompts of the split ${a.layers.split}; ` +
    `critical layers: ${a.layers.critical.join(', ') || 'none'} (${words(a.layers.pattern)}).`);
  add(figure('Flips of each layer quantized alone', 'Lines are 95 % Wilson intervals.', () => 220, (width, tall) => {
    const box = [62, 12, width - 14, tall - 42], n = a.layers.flips.length,
      x = linear(-0.5, n - 0.5, box[0], box[2]), y = linear(0, 100, box[3], box[1], v => v + ' %'),
      wide = Math.min(46, 0.6 * (x(1) - x(0)));
    x.ticks = x.ticks.filter(([t]) => Number.isInteger(t) && t >= 0 && t < n).map(([t]) => [t, String(t)]);
    return [axes(box, x, y, 'layer', 'flips'), a.layers.flips.map((f, l) => known(f.value) ?
      [s('rect', {x: x(l) - wide / 2, y: y(100 * f.value), width: wide, height: Math.max(1, y(0) - y(100 * f.value)),
      fill: a.layers.critical.includes(l) ? 'url(#hatch-destroyed)' : 'var(--survived)'},
      s('title', {}, `layer ${l}: ${one(f)}`)),
      s('path', {d: `M${x(l)} ${y(100 * f.interval[0])}V${y(100 * f.interval[1])}`, stroke: 'var(--text)',
        'stroke-width': 1.5})] : null)];
  }, table('Each layer quantized alone', ['layer', 'flips', '%', '95 %'],
    a.layers.flips.map((f, l) => [String(l), one(f), rate(f), range(f, 1, 100)]))));
  begin('reductions', 'What a finer grain takes back', 'PCR is the share of flips that scales by channel take back; ' +
    'its interval is of the paired prompts.');
  const reduction = (what, r) =>
    [what, `${r.coarse_scales} v ${r.fine_scales}`,
    `${r.both + r.coarse_only}/${r.both + r.coarse_only + r.fine_only + r.neither}`,
    `${r.both + r.fine_only}/${r.both + r.coarse_only + r.fine_only + r.neither}`, String(r.both), fixed(r.value, 2),
    range(r, 2)];
  const g = a.geometry;
  add(table(`Reductions of flips; scales of one layer's keys, and as many of its values, of a prompt of ` +
    `${g.scaled_tokens} tokens in one call`,
    ['reduction', 'scales', 'flips, coarse', 'flips, fine', 'both', 'value', '95 %'],
    [...g.per_channel_reduction.map(r => reduction(`PCR, scales by ${words(r.scales)}`, r)),
    reduction('PCR_dir, against random groups', g.against_random_groups),
    ...g.group_reduction.map(r => reduction(`groups in all layers, scales by ${words(r.scales)}`, r)),
    reduction('PCR, all layers, test prompts', a.diagnosis.test_per_channel),
      reduction('groups, all layers, test prompts', a.diagnosis.test_groups)]));
  paragraph(`Outlier channels of layer ${g.layer}: ${g.outlier_channels.join(', ') || 'none'}; quantized alone they ` +
    `flip ${one(g.outlier_flips)} ${range(g.outlier_flips, 1, 100)} %, as many others ${one(g.random_flips)} ` +
    `${range(g.random_flips, 1, 100)} % (causal ratio ${fixed(g.causal_ratio, 2)}).`);
  const verdict = a.diagnosis.verdict === 'undetermined' ? 'undetermined: no mode is as likely as it must be' :
    'certain enough';
  begin('diagnosis', 'Diagnosis', a.diagnosis.mode ? `${words(a.diagnosis.mode)}; ${verdict}. Prescription: ` +
    `${a.diagnosis.prescription}.` : 'Undetermined: one scale for the critical layer flips nothing.');
  add(table('Posterior probability of each failure mode', ['mode', 'probability', 'published ranges hold'],
    Object.entries(a.diagnosis.probability).map(([m, p]) =>
    [words(m), fixed(p, 2), a.diagnosis.published_ranges_hold.includes(m) ? 'yes' : 'no']),
    {chosen: i => Object.keys(a.diagnosis.probability)[i] === a.diagnosis.verdict}));
  if (a.diagnosis.foretold !== null) paragraph(`The calibration prompts ` +
    `${a.diagnosis.foretold ? 'foretold' : 'did not foretell'} on which side of 30 % PCR lies on the test prompts.`,
    'notes');
  const m = a.mitigations;
  begin('mitigations', 'What takes it back', 'On test prompts that chose nothing. R1 is the share of flips taken ' +
    'back, R2 that of refusals; baselines know nothing of the diagnosis. The prescribed one is marked.');
  add(table('Mitigations', ['mitigation', 'prescribed', 'baseline', 'flips', 'R1', 'R1 95 %', 'R2', 'PPL ratio',
    'KV bits', 'overhead %'], [[m.unprotected.name, '', '', one(m.unprotected.harmful.conditional_flip), '', '', '',
    fixed(m.unprotected.perplexity_ratio, 4), fixed(m.unprotected.bits_per_element, 2), ''],
    ...m.rows.map(r => [r.strategy, r.prescribed ? 'yes' : '', r.baseline ? 'yes' : '',
    one(r.measured.harmful.conditional_flip),
    fixed(r.flip_recovery.value, 2), range(r.flip_recovery, 2), fixed(r.refusal_recovery, 2),
      fixed(r.measured.perplexity_ratio, 4), fixed(r.measured.bits_per_element, 2), known(r.overhead) ?
      signed(100 * r.overhead, 1) : '-'])], {chosen: i => i > 0 && m.rows[i - 1].prescribed}));
  if (a.answers && a.answers.first.length) {
    begin('answers', 'What was said', `On harmful test prompts, the first of ${whole(a.answers.flipped)} that the ` +
      `reference refuses and ${a.answers.cache} answers.`);
    add(table('Answers in place of refusals', ['prompt', 'reference', 'answer'],
      a.answers.first.map(x => [x.prompt || x.id, x.reference, x.response]), {words: [1, 2]}));
  }
  if (a.directions) {
    begin('directions', 'Directions behind refusals',
      `Under ${a.directions.cache}. The three readings of vulnerability are qfa's own; beside them the percentile ` +
      `among directions of permuted labels, and the cosine of the direction found again, whose ceiling is that of ` +
      `the reference's two halves.`);
    add(table('Directions; no interval: unmeasured', ['site', 'V_rel', 'V_conc', 'V_marg', 'percentile', 'bias',
      'd\'', 'd\' compressed', 'sign flips', 'sign flips 95 %', 'cosine', 'ceiling'],
      a.directions.sites.map(d => [d.site, fixed(d.vulnerability.v_rel, 3), fixed(d.vulnerability.v_conc, 3),
      fixed(d.vulnerability.v_marg, 3), fixed(d.percentile_among_permuted_labels.v_rel, 0), fixed(d.bias_share, 2),
      fixed(d.d_prime, 2), fixed(d.d_prime_compressed, 2), one(d.sign_flips), range(d.sign_flips, 1, 100),
      fixed(d.cosine, 4), fixed(d.split_half_cosine, 4)])));
    paragraph('Stand-in for PCR from keys alone, by layer: ' + a.directions.proxy_reduction_by_layer.map((r, l) =>
      `${l}: ${fixed(r.reduction, 2)}`).join(', ') + '.', 'notes');
  }
  if (a.budget) {
    begin('budget', 'Within a budget', `${whole(a.budget.bytes)} bytes of keys and values for ` +
      `${whole(a.budget.tokens)} tokens; the choice is ` +
      `${a.budget.exact ? 'the best there is' : 'within its bound of the best'}.`);
    add(table('Chosen and uniform caches within the budget, on the test prompts', heads,
      [row(a.budget.chosen), ...a.budget.uniform_within_budget.map(x => row(x))]));
  }
  begin('protocol', 'How it was made');
  const flat = (o, before = '') => Object.entries(o).flatMap(([k, v]) => v && typeof v === 'object' &&
    !Array.isArray(v) ? flat(v, before + k + ' ') : [[before + k, v]]);
  add(table('Settings', ['setting', 'value'], [['format', a.format], ['qfa', a.version], ...flat(a.settings),
    ...(a.prompts ? flat(a.prompts, 'prompts ') : [])].map(
    ([k, v]) => [words(k), plainValue(v)]), {words: [1]}));
  followSections();
}
)js";

}  // namespace qfa

#endif
