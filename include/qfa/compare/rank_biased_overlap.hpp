// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_RANK_BIASED_OVERLAP_HPP
#define QFA_COMPARE_RANK_BIASED_OVERLAP_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// Rank-biased overlap of two ranked lists, extrapolated (Webber, Moffat and Zobel 2010, equation 32): of a reader who
/// goes on from each rank to the next with the chance p, the expected overlap of what was read of both.  At p = 0.9 the
/// first ten ranks carry 86 % of the weight.
///
/// The lists may be of different lengths; what lies beyond their ends is taken to agree as what is known does.  0 for
/// lists with nothing in common, 1 for the same list twice up to rounding; NaN where one is empty.  Throws unless 0 < p
/// < 1, and for a list that holds an item twice.
inline double rank_biased_overlap(std::span<const std::uint64_t> first, std::span<const std::uint64_t> second,
                                  double p = 0.9) {
  require(p > 0.0 && p < 1.0, "rank_biased_overlap needs a persistence between 0 and 1");
  if (first.empty() || second.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto with_ranks = [](std::span<const std::uint64_t> items) {
    std::vector<std::pair<std::uint64_t, std::size_t>> ranks;
    for (std::size_t i = 0; i < items.size(); ++i)
      ranks.emplace_back(items[i], i + 1);
    std::sort(ranks.begin(), ranks.end());
    for (std::size_t i = 1; i < ranks.size(); ++i)
      require(ranks[i].first != ranks[i - 1].first, "a ranked list holds every item once");
    return ranks;
  };
  const auto ranks_in_first = with_ranks(first), ranks_in_second = with_ranks(second);
  // The rank of the item at rank `depth` of `list` in the other list; beyond every rank where it is not there.
  const auto other_rank = [](std::span<const std::uint64_t> list, std::size_t depth, const auto& ranks) {
    const auto nowhere = (std::numeric_limits<std::size_t>::max)();
    if (depth > list.size()) return nowhere;
    const auto at = std::lower_bound(ranks.begin(), ranks.end(), std::pair(list[depth - 1], std::size_t{0}));
    return at != ranks.end() && at->first == list[depth - 1] ? at->second : nowhere;
  };
  const std::size_t shorter = (std::min)(first.size(), second.size());
  const std::size_t longer = (std::max)(first.size(), second.size());
  const auto s = static_cast<double>(shorter), l = static_cast<double>(longer);
  double common = 0.0, common_of_shorter = 0.0, sum = 0.0, weight = 1.0;
  for (std::size_t depth = 1; depth <= longer; ++depth) {
    common += other_rank(first, depth, ranks_in_second) <= depth ? 1.0 : 0.0;
    common += other_rank(second, depth, ranks_in_first) < depth ? 1.0 : 0.0;
    const auto d = static_cast<double>(depth);
    weight *= p;
    sum += common / d * weight;
    if (depth == shorter) common_of_shorter = common;
    if (depth > shorter) sum += common_of_shorter * (d - s) / (s * d) * weight;
  }
  return (1.0 - p) / p * sum + ((common - common_of_shorter) / l + common_of_shorter / s) * weight;
}

}  // namespace qfa

#endif
