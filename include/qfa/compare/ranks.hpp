// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_RANKS_HPP
#define QFA_COMPARE_RANKS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// Calls `group(first, last, order)` once for each set of equal values, smallest first: order[first..last) are the
/// indices of its members, lowest first.  The one place where it is decided what a tie is.  Throws for NaN, which has
/// no place in an order.
template <class Group>
void for_each_tie(std::span<const double> values, Group group) {
  std::vector<std::pair<double, std::size_t>> sorted(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    require(!std::isnan(values[i]), "ranks are asked for values of which one is NaN: leave such pairs out first");
    sorted[i] = {values[i], i};
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> order(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i)
    order[i] = sorted[i].second;
  for (std::size_t first = 0, last = 0; first < sorted.size(); first = last) {
    while (last < sorted.size() && sorted[last].first == sorted[first].first)
      ++last;
    group(first, last, std::span<const std::size_t>(order));
  }
}

/// The place of each value in increasing order, from 1; equal values share the mean of the places they take.
///
/// Places first + 1 .. last have the mean (first + 1 + last) / 2, a multiple of a half and therefore exact.
inline std::vector<double> mid_ranks(std::span<const double> values) {
  std::vector<double> ranks(values.size());
  for_each_tie(values, [&](std::size_t first, std::size_t last, std::span<const std::size_t> order) {
    const double shared = 0.5 * static_cast<double>(first + 1 + last);
    for (std::size_t i = first; i < last; ++i)
      ranks[order[i]] = shared;
  });
  return ranks;
}

/// How far a sample is from having no ties.
struct tie_counts {
  std::size_t groups = 0;   ///< values that occur more than once
  std::size_t members = 0;  ///< how many entries carry such a value
  std::uint64_t pairs = 0;  ///< pairs of entries with equal values: the sum of m (m - 1) / 2

  bool operator==(const tie_counts&) const = default;
};

/// Counts the ties of a sample.  Throws for NaN.
inline tie_counts count_ties(std::span<const double> values) {
  tie_counts ties;
  for_each_tie(values, [&](std::size_t first, std::size_t last, std::span<const std::size_t>) {
    const std::uint64_t m = last - first;
    if (m < 2) return;
    ++ties.groups;
    ties.members += last - first;
    ties.pairs += m * (m - 1) / 2;
  });
  return ties;
}

/// Cuts values into `count` strata of nearly equal size by rank, lowest first: deciles for count = 10.  Equal values
/// share a stratum, so that strata do not depend on the order of the entries; they may then differ in size, and with
/// few distinct values some are empty.  Throws for NaN and for no strata.
inline std::vector<std::uint32_t> strata_by_rank(std::span<const double> values, std::uint32_t count) {
  require(count > 0, "strata_by_rank needs at least one stratum");
  const std::vector<double> ranks = mid_ranks(values);
  std::vector<std::uint32_t> stratum(values.size());
  // Rank k of n covers the share ((k - 1) / n, k / n) of the sample; its middle says where it belongs.  Below 1, so
  // that the last stratum is count - 1.
  for (std::size_t i = 0; i < ranks.size(); ++i)
    stratum[i] = static_cast<std::uint32_t>((ranks[i] - 0.5) * count / static_cast<double>(ranks.size()));
  return stratum;
}

}  // namespace qfa

#endif
