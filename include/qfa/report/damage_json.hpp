// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_DAMAGE_JSON_HPP
#define QFA_REPORT_DAMAGE_JSON_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "qfa/audit/shift_account.hpp"
#include "qfa/audit/token_account.hpp"
#include "qfa/audit/worst_features.hpp"
#include "qfa/report/json_values.hpp"

namespace qfa {

namespace detail {

inline report_json parts_row(const shift_parts& p) {
  return {number_or_null(p.shift), number_or_null(p.decoded), number_or_null(p.missed), number_or_null(p.cross),
          number_or_null(p.explained)};
}

/// An estimate, and on how many tokens it rests.
inline report_json estimate_on_tokens(std::uint64_t tokens, const estimate& e) {
  report_json out{{"tokens", tokens}};
  out.update(to_json(e));
  return out;
}

inline report_json correlation_json(const token_correlation& c) { return estimate_on_tokens(c.tokens, c.value); }

}  // namespace detail

/// Key "shift" of a condition: D = h~ - h, and what accounts for it.  Energies are means over tokens in squared units
/// of the activations; what each feature has of it stands in features.csv.
inline report_json to_json(const activation_shift& s) {
  constexpr std::string_view still = "nothing moved";
  report_json positions = report_json::array();
  for (const shift_parts& position : s.by_position)
    positions.push_back(detail::parts_row(position));
  return {
      {"energy", to_json(s.energy)},
      {"relative", to_json(s.relative)},
      {"explained_share", to_json(s.explained)},
      {"decoded_share", to_json(s.decoded)},
      {"missed_share", to_json(s.missed)},
      {"cross_share", to_json(s.cross)},
      {"mean_shift_share", to_json(s.mean_shift_share)},
      {"input_norm_share", value_or_reason(s.frame_share, still)},
      {"decoded_energy", number_or_null(s.mean.decoded)},
      {"missed_energy", number_or_null(s.mean.missed)},
      {"cross_energy", number_or_null(s.mean.cross)},
      {"half_of_explained",
       {{"groups", s.carriers.groups},
        {"features", s.carriers.features},
        {"share_on_even_groups", value_or_reason(s.carriers.chosen_share, "nothing is explained on the even groups")},
        {"share_on_odd_groups", to_json(s.carriers.share)}}},
      {"feature_energies",
       {{"gini", to_json(s.gini)},
        {"gini_firing", to_json(s.gini_firing)},
        {"top_1_percent", to_json(s.top_1_percent)},
        {"top_10_percent", to_json(s.top_10_percent)}}},
      {"by_position",
       {{"columns", {"energy", "decoded_energy", "missed_energy", "cross_energy", "explained_energy"}},
        {"rows", std::move(positions)}}}};
}

/// Key "worst_features" of a condition: chosen on the even groups of rows, judged on the odd ones.
inline report_json to_json(const worst_features& w) {
  report_json listed = report_json::array();
  for (const chosen_feature& f : w.listed)
    listed.push_back({{"feature", f.feature}, {"r_on_even_groups", f.chosen_r}, {"r_on_odd_groups", to_json(f.r)}});
  return {{"groups", w.groups},
          {"chosen", w.chosen},
          {"mean_r_on_even_groups", value_or_reason(w.chosen_mean, "no feature is counted on both halves")},
          {"mean_r_on_odd_groups", to_json(w.mean)},
          {"not_survived_on_odd_groups", to_json(w.hurt)},
          {"features", std::move(listed)}};
}

/// Key "tokens" of a condition: which tokens are hurt.
inline report_json to_json(const token_account& t) {
  report_json out{{"tokens", t.tokens},
                  {"ranked_tokens", t.ranked_tokens},
                  {"ranked_stride", t.ranked_stride},  // of rows: the first of each so many
                  {"spearman_kl",
                   {{"code_cosine", detail::correlation_json(t.cosine)},
                    {"active_set_jaccard", detail::correlation_json(t.jaccard)},
                    {"relative_shift", detail::correlation_json(t.relative_shift)}}}};
  for (std::size_t by = 0; by < t.tables.size(); ++by) {
    report_json rows = report_json::array();
    for (const token_bucket& b : t.tables[by])
      rows.push_back({{"low", b.low},
                      {"high", number_or_null(b.high)},
                      {"tokens", b.tokens},
                      {"kl", to_json(b.kl)},
                      {"code_cosine", detail::estimate_on_tokens(b.cosines, b.cosine)},
                      {"active_set_jaccard", detail::estimate_on_tokens(b.jaccards, b.jaccard)},
                      {"relative_shift", detail::estimate_on_tokens(b.shifts, b.relative_shift)}});
    out["by_" + std::string(token_sort_names[by])] = std::move(rows);
  }
  return out;
}

}  // namespace qfa

#endif
