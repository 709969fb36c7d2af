// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_DECILES_HPP
#define QFA_COMPARE_DECILES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// How many strata `deciles_of` makes.
inline constexpr std::size_t decile_count = 10;

/// The decile of each value among all of them, 0 to 9: strata of equal size, give or take one.  Of equal values the
/// first lies lower, so that the strata never depend on the sorting.  Throws for NaN.
inline std::vector<std::uint32_t> deciles_of(std::span<const double> values) {
  for (const double x : values)
    require(!std::isnan(x), "deciles_of is asked to order values of which one is NaN: leave such members out first");
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  std::vector<std::uint32_t> out(values.size());
  for (std::size_t place = 0; place < order.size(); ++place)
    out[order[place]] = static_cast<std::uint32_t>(decile_count * place / order.size());
  return out;
}

}  // namespace qfa

#endif
