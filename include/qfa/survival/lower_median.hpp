// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_LOWER_MEDIAN_HPP
#define QFA_SURVIVAL_LOWER_MEDIAN_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace qfa {

/// The median, and of an even number of values the lower of the two in the middle, as torch.median gives it and
/// arXiv 2606.03002 reports it.  NaN values are left out; NaN of none.
inline double lower_median(std::vector<double> values) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace qfa

#endif
