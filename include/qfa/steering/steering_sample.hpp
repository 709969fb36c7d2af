// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_STEERING_SAMPLE_HPP
#define QFA_STEERING_STEERING_SAMPLE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "qfa/compare/ranks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// `count` places spread evenly over [0, all): the middles of as many equal parts.  All of them where there are no
/// more.
inline std::vector<std::size_t> spread_evenly(std::size_t all, std::size_t count) {
  count = (std::min)(all, count);
  std::vector<std::size_t> out(count);
  for (std::size_t i = 0; i < count; ++i)
    out[i] = (2 * i + 1) * all / (2 * count);
  return out;
}

/// r as ranks take it: a feature that is silent on the compressed model correlates with nothing.
inline std::vector<double> silent_as_zero(std::vector<double> r) {
  for (double& x : r)
    if (std::isnan(x)) x = 0.0;
  return r;
}

/// `count` of `features`, increasing: every so many in the order of their damage, so that the sample has as many of the
/// worst and of the best as there are.  Where there are several conditions, the order is that of the ranks' sums: one
/// sample for all.  `r` holds a value for each feature, for each condition; ties go by number.  Throws where it does
/// not.
inline std::vector<std::uint32_t> sample_by_damage(std::span<const std::uint32_t> features,
                                                   std::span<const std::vector<double>> r, std::size_t count) {
  std::vector<double> ranks(features.size(), 0.0);
  for (const std::vector<double>& of_condition : r) {
    require(of_condition.size() == features.size(), "a sample by damage needs an r for each feature");
    const std::vector<double> of_one = mid_ranks(silent_as_zero(of_condition));
    for (std::size_t i = 0; i < ranks.size(); ++i)
      ranks[i] += of_one[i];
  }
  std::vector<std::size_t> order(features.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return ranks[i]; });
  std::vector<std::uint32_t> out;
  for (const std::size_t place : spread_evenly(order.size(), count))
    out.push_back(features[order[place]]);
  std::ranges::sort(out);
  return out;
}

/// Rows of an audit that an analysis of their own runs on, with the groups that they have in the audit: what is left
/// out of the one by a jackknife is left out of the other.
struct sampled_rows {
  token_rows tokens;
  std::vector<std::uint32_t> group_of_row;
  std::size_t groups = 0;  ///< of the audit

  /// How many of them have a row here; rows are in their order.
  std::size_t filled_groups() const {
    std::vector<std::uint32_t> out = group_of_row;
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out.size();
  }
  /// Of fewer groups, of which `places` has one for each of these.
  std::size_t filled_groups(std::span<const std::uint32_t> places) const {
    std::vector<std::uint32_t> out;
    for (const std::uint32_t g : group_of_row)
      if (out.empty() || out.back() != places[g]) out.push_back(places[g]);
    return out.size();
  }
};

/// The given rows' first `positions` tokens; `of_audit`: the audit's groups of all rows, the rows' own where none are
/// given.
inline sampled_rows take_rows(const token_rows& all, std::span<const std::size_t> rows, std::size_t positions,
                              const std::optional<row_groups>& of_audit = {}) {
  const row_groups groups = of_audit ? *of_audit : row_groups(all.rows());
  sampled_rows out{
      .tokens = {.context = (std::min)(positions, all.context)}, .group_of_row = {}, .groups = groups.groups()};
  for (const std::size_t row : rows) {
    const auto ids = all.view().row(row).first(out.tokens.context);
    out.tokens.ids.insert(out.tokens.ids.end(), ids.begin(), ids.end());
    out.group_of_row.push_back(groups.group_of(row));
  }
  return out;
}

}  // namespace qfa

#endif
