// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_PERCENTILE_HPP
#define QFA_STATS_PERCENTILE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/exact.hpp"

namespace qfa {

/// The value below which `percent` of the values lie, as numpy.percentile has it by default ("linear"): the straight
/// line through the sorted values, of which the first stands at 0 % and the last at 100 %.  To numpy's bits: the line
/// is followed from its nearer end.
///
/// NaN for no values and where one of them is NaN.  Throws unless 0 <= percent <= 100.
inline double percentile(std::span<const double> values, double percent) {
  require(percent >= 0.0 && percent <= 100.0, "a percentile needs a percentage from 0 to 100");
  if (values.empty() || std::ranges::any_of(values, [](double x) { return std::isnan(x); }))
    return std::numeric_limits<double>::quiet_NaN();
  const double place = percent / 100.0 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  if (below + 1 == sorted.size()) return sorted.back();
  const double share = place - static_cast<double>(below);
  const double low = sorted[below], high = sorted[below + 1];
  if (share == 0.0) return low;
  return share >= 0.5 ? high - rounded_product(high - low, 1.0 - share) : low + rounded_product(high - low, share);
}

/// Where x stands among the values: the percentage of them that lie below it, those equal to x counting half.  NaN for
/// no values; a NaN among them is none.
inline double percentile_rank(double x, std::span<const double> values) {
  double below = 0.0, count = 0.0;
  for (const double v : values) {
    if (std::isnan(v)) continue;
    below += v < x ? 1.0 : (v == x ? 0.5 : 0.0);
    count += 1.0;
  }
  if (count == 0.0 || std::isnan(x)) return std::numeric_limits<double>::quiet_NaN();
  return 100.0 * below / count;
}

}  // namespace qfa

#endif
