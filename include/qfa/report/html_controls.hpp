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
  add(table(`Damage beyond numerics, and selection, ${sae}`,
    ['policy', ...c.numerics_floors.flatMap(f => [`beyond ${f.what} %`, '95 %']),
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
  if (c.shared_damage.length > 0) add(table(`Same features hurt, more than by unrelated noise? ${sae}`,
    ['pair', 'sizes', 'J', 'J_null', 'J - J_null', '95 %', 'J of random pruning', 'partial rho', 'rho 95 %',
    'rho with noise', 'reliabilities', 'verdict'],
    c.shared_damage.map(x => [`${x.a} | ${x.b}`, `${x.size_a}, ${x.size_b}`, fixed(value(x.jaccard), 3),
      fixed(value(x.jaccard_null), 3), signed(value(x.jaccard_excess), 3), range(x.jaccard_excess, 3),
      fixed(value(x.jaccard_random_pruning), 3), fixed(value(x.partial_spearman_damage), 3),
      range(x.partial_spearman_damage, 3),
      fixed(value(x.partial_spearman_null), 3), `${fixed(value(x.reliability_a), 3)}, ` +
        `${fixed(value(x.reliability_b), 3)}`, x.verdict])));
  add(table(`Predictable, beside what needs no fit? Families of near-duplicates held out together ` +
    `(${whole(c.families)} families, ${whole(c.largest_family)} at most), ${sae}`,
    ['policy', 'AUC', 'AUC 95 %', ['nu_iso', 'AUC of isotropic noise'], 'nu_iso 95 %',
    ['nu_cov', 'AUC of noise with the error\'s covariance'], 'AUC - nu_iso', 'gain 95 %', 'shuffled',
    'average precision', 'base rate', 'why not'],
    c.policies.map(({policy, prediction: x}) => [policy, fixed(value(x.auc), 3), range(x.auc, 3),
      fixed(value(x.auc_isotropic_noise), 3), range(x.auc_isotropic_noise, 3),
      fixed(value(x.auc_covariant_noise), 3), signed(value(x.auc_less_isotropic_noise), 3),
      range(x.auc_less_isotropic_noise, 3), fixed(x.auc_shuffled_mean, 3), fixed(x.average_precision, 3),
      fixed(x.base_rate, 3), x.reason || '']), {words: [11]}));
  const transfers = c.transfer.filter(t => t.minority > 0);
  if (transfers.length > 0) add(table(`One policy's measured damage ranks survival under another, on other tokens, ` +
    `${sae}`, ['from', 'to', 'smaller class', 'AUC of nu', '95 %', 'AUC fitted'],
    transfers.map(t => [t.from, t.to, whole(t.minority), fixed(value(t.auc), 3), range(t.auc, 3),
    fixed(value(t.auc_fitted), 3)]), {words: [1]}));
  if (c.variants.length > 0) add(table(`With one choice made otherwise: survived %, 95 %, mean r; audited with a ` +
    `${sae}`, ['choice', 'counted', 'FVU', ...c.policies.map(p => p.policy)],
    [['as audited', whole(c.counted), '', ...c.policies.map(p =>
    `${percent(p.survived)} ${percentRange(p.survived)}, ${fixed(value(p.mean_r), 4)}`)],
    ...c.variants.map(v => [v.what, whole(v.counted), fixed(v.reference_fvu, 3),
      ...v.conditions.map(x => `${percent(x.survived)} ${percentRange(x.survived)}, ` +
      `${fixed(value(x.mean_r), 4)}`)])]));
  for (const note of c.notes) paragraph('Note: ' + note + '.', 'notes');
}
)js";

}  // namespace qfa

#endif
