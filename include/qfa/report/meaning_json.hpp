// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_MEANING_JSON_HPP
#define QFA_REPORT_MEANING_JSON_HPP

#include <utility>
#include <vector>

#include "qfa/meaning/findings.hpp"
#include "qfa/report/json_values.hpp"

namespace qfa {

inline report_json to_json(const drift_census& c) {
  return {{"threshold_bits", value_or_reason(c.threshold, "no feature fires in both halves of the reference")},
          {"controls", c.controls},
          {"compared", c.compared},
          {"changed", c.changed},
          {"by_common_support_r",
           {{"changed_high", c.table[1][1]},
            {"changed_low", c.table[1][0]},
            {"unchanged_high", c.table[0][1]},
            {"unchanged_low", c.table[0][0]}}},
          {"left_out", c.left_out}};
}

inline report_json to_json(const std::vector<token_share>& tokens) {
  report_json out = report_json::array();
  for (const token_share& t : tokens)
    out.push_back({t.id, number_or_null(t.share)});
  return out;
}

/// What became of the features' meanings.  What is listed was chosen by the even groups of rows: divergence, tokens and
/// shares without more words are of the odd ones, all else of an entry of all rows.  Numbers of every feature stand in
/// features.csv.
inline report_json to_json(const meaning_findings& m) {
  report_json changed = report_json::array();
  for (const changed_meaning& c : m.changed) {
    const feature_meaning& f = m.features[c.feature];
    report_json births = report_json::array();
    for (const feature_birth& b : f.born_instead)
      births.push_back({{"feature", b.feature},
                        {"tokens_at_most", b.count},
                        {"tokens_at_least", b.count - b.error},
                        {"lift", number_or_null(b.lift)}});
    report_json entry{
        {"feature", c.feature},
        {"divergence_bits", value_or_reason(c.divergence, "a side does not fire on the odd groups")},
        {"divergence_bits_on_even_groups", number_or_null(c.chosen_by)},
        {"common_support_r", value_or_reason(c.common_support_r, "fires on no two tokens of both models")},
        {"context_overlap", number_or_null(f.overlap)},
        {"reference_tokens", to_json(c.reference_tokens)},
        {"compressed_tokens", to_json(c.compressed_tokens)},
        {"moved_share", value_or_reason(f.moved, "no firing was missed")},
        {"born_instead", std::move(births)}};
    entry["moved_to"] = f.moved_to ? report_json(*f.moved_to) : report_json(nullptr);
    changed.push_back(std::move(entry));
  }
  report_json moved = report_json::array();
  for (const moved_feature& f : m.moved)
    moved.push_back({{"feature", f.feature},
                     {"to", f.to},
                     {"share", value_or_reason(f.share, "no firing was missed on the odd groups")},
                     {"share_on_even_groups", number_or_null(f.chosen_by)},
                     {"missed", f.misses}});
  report_json out{{"control", "even against odd groups of rows on the reference, 99 % quantile"},
                  {"contexts", top_contexts::most},
                  {"current_token", to_json(m.current)},
                  {"previous_token", to_json(m.previous)},
                  {"chosen_on", "even groups"},
                  {"changed_on_even_groups", m.changed_on_even},
                  {"changed_on_odd_groups_too", m.changed_on_both},
                  {"changed", std::move(changed)},
                  {"moved_on_even_groups", m.moved_on_even},
                  {"moved_on_odd_groups_too", m.moved_on_both},
                  {"moved", std::move(moved)},
                  {"families",
                   {{"of_two_or_more", m.families},
                    {"features_in_them", m.in_families},
                    {"icc_noise_to_signal", value_or_reason(m.icc, "no family has two measured features")},
                    {"icc_permutation_p", number_or_null(m.icc_p)},
                    {"icc_features", m.icc_features},
                    {"icc_without_families_of_one", value_or_reason(m.icc_of_kin, "fewer than two families of two")},
                    {"icc_without_families_of_one_p", number_or_null(m.icc_of_kin_p)},
                    {"icc_without_families_of_one_features", m.kin}}}};
  if (m.beyond_floor) {
    out["floor"] = m.floor;
    out["current_token_beyond_floor"] = to_json(*m.beyond_floor);
  }
  return out;
}

}  // namespace qfa

#endif
