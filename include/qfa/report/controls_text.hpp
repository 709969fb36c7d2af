// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_CONTROLS_TEXT_HPP
#define QFA_REPORT_CONTROLS_TEXT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "qfa/controls/control_findings.hpp"
#include "qfa/report/control_tables.hpp"
#include "qfa/report/control_words.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

/// What a verdict means that its numbers alone do not show.
inline std::string ceiling_text(const shared_damage& s) {
  const int decimals = (std::max)(4, decimals_of_difference(s.overlap.excess));
  const interval& rho = s.order.partial.range;
  const bool known = rho.kind != interval_kind::refused;
  return s.a + " | " + s.b + ": J " + fixed(s.overlap.jaccard.value, decimals) + " and J_null " +
         fixed(s.overlap.null_jaccard.value, decimals) + " are both at their ceiling, J_max " +
         fixed(s.jaccard_ceiling(), decimals) +
         ": unrelated noise of the same size fails the same features, and J - J_null tells of no mode; partial rho " +
         with_range(s.order.partial, 3) +
         (known && rho.lower > 0.0   ? ": the order of damage is shared"
          : known && rho.upper < 0.0 ? ": the order of damage is not shared"
                                     : ": the order of damage decides nothing either") +
         "\n";
}

/// How random pruning came to a policy's loss, and how near its search did.
inline std::string matched_pruning_text(const std::string& policy, const matched_pruning& m) {
  std::string out = "random pruning of the loss of " + policy + ": ";
  if (m.reason.empty())
    out += "at a sparsity of " + fixed(m.sparsity_at_equal_loss, 4) + ", by a line through " + fixed(m.sparsity, 4) +
           " and " + fixed(*m.across, 4) + (m.place < 0.0 || m.place > 1.0 ? ", beyond both" : "");
  else
    return out + "no equal loss, and no control: " + m.reason +
           "; the nearest on the rows for matching, at a sparsity of " + fixed(m.sparsity, 4) + ", is " +
           signed_fixed(m.gap, 4) + " nats off\n";
  return out + (m.within_tolerance ? "" : "; the search ends " + signed_fixed(m.gap, 4) + " nats from it") + "\n";
}

/// "POLICY 12.0 %, POLICY 3.0 %".
template <class Value>
std::string for_each_policy(const control_findings& c, Value value) {
  std::string out;
  for (const controlled_policy& p : c.policies)
    out += (out.empty() ? "" : ", ") + p.policy + " " + value(p);
  return out;
}

}  // namespace detail

/// The section of an audit's text that its controls have.
inline std::string controls_text(const control_findings& c, table_form form = table_form::columns) {
  std::string out = "controls: " + std::to_string(c.rows) + " rows of " + std::to_string(c.context) + " tokens, " +
                    std::to_string(c.tokens) + " analyzed, " + std::to_string(c.groups) + " groups, " +
                    std::to_string(c.counted) + " features counted by a " +
                    std::string(activation_names[static_cast<std::size_t>(c.gate)]) + " SAE; " +
                    (c.settings.seeds == 1 ? "one seed" : std::to_string(c.settings.seeds) + " seeds") + "\n" +
                    control_groups_text(c);
  out += "reference against itself: ";
  if (c.self.holds())
    out += std::string("every counted feature's codes the same to the bit, r = 1") +
           (std::isnan(c.self.kl) ? "" : ", KL = 0");
  else
    out += "NOT the same: " + std::to_string(c.self.changed_features) + " features changed, least r " +
           fixed(c.self.least_r, 6) + ", KL " + fixed(c.self.kl, 9);
  out += "\n";
  for (std::size_t i = 0; i < c.floors.size(); ++i) {
    const numerics_floor& floor = c.floors[i];
    out += floor.what + ": ";
    if (floor.exact)
      out += "changes no code of a counted feature\n";
    else
      out += "tau_null " + fixed(floor.tau, 5) + ", of the even groups of rows " + fixed(floor.tau_of_half[0], 5) +
             " and of the odd ones " + fixed(floor.tau_of_half[1], 5) +
             "; beyond numerics, by each half's own on the other half, " +
             detail::for_each_policy(
                 c, [&](const controlled_policy& p) { return detail::with_range(p.beyond[i], 1, 100.0) + " %"; }) +
             "\n";
  }
  if (std::ranges::any_of(c.floors, [](const numerics_floor& floor) { return !floor.exact; }))
    out += without_interval("tau_null");
  out += "what the controls decide, by mean r, and by AUC of what is foretold; 95 %, the tables below hold the rest:\n";
  for (const std::string& sentence : controls_in_words(c))
    out += "- " + sentence + "\n";
  out += "\n" + contrasts_table(c, form);
  for (const controlled_policy& p : c.policies) {
    if (!p.refusal.empty()) out += p.policy + " has no control of its weights: " + p.refusal + "\n";
    for (const matched_pruning& m : p.matches)
      out += detail::matched_pruning_text(p.policy, m);
  }
  if (!c.pairs.empty()) out += "\n" + shared_damage_table(c, form) + "\n" + agreement_table(c, form);
  for (const shared_damage& s : c.pairs)
    if (s.verdict() == sharing::at_ceiling) out += detail::ceiling_text(s);
  out += "\n" + controlled_predictions_table(c, form) + "folds keep " + std::to_string(c.families) + " families of " +
         std::to_string(c.counted) + " features together, of " + std::to_string(c.largest_family) + " at most\n";
  for (const controlled_policy& p : c.policies)
    if (p.prediction.fitted) {  // of the reference, the same for all
      out += "reliability of the predictors" + reliabilities_text(p.prediction.fitted->predictor_reliability) + "\n";
      break;
    }
  for (const controlled_policy& p : c.policies)
    if (!p.prediction.reason.empty()) out += p.policy + ": " + p.prediction.reason + "\n";
  if (!c.transfers.empty()) out += "\n" + transfers_table(c, form);
  out += "\nchosen on some rows, looked at on others: of those with r > .9, those with it there too, " +
         detail::for_each_policy(c,
                                 [](const controlled_policy& p) {
                                   return detail::with_range(p.selection.survivors_again, 1, 100.0) + " %";
                                 }) +
         "; mean r of the worst 5 %, there and here, " +
         detail::for_each_policy(c,
                                 [](const controlled_policy& p) {
                                   return detail::with_range(p.selection.worst_again, 3) + " and " +
                                          fixed(p.selection.chosen_worst, 3) + " (unmeasured)";
                                 }) +
         "\n\n" + variants_table(c, form) + (c.variants.empty() ? "" : "\n" + decisions_table(c, form));
  for (const std::string& note : c.notes)
    out += "note: " + note + "\n";
  return form == table_form::markdown ? markdown_text(out) : out;
}

}  // namespace qfa

#endif
