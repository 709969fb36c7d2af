// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_TOP_OVERLAP_HPP
#define QFA_COMPARE_TOP_OVERLAP_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "qfa/compare/overlap.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// The shares of the population at which worst features are compared: measures of overlap that do not depend on how
/// many features a threshold happens to fail.
inline constexpr std::array<double, 5> worst_shares{0.01, 0.02, 0.05, 0.10, 0.20};

/// Indices from the most damaged to the least; equal damage in order of the index, so that the list never depends on
/// the sorting.  Throws for NaN.
inline std::vector<std::size_t> worst_first(std::span<const double> damage) {
  for (const double d : damage)
    require(!std::isnan(d), "worst_first is asked to order damages of which one is NaN: leave such features out first");
  std::vector<std::size_t> order(damage.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return damage[i] != damage[j] ? damage[i] > damage[j] : i < j; });
  return order;
}

/// How many features a share of the population is: the nearest number, one at least.  Throws where the share is not in
/// (0, 1].
inline std::size_t members_in_share(double share, std::size_t population) {
  require(share > 0.0 && share <= 1.0, "a share of the worst features lies above 0 and is at most 1");
  const double wanted = std::floor(share * static_cast<double>(population) + 0.5);
  return (std::min)(population, std::max<std::size_t>(1, static_cast<std::size_t>(wanted)));
}

/// The worst features of one measurement and of another, at one size of list.
struct top_overlap {
  double share = 0.0;  ///< of the population
  set_sizes sizes;     ///< a = b = length of the lists

  /// The share of either list that is in both; a random list would have length / population.
  double common() const { return overlap_coefficient(sizes); }
};

/// Compares the most damaged features under two compressions, for each share in turn.  One damage for every feature
/// of the population in both, in the same order; throws for NaN.
inline std::vector<top_overlap> worst_overlap(std::span<const double> damage_a, std::span<const double> damage_b,
                                              std::span<const double> shares = worst_shares) {
  require(damage_a.size() == damage_b.size(), "worst_overlap needs the damage of the same features twice");
  const std::size_t n = damage_a.size();
  std::vector<std::size_t> place_in_b(n);
  const std::vector<std::size_t> worst_b = worst_first(damage_b);
  for (std::size_t k = 0; k < n; ++k)
    place_in_b[worst_b[k]] = k;
  const std::vector<std::size_t> worst_a = worst_first(damage_a);

  std::vector<top_overlap> overlaps;
  for (const double share : shares) {
    const std::size_t length = members_in_share(share, n);
    top_overlap top{share, {.a = length, .b = length, .population = n}};
    for (std::size_t k = 0; k < length; ++k)
      top.sizes.both += place_in_b[worst_a[k]] < length;
    overlaps.push_back(top);
  }
  return overlaps;
}

}  // namespace qfa

#endif
