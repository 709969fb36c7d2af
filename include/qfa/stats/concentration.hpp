// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_CONCENTRATION_HPP
#define QFA_STATS_CONCENTRATION_HPP

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

namespace qfa {

/// Gini coefficient of amounts >= 0: 0 where all are equal, (n - 1) / n where one has everything.  NaN where there is
/// nothing to share.
///
///   sum over i of (2 i - n - 1) x_i / (n sum x),   x increasing, i from 1          (Gini 1912, in its sorted form)
inline double gini(std::vector<double> amounts) {
  std::sort(amounts.begin(), amounts.end());
  const auto n = static_cast<double>(amounts.size());
  double sum = 0.0, weighted = 0.0;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    sum += amounts[i];
    weighted += (2.0 * static_cast<double>(i + 1) - n - 1.0) * amounts[i];
  }
  return sum > 0.0 ? weighted / (n * sum) : std::numeric_limits<double>::quiet_NaN();
}

/// What the `count` largest of some amounts >= 0 have of all.  NaN where there is nothing to share.
inline double top_share(std::vector<double> amounts, std::size_t count) {
  std::sort(amounts.begin(), amounts.end(), std::greater<>());
  double sum = 0.0, top = 0.0;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    sum += amounts[i];
    if (i < count) top += amounts[i];
  }
  return sum > 0.0 ? top / sum : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace qfa

#endif
