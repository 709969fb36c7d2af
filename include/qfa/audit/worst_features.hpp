// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_WORST_FEATURES_HPP
#define QFA_AUDIT_WORST_FEATURES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/compare/top_overlap.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/comoments.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/survival/aggregates.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// A feature that was chosen for what it showed on the even groups of rows, and what it shows on the odd ones.
struct chosen_feature {
  std::uint32_t feature = 0;
  double chosen_r = std::numeric_limits<double>::quiet_NaN();  ///< on the even groups
  estimate r;  ///< on the odd ones; on atanh, by the groups that its evidence there is worth
};

/// The features that a condition hurts most.  The worst of many measured values owes some of its place to chance, and
/// would not be as bad again: they are chosen on the even groups of rows and judged on the odd ones.  A feature that is
/// silent on the compressed model alone has r = 0.
struct worst_features {
  std::size_t groups = 0;                                         ///< of rows, even and odd ones
  std::size_t chosen = 0;                                         ///< 5 % of the counted, 1 at least
  double chosen_mean = std::numeric_limits<double>::quiet_NaN();  ///< mean r where they were chosen
  estimate mean;                                                  ///< and where they were not; on atanh
  estimate hurt;                       ///< the share of them that does not survive where they were not; on logit
  std::vector<chosen_feature> listed;  ///< the worst ten of them, the worst first
};

inline constexpr double worst_share = 0.05;
inline constexpr std::size_t worst_listed = 10;

namespace detail {

/// r of a feature over some blocks of groups but one.  NaN where the reference does not vary on them.
inline double r_on(const feature_table& table, std::uint32_t feature, const group_blocks& blocks,
                   std::size_t left_out) {
  comoments all;
  std::uint64_t tokens = 0;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (b == left_out) continue;
    all += cells_of(table, feature, blocks[b]);
    for (const std::size_t g : blocks[b])
      tokens += table.tokens(g);
  }
  all.add_zeros(tokens - all.count);
  if (all.xx > 0.0 && !(all.yy > 0.0)) return 0.0;
  return pearson(all);
}

}  // namespace detail

/// Of the features that the survey counts, which may be by fewer groups.  Nothing where no feature varies on both
/// halves of the reference.
inline worst_features find_worst_features(const feature_table& table, const survey& s) {
  const group_blocks even = blocks_of(table, group_selection::even), odd = blocks_of(table, group_selection::odd);
  std::vector<std::pair<double, std::uint32_t>> order;  // r, feature
  for (const std::uint32_t f : s.counted) {
    const double there = detail::r_on(table, f, even, even.size()), here = detail::r_on(table, f, odd, odd.size());
    if (!std::isnan(there) && !std::isnan(here)) order.emplace_back(there, f);
  }
  worst_features out;
  out.groups = table.groups();
  if (order.empty()) return out;
  out.chosen = members_in_share(worst_share, order.size());
  std::ranges::sort(order);  // of equal r the first feature
  order.resize(out.chosen);

  std::vector<double> there;                                 // (chosen)
  std::vector<std::vector<double>> without(odd.size() + 1);  // without each block of odd groups; all of them
  for (const auto& [r, f] : order)
    there.push_back(r);
  parallel_for(odd.size() + 1, [&](std::size_t b) {
    for (const auto& entry : order)
      without[b].push_back(detail::r_on(table, entry.second, odd, b));
  });
  const auto estimated = [&](auto statistic, interval_scale scale) {
    return jackknife(statistic(std::span<const double>(without.back())), odd.size(),
                     [&](std::size_t b) { return statistic(std::span<const double>(without[b])); }, {.scale = scale});
  };
  out.chosen_mean = mean_correlation(there);
  out.mean = estimated(mean_correlation, interval_scale::atanh);
  out.hurt =
      estimated([&](std::span<const double> r) { return 1.0 - outcome_share(r, outcome::survived, s.rules.bands); },
                interval_scale::logit);
  for (std::size_t i = 0; i < (std::min)(worst_listed, order.size()); ++i) {
    out.listed.push_back({order[i].second, order[i].first,
                          jackknife(
                              without.back()[i], odd.size(), [&](std::size_t b) { return without[b][i]; },
                              correlation_interval(evidence_of(table, order[i].second, odd)))});
  }
  return out;
}

}  // namespace qfa

#endif
