// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_STEERING_HPP
#define QFA_REPORT_HTML_STEERING_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that shows whether r says what matters: whether it foretells how faithfully a
/// feature steers, beside random vectors of equal length, and whether the features that it calls worst bring
/// predictions back, beside random ones.
inline constexpr std::string_view html_steering = R"js(
// ---- do features still steer
const gateWords = gate => `${gates[gate] || gate} SAE`;
const fvuOf = policy => {
  const found = report.conditions.find(c => policy === null ? c.reference : c.policy === policy);
  return found ? fixed(found.sae_fit.fvu, 4) : '-';
};
const steeredWith = c => c.features.length - c.features_without_fidelity;
function showFidelity(t, sae) {
  const one = t.doses.indexOf(1), list = t.conditions.filter(c => c.features.length > 0);
  if (one < 0 || list.length === 0) return;
  let chosen = list[0].policy;
  const pointsOf = () => list.find(c => c.policy === chosen).features.filter(f => known(f.r) &&
    known(f.own.fidelity[one]));
  const drawn = figure('Fidelity against r', `At dose 1, ${sae}; a point is a feature: circles have r above 0.9, ` +
    'triangles are blurred, bow ties destroyed, and a cross is the random vector of its length. No interval of a ' +
    'feature: unmeasured.', width => keep(260, width * 0.42, 380), (width, tall) => {
    const box = [62, 12, width - 14, tall - 42], points = pointsOf();
    if (points.length === 0) return [text(70, 40, 'no feature has a fidelity')];
    const high = points.flatMap(f => [f.own.fidelity[one], f.random.fidelity[one]]).filter(known);
    const least = Math.min(...high), most = Math.max(...high), room = 0.08 * (most - least || 0.01);
    const x = linear(Math.min(...points.map(f => f.r), 0.9) - 0.01, 1, box[0], box[2]);
    const y = linear(least - room, most + room, box[3], box[1]);
    return [axes(box, x, y, 'r of the feature', 'fidelity of steering'),
      points.map(f => known(f.random.fidelity[one]) ? s('path', {d: 'M-3 -3L3 3M-3 3L3 -3', stroke: 'var(--quiet)',
        transform: `translate(${x(f.r).toFixed(1)} ${y(f.random.fidelity[one]).toFixed(1)})`},
        s('title', {}, `at random, as long as feature ${f.feature}: ${fixed(f.random.fidelity[one], 4)}`)) : null),
      points.map(f => s('path', {d: [shapes[0], shapes[2], shapes[6]][Math.max(0, bandNames.indexOf(f.outcome))](4),
        transform: `translate(${x(f.r).toFixed(1)} ${y(f.own.fidelity[one]).toFixed(1)})`,
        fill: `var(--${bandNames.includes(f.outcome) ? f.outcome : 'unmeasured'})`, opacity: 0.85},
        s('title', {}, `feature ${f.feature}: r ${fixed(f.r, 4)}, fidelity ${fixed(f.own.fidelity[one], 4)}`)))];
  });
  const numbers = h('div');
  const paint = () => {
    drawn.paint();
    numbers.replaceChildren(table(`${chosen}: features steered with, at dose 1, ${sae}; no interval: unmeasured`,
      ['feature', 'r', 'band', 'length', 'gain', 'fidelity', 'exchange rate', 'random gain', 'random fidelity',
      ['raises token', 'whose logit the reference raises most']],
      list.find(c => c.policy === chosen).features.map(f => [{text: featureLink(report.sae, f.feature),
        sort: f.feature}, fixed(f.r, 4), f.outcome, brief(f.length), fixed(f.own.gain[one], 3),
      fixed(f.own.fidelity[one], 4), fixed(f.own.exchange_rate[one], 3), fixed(f.random.gain[one], 3),
      fixed(f.random.fidelity[one], 4), String(f.target_token)]), {words: [2]}));
  };
  add(h('div', {class: 'controls'}, chooser('Steered under', list.map(c => [c.policy, c.policy]), chosen,
    policy => { chosen = policy; paint(); })), drawn, details('The numbers of this picture', numbers));
  paint();
}
function showSteering() {
  const t = report.steering;
  if (!t) return;
  const sae = gateWords(t.gate);
  begin('steering', 'Do features still steer?', `Decoder rows of a sample of the ${whole(t.counted_features)} ` +
    'counted features, spread over the order of damage, times their mean activation (dose 1), are added in both ' +
    `models at ${t.hook}: at ${whole(t.tokens)} tokens (${whole(t.rows)} rows' first ${whole(t.positions)}), ` +
    `${whole(t.groups)} groups, through a ${sae} of FVU ${fvuOf(null)} on the reference. Gain and fidelity say how ` +
    'strongly, and how nearly in the same direction, the compressed model\'s logits move; the exchange rate is the ' +
    'dose that it needs over the reference\'s. Control: random vectors of equal length.');
  if (t.conditions.length > 0) {
    add(table(`Does r foretell fidelity? Spearman correlation at dose 1, ${sae}`,
      ['policy', 'features', 'finding', 'r and fidelity', ['95 % over rows', 'other groups of rows'],
      ['95 % over features', 'had other features been drawn'],
      ['beyond length', 'with the fidelity of random vectors of equal length held fixed'], 'beyond length 95 %',
      ['FVU', 'of the SAE on the compressed model']],
      t.conditions.map(c => [c.policy, whole(steeredWith(c)), !known(value(c.spearman_r_fidelity)) ? 'unmeasured' :
      c.r_predicts_fidelity ? 'r predicts fidelity' : 'not shown', fixed(value(c.spearman_r_fidelity), 2),
      range(c.spearman_r_fidelity, 2), range(c.spearman_over_features, 2),
      fixed(value(c.partial_spearman_given_random_fidelity), 2), range(c.partial_spearman_given_random_fidelity, 2),
      fvuOf(c.policy)]), {words: [2]}));
    const bands = [...bandNames, 'not_survived'];
    add(table(`Mean fidelity at dose 1 by band of r, ${sae}`, ['policy', ...bands.flatMap(b => {
      const word = b === 'not_survived' ? 'r of 0.9 or less' : b;
      return [word, `${word}: fidelity`, `${word}: 95 %`];
    }), 'above 0.9 lead by', 'lead 95 %', ['least faithful', 'chosen on even groups of rows'], 'on odd groups',
    'on odd groups 95 %'], t.conditions.map(({policy, mean_fidelity: m, least_faithful: least}) => [policy,
    ...bands.flatMap(b => [whole(m[b].features), fixed(value(m[b]), 4), range(m[b], 4)]),
    signed(value(m.survivors_lead), 4), range(m.survivors_lead, 4, 1, signed),
    least.feature === null ? '' : {text: featureLink(report.sae, least.feature), sort: least.feature},
    fixed(value(least.fidelity_on_odd_groups), 4), range(least.fidelity_on_odd_groups, 4)])));
    add(table(`Every dose beside random vectors of equal length: medians over features, ${sae}`,
      ['policy', 'dose', 'fidelity', 'fidelity 95 %', 'random fidelity', 'random fidelity 95 %', 'over random',
      'over random 95 %', 'gain', 'gain 95 %', 'random gain', 'random gain 95 %', 'exchange rate', 'exchange 95 %',
      ['not reached', 'features of which no dose does as much in the compressed model']],
      t.conditions.flatMap(c => c.doses.map(d => [c.policy, String(d.dose), fixed(value(d.fidelity), 4),
      range(d.fidelity, 4), fixed(value(d.random_fidelity), 4), range(d.random_fidelity, 4),
      signed(value(d.fidelity_over_random), 4), range(d.fidelity_over_random, 4, 1, signed), fixed(value(d.gain), 3),
      range(d.gain, 3), fixed(value(d.random_gain), 3), range(d.random_gain, 3), fixed(value(d.exchange_rate), 3),
      range(d.exchange_rate, 3), whole(d.unreached)]))));
    showFidelity(t, sae);
  }
  if (t.conditions.some(c => c.directions.length > 0)) add(table(`Directions of one's own, ${sae}`,
    ['policy', 'direction', 'length', 'raises token', 'dose', 'gain', 'gain 95 %', 'fidelity', 'fidelity 95 %',
    'exchange rate', 'exchange 95 %', 'random fidelity', 'random fidelity 95 %'],
    t.conditions.flatMap(c => c.directions.flatMap(d => d.doses.map(at => [c.policy, d.name, brief(d.length),
    String(d.target_token), String(at.dose), fixed(value(at.gain), 3), range(at.gain, 3),
    fixed(value(at.fidelity), 4), range(at.fidelity, 4), fixed(value(at.exchange_rate), 3),
    range(at.exchange_rate, 3), fixed(value(at.random_fidelity), 4), range(at.random_fidelity, 4)]))), {words: [1]}));
  for (const note of t.notes) paragraph(`Note: ${note}`, 'notes');
}

// ---- what comes back of the predictions where features are restored
function showPatching() {
  const t = report.patching;
  if (!t) return;
  const sae = gateWords(t.gate);
  begin('patching', 'Does restoring features restore predictions?', `Sets of features get the reference's codes at ` +
    `${t.hook} in the compressed model. The ${whole(t.counted_features)} counted features are told apart on ` +
    `${whole(t.tokens_for_choosing)} tokens of the even groups of rows, and restored on ${whole(t.tokens)} of the ` +
    `odd ones, ${whole(t.groups)} groups, through a ${sae} of FVU ${fvuOf(null)} on the reference. Controls: as many ` +
    `features at random, and as much energy at random, means over ${whole(t.random_seeds)} draws.`);
  const ceilings = c => bounds(c.everything), beyond = c => ceilings(c) && !(ceilings(c)[0] > 0);
  if (t.conditions.length > 0) add(table(`What there is to recover, ${sae}`,
    ['policy', ['KL', 'nats a token'], 'KL 95 %', ['activations %', 'of the KL, with the whole activations at the ' +
    'hook restored'], 'activations 95 %', ['every feature\'s code %', 'the ceiling of what features can'],
    'every code 95 %', 'features', ['s/b/d', 'on the rows that chose'], ['FVU', 'of the SAE on the compressed model']],
    t.conditions.map(c => [c.policy, brief(value(c.kl)), range(c.kl, 4), percent(c.whole_activations),
    percentRange(c.whole_activations), percent(c.everything), percentRange(c.everything), whole(c.features),
    bandNames.map(b => c[b]).join('/'), fvuOf(c.policy)])));
  for (const c of t.conditions) if (beyond(c)) paragraph(`${c.policy}: with every feature's code restored the ` +
    'predictions are not shown to be nearer, so that patching cannot tell whether r is functional importance.',
    'warning');
  const word = (c, e) => {
    if (!e.interval || e.interval.kind !== 'two_sided') return 'unmeasured';
    return beyond(c) ? 'cannot tell' : e.interval.lower > 0 ? 'more than others' : e.interval.upper < 0 ?
      'less than others' : 'not told apart';
  };
  const sets = [['worst_r', 'worst r'], ['random', 'random'], ['worst_r_over_random', 'over random'],
    ['random_of_equal_energy', 'same energy at random'], ['worst_r_over_random_of_equal_energy', 'over same energy'],
    ['top_energy', 'top energy'], ['all_but_worst_r', 'all but worst'], ['all_but_top_energy', 'all but top energy']];
  if (t.conditions.some(c => c.points.length > 0)) add(table(`Share of the KL that comes back, in %, beside sets at ` +
    `random, ${sae}`, ['policy', 'restored', 'features',
    ['worst against random', 'by the interval of their difference'],
    ...sets.flatMap(([, name]) => [name, name + ' 95 %'])],
    t.conditions.flatMap(c => c.points.map(p => [c.policy, p.set, whole(p.features),
    word(c, p.worst_r_over_random), ...sets.flatMap(([key]) => [percent(p[key]), percentRange(p[key])])])),
    {words: [1, 3]}));
  for (const note of t.notes) paragraph(`Note: ${note}`, 'notes');
}
)js";

}  // namespace qfa

#endif
