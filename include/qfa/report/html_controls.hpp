// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_CONTROLS_HPP
#define QFA_REPORT_HTML_CONTROLS_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that holds each claim beside its controls, as report/controls_text.hpp does.
inline constexpr std::string_view html_controls = R"js(
// ---- each claim beside its controls
function showControls() {
  const c = report.controls;
  if (!c) { begin('controls', 'Controls', 'This audit ran no controls (--controls): what it says of shared modes, ' +
    'predictability and selection stands alone.'); return; }
  const sae = (gates[c.sae_activation] || c.sae_activation) + ' SAE';
  begin('controls', 'Controls', `${whole(c.rows)} rows of ${whole(c.context)} tokens, ${whole(c.analyzed_tokens)} ` +
    `analyzed, ${whole(c.groups)} groups, ${whole(c.counted)} features counted, ${sae}; ` +
    `${c.seeds === 1 ? 'one seed' : c.seeds + ' seeds'}.`);
  const self = c.reference_against_itself;
  paragraph(self.holds ? 'The reference against itself: every counted feature\'s codes are the same to the bit, r = ' +
    '1.' : `The reference against itself is NOT the same: ${self.changed_features} features changed, least r ` +
    `${fixed(self.least_r, 6)}.`, self.holds ? '' : 'warning');
  const length = c.group_length, span = length && fixed(value(length.block_length), 1);
  const depend = `rows depend on each other over ${span} rows (b* of the audit's series, for as many rows as these)`;
  if (c.groups < c.groups_before) paragraph(`Intervals leave out each of ${whole(c.groups)} groups of rows, not ` +
    `${whole(c.groups_before)}, as ${depend}.`);
  if (length && !length.groups_long_enough && length.groups >= 8) paragraph('Warning: intervals of the controls are ' +
    `too narrow, and what rests on them is not sure, as ${depend}: of ${whole(length.groups)} groups of rows ` +
    `${whole(length.groups_advised)} would be long enough; 8 would be on ${whole(length.rows_long_enough)} rows ` +
    `(--control-tokens ${length.rows_long_enough * c.context}).`, 'warning');
  if ((c.in_words || []).length > 0) {
    paragraph('What the controls decide, by mean r, and by AUC of what is foretold; 95 %. The tables below hold the ' +
      'rest.');
    add(h('ul', {}, c.in_words.map(sentence => h('li', {}, sentence + '.'))));
  }
  add(table(`A policy beside its controls, in points of the counted features, ${sae}`,
    ['policy', 'control', 'seeds', 'r > .9, %', 'policy 95 %', 'control %', 'control 95 %', 'more, points',
    'more 95 %', 'more mean r', 'mean r 95 %', 'by mean r'],
    c.policies.flatMap(p => p.controls.map(x => {
      const more = x.policy_mean_r_more_by, i = more.interval, word = !i || i.kind !== 'two_sided' ?
        'not told apart' : i.lower > 0 ? 'policy hurts less' : i.upper < 0 ? 'policy hurts more' : 'not told apart';
      return [p.policy, x.control, String(x.seeds), percent(p.survived), percentRange(p.survived),
        percent(x.survived), percentRange(x.survived), signed(100 * value(x.policy_survives_more_by), 1),
        range(x.policy_survives_more_by, 1, 100), signed(value(more), 4), range(more, 4), word];
    })), {words: [1]}));
  for (const p of c.policies) if (p.reason) paragraph(`${p.policy} has no control of its weights: ${p.reason}.`,
    'notes');
  for (const p of c.policies) for (const m of p.random_pruning) if (!known(value(m.sparsity_at_equal_loss)))
    paragraph(`Random pruning of the loss of ${p.policy}: no equal loss, and no control: ` +
      `${m.sparsity_at_equal_loss.reason}.`, 'notes');
  add(table(`Damage beyond numerics, and selection, ${sae}`,
    ['policy', ...c.numerics_floors.flatMap(f => [[`beyond ${f.what} %`, 'r below tau_null of the other half of the ' +
    `groups of rows: ${fixed(f.tau_null_of_even_groups, 5)} of the even ones, ` +
    `${fixed(f.tau_null_of_odd_groups, 5)} of the odd ones`], '95 %']),
    ['r > .9 on other rows too %', 'of the features chosen by r > .9 on some rows'], '95 %',
    ['worst 5 %, where chosen', 'mean r'], ['worst 5 %, elsewhere', 'mean r'], '95 %',
    ['reliability', 'of damage, half against half']],
    c.policies.map(p => [p.policy, ...c.numerics_floors.flatMap((f, i) => f.changes_nothing ?
      ['floor is exact', ''] : [percent(p.beyond_numerics[i]), percentRange(p.beyond_numerics[i])]),
      percent(p.selection.survivors_that_survive_other_rows),
      percentRange(p.selection.survivors_that_survive_other_rows),
      fixed(p.selection.mean_r_of_worst_where_chosen, 3),
      fixed(value(p.selection.mean_r_of_worst_on_other_rows), 3),
      range(p.selection.mean_r_of_worst_on_other_rows, 3), fixed(value(p.reliability), 3)])));
  const floors = c.numerics_floors.filter(f => !f.changes_nothing);
  if (floors.length > 0) paragraph('tau_null, without an interval: ' + floors.map(f => `${f.what} ` +
    `${fixed(f.tau_null, 5)}, of the even groups of rows ${fixed(f.tau_null_of_even_groups, 5)} and of the odd ones ` +
    `${fixed(f.tau_null_of_odd_groups, 5)}`).join('; ') + '.', 'notes');
  // Decimals that show two digits of a difference, and on which side of 0 its interval's ends lie.
  const shows = (x, d, least) => !(Math.abs(x) > 0) || Math.abs(x) * 10 ** d >= least;
  const decimals = x => [3, 4, 5].find(d => shows(value(x), d, 9.5) &&
    [x.interval?.lower, x.interval?.upper].every(end => shows(end, d, 0.5))) || 6;
  if (c.shared_damage.length > 0) add(table(`Same features hurt, more than by unrelated noise? ${sae}`,
    ['pair', 'sizes', 'J', 'J_null', 'J - J_null', '95 %', 'J_max', 'J of random pruning', 'partial rho', 'rho 95 %',
    'rho with noise', 'reliabilities', 'verdict'],
    c.shared_damage.map(x => { const d = decimals(x.jaccard_excess);
      return [`${x.a} | ${x.b}`, `${x.size_a}, ${x.size_b}`, fixed(value(x.jaccard), d),
      fixed(value(x.jaccard_null), d), signed(value(x.jaccard_excess), d), range(x.jaccard_excess, d),
      fixed(value(x.jaccard_ceiling), d),
      fixed(value(x.jaccard_random_pruning), 3), fixed(value(x.partial_spearman_damage), 3),
      range(x.partial_spearman_damage, 3),
      fixed(value(x.partial_spearman_null), 3), `${fixed(value(x.reliability_a), 3)}, ` +
        `${fixed(value(x.reliability_b), 3)}`, x.verdict]; })));
  if (c.shared_damage.length > 0) add(table(`The same claim otherwise, ${sae}`,
    ['pair', ['odds ratio at like p', 'Mantel and Haenszel\'s, within deciles of survival as the reference foretells ' +
    'it, each feature scored out of fold'], 'odds 95 %', 'odds with noise', 'rho', ['rho / ceiling',
    'over the root of the product of both reliabilities; may exceed 1'], ['RBO', 'rank-biased overlap of damage, ' +
    'p = .9'], 'RBO 95 %', 'RBO with noise', 'worst 5 % shared', 'worst with noise'],
    c.shared_damage.map(x => [`${x.a} | ${x.b}`, fixed(value(x.odds_ratio_within_predicted_survival), 1),
      range(x.odds_ratio_within_predicted_survival, 1), fixed(value(x.odds_ratio_null), 1),
      fixed(value(x.spearman_damage), 3), fixed(value(x.spearman_over_noise_ceiling), 3),
      fixed(value(x.rank_biased_overlap), 3), range(x.rank_biased_overlap, 3),
      fixed(value(x.rank_biased_overlap_null), 3), percent(x.worst_5_percent_shared),
      percent(x.worst_5_percent_shared_null)])));
  for (const x of c.shared_damage) if (value(x.spearman_over_noise_ceiling) > 1) paragraph(`${x.a} | ${x.b}: rho ` +
    'over its noise ceiling is above 1 by the noise of its reliabilities, and is not cut.', 'notes');
  if (c.shared_damage.some(x => x.verdict === 'J at its ceiling')) paragraph('J at its ceiling: unrelated noise of ' +
    'the same size fails the same features, and J - J_null tells of no mode; the order of damage, partial rho, may.');
  add(table(`Predictable, beside what needs no fit? Families of near-duplicates held out together ` +
    `(${whole(c.families)} families, ${whole(c.largest_family)} at most), ${sae}`,
    ['policy', 'AUC', 'AUC 95 %', ['by families 95 %', 'families drawn again, with the scores that they have'],
    ['nu_iso', 'AUC of isotropic noise'], 'nu_iso 95 %',
    ['with flips', 'AUC of isotropic noise with the flips of the gate'], 'flips 95 %',
    ['nu_cov', 'AUC of noise with the error\'s covariance'], 'nu_cov 95 %',
    ['AUC - baseline', 'nu_iso, with flips where the gate makes them and they are known'], 'gain 95 %', 'shuffled',
    'average precision', 'base rate', 'fit', 'why not'],
    c.policies.map(({policy, prediction: x}) => [policy, fixed(value(x.auc), 3), range(x.auc, 3),
      range(x.auc_over_families, 3),
      fixed(value(x.auc_isotropic_noise), 3), range(x.auc_isotropic_noise, 3),
      fixed(value(x.auc_isotropic_noise_with_flips), 3), range(x.auc_isotropic_noise_with_flips, 3),
      fixed(value(x.auc_covariant_noise), 3), range(x.auc_covariant_noise, 3),
      signed(value(x.auc_less_baseline), 3), range(x.auc_less_baseline, 3), fixed(x.auc_shuffled_mean, 3),
      fixed(x.average_precision, 3), fixed(x.base_rate, 3), x.verdict, x.reason || '']), {words: [15, 16]}));
  const transfers = c.transfer.filter(t => t.minority > 0);
  if (transfers.length > 0) add(table(`One policy's measured damage ranks survival under another, on other tokens, ` +
    `${sae}`, ['from', 'to', 'smaller class', 'AUC of nu', '95 %', 'AUC fitted'],
    transfers.map(t => [t.from, t.to, whole(t.minority), fixed(value(t.auc), 3), range(t.auc, 3),
    fixed(value(t.auc_fitted), 3)]), {words: [1]}));
  if (c.variants.length > 0) add(table(`With one choice made otherwise: survived %, 95 %, mean r; audited with a ` +
    `${sae}`, ['choice', 'counted', 'FVU', ...c.policies.map(p => p.policy)],
    [['as audited', whole(c.counted), '', ...c.policies.map(p =>
    `${percent(p.survived)} ${percentRange(p.survived)}, ${withRange(p.mean_r, 4)}`)],
    ...c.variants.map(v => [v.what, whole(v.counted), fixed(v.reference_fvu, 3),
      ...v.conditions.map(x => `${percent(x.survived)} ${percentRange(x.survived)}, ` +
      `${withRange(x.mean_r, 4)}`)])]));
  if (c.variants.length > 0) add(table(`Does damage tell of learned features, survival hang on choices? ${sae}`,
    ['choice', 'policy', 'counted by both', ['audited less this', 'mean r, each feature against itself'], '95 %',
    'r > .9, points', 'points 95 %', 'decision, by mean r'],
    c.variants.flatMap(v => v.conditions.map(x => { const d = Math.max(4, decimals(x.audit_mean_r_more_by));
      return [v.what, x.policy, whole(x.counted_by_both), signed(value(x.audit_mean_r_more_by), d),
      range(x.audit_mean_r_more_by, d), signed(100 * value(x.audit_survives_more_by), 1),
      range(x.audit_survives_more_by, 1, 100), x.decision]; })), {words: [1, 7]}));
  paragraph('Without an interval: J of random pruning, reliabilities, rho, rho / ceiling, numbers with noise, the ' +
    'worst 5 %, average precision, base rate, shuffled, AUC fitted, FVU, and what was seen where features were chosen.',
    'notes');
  for (const note of c.notes) paragraph('Note: ' + note + '.', 'notes');
}
)js";

}  // namespace qfa

#endif
