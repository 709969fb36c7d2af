// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_OVERLAP_TEXT_HPP
#define QFA_REPORT_OVERLAP_TEXT_HPP

#include <cstddef>
#include <string>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

/// Every two conditions beside each other, under the headline protocol.
inline const std::vector<damage_overlap>& headline_overlaps(const audit_result& a) noexcept {
  return a.headline.guarded_r ? a.published_overlaps : a.honest_overlaps;
}

/// How much more one condition leaves than another, a line for each pair: shares in points of 100, mean r as it is.
/// The same groups of rows are left out of both, which a reader of two intervals cannot do.
inline std::string gaps_table(const audit_result& a, table_form form = table_form::columns) {
  text_table table(
      {"differences, paired by rows", "counted by both", "r > .9, points", "less bias", "95 %", "mean r", "95 %"});
  for (const damage_overlap& o : headline_overlaps(a)) {
    const survival_gap& g = o.gap;
    table.add({o.a + " less " + o.b, std::to_string(g.features), signed_fixed(percent(g.survived.value), 1),
               signed_fixed(percent(g.survived.bias_corrected), 1), range_text(g.survived.range, 1, 100.0),
               signed_fixed(g.mean_r.value, 4), range_text(g.mean_r.range, 4)});
  }
  return table.str(form);
}

/// Which conditions hurt the same features, a line for each pair.
inline std::string overlaps_table(const audit_result& a, table_form form = table_form::columns) {
  text_table table({"overlap of features with r <= .9", "sizes", "both", "Jaccard", "95 %", "chance", "ceiling",
                    "kappa", "95 %", "odds at like rates", "95 %"});
  for (const damage_overlap& o : headline_overlaps(a)) {
    const set_overlap& s = o.not_survived;
    table.add({o.a + " | " + o.b, std::to_string(s.sizes.a) + ", " + std::to_string(s.sizes.b),
               std::to_string(s.sizes.both), fixed(s.jaccard.value, 3), range_text(s.jaccard.range, 3),
               fixed(s.chance, 3), fixed(s.ceiling, 3), fixed(s.kappa.value, 3), range_text(s.kappa.range, 3),
               fixed(s.stratified_odds_ratio.value, 1), range_text(s.stratified_odds_ratio.range, 1)});
  }
  return table.str(form);
}

/// Whether two conditions hurt features in the same order, a line for each pair: rank correlations of damage d = 1 - r
/// over the features whose r is defined in both, and how many of them share a rank at either end of it.
inline std::string damage_ranks_table(const audit_result& a, table_form form = table_form::columns) {
  text_table table({"order of damage d = 1 - r", "ranked", "tied at d = 1", "tied at d = 0", "Spearman d",
                    "without noise", "95 %", "Kendall tau-b", "95 %"});
  for (const damage_overlap& o : headline_overlaps(a)) {
    const auto both = [](std::size_t of_a, std::size_t of_b) {
      return std::to_string(of_a) + ", " + std::to_string(of_b);
    };
    table.add({o.a + " | " + o.b, std::to_string(o.gap.features - o.undefined), both(o.tied_at_one_a, o.tied_at_one_b),
               both(o.tied_at_zero_a, o.tied_at_zero_b), fixed(o.spearman.value, 3),
               fixed(o.spearman.bias_corrected, 3), range_text(o.spearman.range, 3), fixed(o.kendall_tau_b.value, 3),
               range_text(o.kendall_tau_b.range, 3)});
  }
  return table.str(form);
}

}  // namespace qfa

#endif
