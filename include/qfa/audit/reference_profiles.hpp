// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_REFERENCE_PROFILES_HPP
#define QFA_AUDIT_REFERENCE_PROFILES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/predict/predictors.hpp"
#include "qfa/stats/comoments.hpp"
#include "qfa/stats/feature_table.hpp"

namespace qfa {

/// Leaves no group out.
inline constexpr std::size_t no_group = (std::numeric_limits<std::size_t>::max)();

/// The groups of a table that hold tokens, in order: what a jackknife counts.
inline std::vector<std::size_t> filled_groups(const feature_table& table) {
  std::vector<std::size_t> filled;
  for (std::size_t g = 0; g < table.groups(); ++g)
    if (table.tokens(g) > 0) filled.push_back(g);
  return filled;
}

/// What the reference model shows of each chosen feature on the selected groups but `left_out`: the material of
/// predictors, one profile for each entry of `features`.
inline std::vector<firing_profile> reference_profiles(const feature_table& table,
                                                      std::span<const std::uint32_t> features,
                                                      group_selection selection = group_selection::all,
                                                      std::size_t left_out = no_group) {
  double tokens = 0.0;
  for (std::size_t g = 0; g < table.groups(); ++g)
    if (selects(selection, g) && g != left_out) tokens += static_cast<double>(table.tokens(g));
  std::vector<firing_profile> profiles;
  profiles.reserve(features.size());
  for (const std::uint32_t f : features) {
    double firings = 0.0, sum = 0.0;
    float peak = 0.0f;
    for (std::size_t g = 0; g < table.groups(); ++g) {
      if (!selects(selection, g) || g == left_out) continue;
      const feature_cell& cell = table.cell(f, g);
      firings += static_cast<double>(cell.reference_firings);
      sum += cell.either.sum_x();
      peak = (std::max)(peak, cell.reference_max);
    }
    const double share = tokens > 0.0 ? 1.0 / tokens : 0.0;
    profiles.push_back({firings * share, sum * share, static_cast<double>(peak)});
  }
  return profiles;
}

/// r of each chosen feature on the selected groups but `left_out`; NaN where it is undefined.
inline std::vector<double> correlations_on(const feature_table& table, std::span<const std::uint32_t> features,
                                           group_selection selection, std::size_t left_out = no_group) {
  std::uint64_t tokens = 0;
  for (std::size_t g = 0; g < table.groups(); ++g)
    if (selects(selection, g) && g != left_out) tokens += table.tokens(g);
  std::vector<double> r;
  r.reserve(features.size());
  for (const std::uint32_t f : features) {
    comoments all;
    for (std::size_t g = 0; g < table.groups(); ++g)
      if (selects(selection, g) && g != left_out) all += table.cell(f, g).either;
    all.add_zeros(tokens - all.count);
    r.push_back(pearson(all));
  }
  return r;
}

}  // namespace qfa

#endif
