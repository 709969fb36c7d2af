// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_LEAST_POINT_HPP
#define QFA_LAW_LEAST_POINT_HPP

// One of the few headers that know Boost (cmake/check_tree.sh).
#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "qfa/core/error.hpp"

namespace qfa {

struct least_point {
  double at = std::numeric_limits<double>::quiet_NaN();
  double value = std::numeric_limits<double>::infinity();
  bool at_end = false;  ///< the best point of the grid is its first or last: the least may lie beyond
};

/// The least value of a function of one number over [low, high]: the best of `points` evenly spaced ones, then Brent's
/// search (Boost) between its two neighbors, to `digits` binary digits, of which no more than half a double's 53 can be
/// had.  Infinity marks where the function is not defined.  A minimum narrower than the grid may be missed.  Throws
/// unless low < high and points >= 3.
template <class Function>
least_point least_on_grid(Function function, double low, double high, std::size_t points, int digits = 26) {
  require(low < high && points >= 3, "a search needs an interval and at least 3 points");
  const double step = (high - low) / static_cast<double>(points - 1);
  least_point best;
  std::size_t at = 0;
  for (std::size_t i = 0; i < points; ++i) {
    const double x = low + step * static_cast<double>(i);
    const double value = function(x);
    if (value < best.value) best = {x, value, i == 0 || i + 1 == points}, at = i;
  }
  if (best.value == std::numeric_limits<double>::infinity()) return best;
  const double left = low + step * static_cast<double>((std::max)(at, std::size_t{1}) - 1);
  const double right = low + step * static_cast<double>((std::min)(at + 1, points - 1));
  std::uintmax_t steps = 100;
  const std::pair<double, double> found = boost::math::tools::brent_find_minima(function, left, right, digits, steps);
  if (found.second < best.value) best.at = found.first, best.value = found.second;
  return best;
}

}  // namespace qfa

#endif
