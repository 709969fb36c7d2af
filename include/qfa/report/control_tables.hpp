// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_CONTROL_TABLES_HPP
#define QFA_REPORT_CONTROL_TABLES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "qfa/controls/control_findings.hpp"
#include "qfa/report/control_words.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

/// The damage of each policy beside that of its controls, a line for each: points are per cent of the counted features.
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
  return table.str(form) + without_interval("J pruned, partial rho with noise, reliability");
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
  std::string out =
      table.str(form) +
      without_interval("rho, rho / ceiling, worst 5 % shared, and odds, RBO and the worst with noise");
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
               x.fitted ? range_text(x.fitted->over_families.range, 3) : "-",
               detail::with_range_or_dash(x.noise_auc, 3),
               x.flips_auc ? detail::with_range_or_dash(*x.flips_auc, 3) : "-",
               detail::with_range_or_dash(x.covariance_auc, 3), signed_fixed(x.gain.value, 3),
               range_text(x.gain.range, 3), fitted(&honest_prediction::average_precision),
               fitted(&honest_prediction::brier), fitted(&honest_prediction::calibration_slope),
               fixed(x.shuffled_mean, 3), std::string(x.baseline_name()), std::string(name(x.verdict()))});
  }
  return table.str(form) + without_interval("base rate, AP, Brier, slope, shuffled");
}

/// How well one policy's measured damage ranks what survives another, on other tokens.
inline std::string transfers_table(const control_findings& c, table_form form = table_form::columns) {
  text_table table({"from | to", "smaller class", "AUC of nu", "95 %", "fitted"});
  for (const survival_transfer& t : c.transfers)
    if (t.minority > 0)
      table.add({t.from + " | " + t.to, std::to_string(t.minority), fixed(t.measured.value, 3),
                 range_text(t.measured.range, 3), fixed(t.fitted, 3)});
  std::string out = table.str(form) + without_interval("fitted");
  for (const survival_transfer& t : c.transfers)
    if (t.minority > 0 && std::isnan(t.measured.value) && !t.measured.range.reason.empty())
      out += t.from + " | " + t.to + ": no AUC (" + std::string(t.measured.range.reason) + ")\n";
  return out;
}

/// What is measured where one choice is made otherwise, a line for each choice and a column for each policy.
inline std::string variants_table(const control_findings& c, table_form form = table_form::columns) {
  std::vector<std::string> heads{"r > .9 in %, mean r", "counted", "FVU"};
  std::vector<std::string> base{"as audited", std::to_string(c.counted), ""};
  for (const controlled_policy& p : c.policies) {
    heads.push_back(p.policy);
    base.push_back(detail::with_range(p.survived, 1, 100.0) + ", " + detail::with_range(p.mean_r, 4));
  }
  text_table table(std::move(heads));
  table.add(std::move(base));
  for (const survival_variant& v : c.variants) {
    std::vector<std::string> row{v.what, std::to_string(v.counted), fixed(v.fvu, 3)};
    for (const survival_variant::condition& x : v.conditions)
      row.push_back(detail::with_range(x.survived, 1, 100.0) + ", " + detail::with_range(x.mean_r, 4));
    table.add(std::move(row));
  }
  return table.str(form) + without_interval("FVU");
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

}  // namespace qfa

#endif
