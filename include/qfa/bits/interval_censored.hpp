// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_INTERVAL_CENSORED_HPP
#define QFA_BITS_INTERVAL_CENSORED_HPP

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// A number of which is known that lower < number <= upper.  Infinite ends are open.
struct censored_value {
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();

  constexpr auto operator<=>(const censored_value&) const = default;
};

/// The distribution of numbers that are known by intervals: Turnbull's nonparametric maximum of the likelihood (1976).
/// Where the intervals do not overlap it is the share of each; where they are exact or open above, Kaplan and Meier's.
struct turnbull_curve {
  std::vector<censored_value> intervals;  ///< where mass may lie, increasing; how it is spread inside is not known
  std::vector<double> mass;               ///< of each; their sum is 1
  bool converged = false;                 ///< otherwise `mass` is that of the last of `max_steps` steps

  /// P(number <= x), as far as it is known: the mass that lies at or below x, and that which may.  Equal at the ends of
  /// intervals.  0 and 0 for no numbers.
  double at_most(double x) const noexcept {
    double sum = 0.0;
    for (std::size_t i = 0; i < mass.size(); ++i)
      if (intervals[i].upper <= x) sum += mass[i];
    return sum;
  }
  double may_be_at_most(double x) const noexcept {
    double sum = 0.0;
    for (std::size_t i = 0; i < mass.size(); ++i)
      if (intervals[i].lower < x) sum += mass[i];
    return sum;
  }
};

struct turnbull_options {
  double tolerance = 1e-12;  ///< stop once no mass moves further than this
  int max_steps = 100000;
};

/// Fits the curve.  Mass can only lie between a lower end and the upper end that follows it at once (Peto 1973); each
/// step gives an interval the mean, over the numbers, of its share in what the number's own interval holds.  Where
/// that has not settled after `max_steps`, `converged` says so.  Throws for an interval without a number in it.
inline turnbull_curve fit_turnbull(std::span<const censored_value> numbers, const turnbull_options& options = {}) {
  turnbull_curve out;
  std::map<censored_value, double> counts;
  std::vector<double> lower, upper;
  for (const censored_value& n : numbers) {
    require(n.lower < n.upper, "an interval (lower, upper] needs its lower end below its upper one");
    ++counts[n];
    lower.push_back(n.lower);
    upper.push_back(n.upper);
  }
  std::ranges::sort(lower);
  std::ranges::sort(upper);
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const double p = lower[i];
    if (i + 1 < lower.size() && lower[i + 1] == p) continue;
    // The interval to the next upper end, unless another lower end lies in between.
    const double q = *std::ranges::upper_bound(upper, p);
    if (i + 1 == lower.size() || lower[i + 1] >= q) out.intervals.push_back({p, q});
  }
  const std::size_t size = out.intervals.size();
  if (size > 0) out.mass.assign(size, 1.0 / static_cast<double>(size));
  const auto holds = [&](const censored_value& n, std::size_t i) {
    return n.lower <= out.intervals[i].lower && out.intervals[i].upper <= n.upper;
  };
  std::vector<double> next(size);
  out.converged = numbers.empty();
  for (int s = 0; s < options.max_steps && !out.converged; ++s) {
    next.assign(size, 0.0);
    for (const auto& [number, count] : counts) {
      double within = 0.0;
      for (std::size_t i = 0; i < size; ++i)
        if (holds(number, i)) within += out.mass[i];
      for (std::size_t i = 0; i < size; ++i)
        if (holds(number, i)) next[i] += count * (out.mass[i] / within);
    }
    double moved = 0.0;
    for (std::size_t i = 0; i < size; ++i) {
      next[i] /= static_cast<double>(numbers.size());
      moved = (std::max)(moved, std::fabs(next[i] - out.mass[i]));
    }
    out.mass = next;
    out.converged = moved <= options.tolerance;
  }
  return out;
}

}  // namespace qfa

#endif
