// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_CONTROLS_TEXT_HPP
#define QFA_REPORT_CONTROLS_TEXT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/controls/control_findings.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

inline std::string with_range(const estimate& e, int decimals, double unit = 1.0) {
  return with_range(fixed(unit * e.value, decimals), e.range, decimals, unit);
}
inline std::string signed_with_range(const estimate& e, int decimals, double unit = 1.0) {
  return with_range(signed_fixed(unit * e.value, decimals), e.range, decimals, unit);
}

/// What a contrast's interval allows to be said of the policy.
inline std::string_view contrast_word(const estimate& more) {
  if (more.range.kind != interval_kind::two_sided) return "not told apart";
  if (more.range.lower > 0.0) return "policy hurts less";
  return more.range.upper < 0.0 ? "policy hurts more" : "not told apart";
}

/// Decimals, at least 3 and at most 6, that show two digits of a difference, and on which side of 0 its interval's ends
/// lie: a verdict stands on them.
inline int decimals_of_difference(const estimate& e) {
  const auto shows = [](double x, int decimals, double least) {
    return !(std::fabs(x) > 0.0) || std::fabs(x) * std::pow(10.0, decimals) >= least;
  };
  int decimals = 3;
  while (decimals < 6 &&
         !(shows(e.value, decimals, 9.5) && shows(e.range.lower, decimals, 0.5) && shows(e.range.upper, decimals, 0.5)))
    ++decimals;
  return decimals;
}

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
    return out + "no equal loss, and no control: " + m.reason + "; the nearest on the rows for matching, at a sparsity of " +
           fixed(m.sparsity, 4) + ", is " + signed_fixed(m.gap, 4) + " nats off\n";
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

/// The damage of each policy beside that of its controls, a line for each: points are per cent
/// of the counted features.
inline std::string contrasts_table(const control_findings& c, table_form form = table_form::columns) {
  text_table table({"policy | its control", "r > .9, %", "control %", "95 %", "more, points", "95 %",
                    "more mean r, 95 %", "policy against control, by mean r"});
  for (const controlled_policy& p : c.policies)
    for (const control_contrast& x : p.contrasts)
      table.add({p.policy + " | " + x.control + (x.seeds > 1 ? " x" + std::to_string(x.seeds) : ""),
                 fixed(100.0 * p.survived.value, 1), fixed(100.0 * x.survived.value, 1),
                 range_text(x.survived.range, 1, 100.0), signed_fixed(100.0 * x.more_survived.value, 1),
                 range_text(x.more_survived.range, 1, 100.0), detail::signed_with_range(x.more_mean_r, 4),
                 std::string(detail::contrast_word(x.more_mean_r))});
  return table.str(form);
}

/// Whether two policies hurt the same features more than unrelated noise would, a line for each pair.
inline std::string shared_damage_table(const control_findings& c, table_form form = table_form::columns) {
  text_table table({"same features hurt?", "sizes", "J", "J_null", "J - J_null", "95 %", "J_max", "J pruned",
                    "partial rho", "95 %", "with noise", "reliability", "verdict"});
  for (const shared_damage& s : c.pairs) {
    const int decimals = detail::decimals_of_difference(s.overlap.excess);
    table.add({s.a + " | " + s.b, std::to_string(s.overlap.sizes.a) + ", " + std::to_string(s.overlap.sizes.b),
               fixed(s.overlap.jaccard.value, decimals), fixed(s.overlap.null_jaccard.value, decimals),
               signed_fixed(s.overlap.excess.value, decimals), range_text(s.overlap.excess.range, decimals),
               fixed(s.jaccard_ceiling(), decimals), fixed(s.pruning_jaccard, 3), fixed(s.order.partial.value, 3),
               range_text(s.order.partial.range, 3), fixed(s.order.null_partial, 3),
               fixed(s.order.reliability_a, 3) + ", " + fixed(s.order.reliability_b, 3),
               std::string(name(s.verdict()))});
  }
  return table.str(form);
}

/// What else bears on the same claim, a line for each pair: overlap among features whose survival was equally
/// foreseeable, the order of damage, over its noise ceiling too, and the worst features, however many fail.
inline std::string agreement_table(const control_findings& c, table_form form = table_form::columns) {
  text_table table({"the same claim otherwise", "odds ratio at like p", "95 %", "with noise", "rho", "rho / ceiling",
                    "RBO", "95 %", "with noise", "worst 5 % shared", "with noise"});
  for (const shared_damage& s : c.pairs)
    table.add({s.a + " | " + s.b, fixed(s.like_survival.odds_ratio.value, 1),
               range_text(s.like_survival.odds_ratio.range, 1), fixed(s.like_survival.null_odds_ratio, 1),
               fixed(s.order.spearman, 3), fixed(s.order.corrected, 3), fixed(s.worst.rank_biased.value, 3),
               range_text(s.worst.rank_biased.range, 3), fixed(s.worst.null_rank_biased, 3),
               fixed(100.0 * s.worst.common, 1) + " % of " + std::to_string(s.worst.worst),
               fixed(100.0 * s.worst.null_common, 1) + " %"});
  std::string out = table.str(form);
  for (const shared_damage& s : c.pairs) {
    if (s.order.corrected > 1.0)
      out += s.a + " | " + s.b + ": rho over its noise ceiling is " + fixed(s.order.corrected, 3) +
             ", above 1 by the noise of its reliabilities, and is not cut\n";
    else if (std::isnan(s.order.corrected))
      out += s.a + " | " + s.b + ": rho has no noise ceiling, which needs both reliabilities above .5\n";
    if (s.like_survival.odds_ratio.range.kind == interval_kind::refused &&
        !s.like_survival.odds_ratio.range.reason.empty())
      out += s.a + " | " + s.b + ": the odds ratio within deciles of predicted survival has no interval (" +
             std::string(s.like_survival.odds_ratio.range.reason) + ")\n";
  }
  return out;
}

/// Whether survival is predictable, beside what needs no fit and beside shuffled labels.  The baseline is nu_iso, with
/// flips where the SAE's gate makes them and they are known.
inline std::string controlled_predictions_table(const control_findings& c, table_form form = table_form::columns) {
  text_table table({"predictable?", "base rate", "AUC", "95 %", "by families", "nu_iso", "with flips", "nu_cov",
                    "AUC - baseline", "95 %", "AP", "Brier", "slope", "shuffled", "baseline", "fit"});
  for (const controlled_policy& p : c.policies) {
    const controlled_prediction& x = p.prediction;
    const auto fitted = [&](double honest_prediction::*value) { return x.fitted ? fixed((*x.fitted).*value, 3) : "-"; };
    table.add({p.policy, fitted(&honest_prediction::base_rate), fixed(x.auc.value, 3), range_text(x.auc.range, 3),
               x.fitted ? range_text(x.fitted->over_families.range, 3) : "-", fixed(x.noise_auc.value, 3),
               x.flips_auc ? fixed(x.flips_auc->value, 3) : "-", fixed(x.covariance_auc.value, 3),
               signed_fixed(x.gain.value, 3), range_text(x.gain.range, 3),
               fitted(&honest_prediction::average_precision), fitted(&honest_prediction::brier),
               fitted(&honest_prediction::calibration_slope), fixed(x.shuffled_mean, 3), std::string(x.baseline_name()),
               std::string(name(x.verdict()))});
  }
  return table.str(form);
}

/// How well one policy's measured damage ranks what survives another, on other tokens.
inline std::string transfers_table(const control_findings& c, table_form form = table_form::columns) {
  text_table table({"from | to", "smaller class", "AUC of nu", "95 %", "fitted"});
  for (const survival_transfer& t : c.transfers)
    if (t.minority > 0)
      table.add({t.from + " | " + t.to, std::to_string(t.minority), fixed(t.measured.value, 3),
                 range_text(t.measured.range, 3), fixed(t.fitted, 3)});
  return table.str(form);
}

/// What is measured where one choice is made otherwise, a line for each choice and a column for each policy.
inline std::string variants_table(const control_findings& c, table_form form = table_form::columns) {
  std::vector<std::string> heads{"r > .9 in %, mean r", "counted", "FVU"};
  std::vector<std::string> base{"as audited", std::to_string(c.counted), ""};
  for (const controlled_policy& p : c.policies) {
    heads.push_back(p.policy);
    base.push_back(fixed(100.0 * p.survived.value, 1) + ", " + fixed(p.mean_r.value, 4));
  }
  text_table table(std::move(heads));
  table.add(std::move(base));
  for (const survival_variant& v : c.variants) {
    std::vector<std::string> row{v.what, std::to_string(v.counted), fixed(v.fvu, 3)};
    for (const survival_variant::condition& x : v.conditions)
      row.push_back(fixed(100.0 * x.survived.value, 1) + ", " + fixed(x.mean_r.value, 4));
    table.add(std::move(row));
  }
  return table.str(form);
}

/// What is decided of each of those choices, a line for each and each policy: whether damage says anything of learned
/// features, and whether survival hangs on position 0, BOS or the gate.
inline std::string decisions_table(const control_findings& c, table_form form = table_form::columns) {
  text_table table({"policy | choice made otherwise", "counted by both", "audited less this, mean r", "95 %",
                    "r > .9, points", "95 %", "decision, by mean r"});
  for (const survival_variant& v : c.variants)
    for (const survival_variant::condition& x : v.conditions) {
      const int decimals = (std::max)(4, detail::decimals_of_difference(x.against.more_mean_r));
      table.add({x.policy + " | " + v.what, std::to_string(x.against.features),
                 signed_fixed(x.against.more_mean_r.value, decimals), range_text(x.against.more_mean_r.range, decimals),
                 signed_fixed(100.0 * x.against.more_survived.value, 1),
                 range_text(x.against.more_survived.range, 1, 100.0), std::string(decision(v.kind, x.against))});
    }
  return table.str(form);
}

/// The section of an audit's text that its controls have.
inline std::string controls_text(const control_findings& c, table_form form = table_form::columns) {
  std::string out = "controls: " + std::to_string(c.rows) + " rows of " + std::to_string(c.context) + " tokens, " +
                    std::to_string(c.tokens) + " analyzed, " + std::to_string(c.groups) + " groups, " +
                    std::to_string(c.counted) + " features counted by a " +
                    std::string(activation_names[static_cast<std::size_t>(c.gate)]) + " SAE; " +
                    std::to_string(c.settings.seeds) + " seeds\n";
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
                 c, [&](const controlled_policy& p) { return fixed(100.0 * p.beyond[i].value, 1) + " %"; }) +
             "\n";
  }
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
                                          fixed(p.selection.chosen_worst, 3);
                                 }) +
         "\n\n" + variants_table(c, form) + (c.variants.empty() ? "" : "\n" + decisions_table(c, form));
  for (const std::string& note : c.notes)
    out += "note: " + note + "\n";
  return form == table_form::markdown ? markdown_text(out) : out;
}

}  // namespace qfa

#endif
