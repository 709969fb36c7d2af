// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_OUTLIER_RANGE_HPP
#define QFA_CACHE_OUTLIER_RANGE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/exact.hpp"

namespace qfa {

/// The percentile at `fraction` of sorted numbers, between neighbors linearly: numpy's, whose formula interpolates from
/// the nearer neighbor.
inline double linear_percentile(std::span<const float> sorted, double fraction) noexcept {
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const double below = std::floor(place), part = place - below;
  const auto at = static_cast<std::size_t>(below);
  const auto low = static_cast<double>(sorted[at]);
  const auto high = static_cast<double>(sorted[(std::min)(at + 1, sorted.size() - 1)]);
  return part < 0.5 ? low + rounded_product(high - low, part) : high - rounded_product(high - low, 1.0 - part);
}

/// Which numbers of a channel or a token are outliers, and the range of the others.
struct outlier_range {
  double lower = 0.0, upper = 0.0;  ///< below, or above: an outlier
  float low = 0.0f, high = 0.0f;    ///< the smallest and the largest of the others

  bool holds(float x) const noexcept { return static_cast<double>(x) >= lower && static_cast<double>(x) <= upper; }
};

/// KVQuant's (Hooper and others 2024, arXiv 2401.18079): a share `outliers` of the numbers lies outside the percentiles
/// (1 - t) and t, t = 1 - outliers / 2.  Outliers count as the (lower) median where the range is taken, which leaves
/// that of the rest.  A share of 0 makes no number an outlier, not even one beyond the range.  `x` is not empty.
inline outlier_range find_outlier_range(std::span<const float> x, double outliers) {
  std::vector<float> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  const double t = 1.0 - (1.0 - (1.0 - outliers)) / 2.0;  // as numpy's users write it, for equal bits at the edges
  outlier_range range{.lower = linear_percentile(sorted, 100.0 * (1.0 - t) / 100.0),
                      .upper = linear_percentile(sorted, 100.0 * t / 100.0)};
  if (outliers == 0.0) range.upper = -(range.lower = -std::numeric_limits<double>::infinity());
  range.low = range.high = sorted[(sorted.size() - 1) / 2];
  for (const float v : sorted)
    if (range.holds(v)) {
      range.low = (std::min)(range.low, v);
      range.high = (std::max)(range.high, v);
    }
  return range;
}

}  // namespace qfa

#endif
