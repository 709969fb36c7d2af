// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_SMOOTHED_QUANTILE_HPP
#define QFA_STATS_SMOOTHED_QUANTILE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <span>

#include "qfa/core/error.hpp"
#include "qfa/stats/smoothed_count.hpp"

// A quantile over features is one feature's value.  Leaving out one of G groups moves it with that feature's own noise
// and in steps from one feature to the next, and the jackknife takes both for the quantile's spread: for a median of
// 400 features that differ by noise alone its standard error is 2.8 times too large.  Harrell and Davis's weights
// (1982), by which features near in rank have a part in it, leave 2.2 times: their reach is that of ranks, not of
// errors.

namespace qfa {

/// The p quantile of some values, each smoothed over its bandwidth: the least x with
///
///   F(x) = mean over j of Phi((x - v_j) / h_j) >= p,       F the kernel estimate of their distribution (Nadaraya 1964)
///
/// so that it moves as the smoothed count below it does, over the density there.  Where all bandwidths are 0, the
/// lowest order statistic that a share p reaches.  Infinite values stand beyond all others.  NaN for no values, and
/// where one of them is NaN.  Throws unless 0 < p < 1 and there is one bandwidth for each value.
///
/// By Newton's method within a bracket that halves where a step leaves it: some 6 sums over the values.
inline double smoothed_quantile(std::span<const double> values, std::span<const double> bandwidths, double p) {
  require(p > 0.0 && p < 1.0, "a smoothed quantile needs a share between 0 and 1");
  require(values.size() == bandwidths.size(), "a smoothed quantile needs one bandwidth for each value");
  if (values.empty() || std::ranges::any_of(values, [](double v) { return std::isnan(v); }))
    return std::numeric_limits<double>::quiet_NaN();
  const double all = static_cast<double>(values.size());
  const auto below = [&](double x) {
    double sum = 0.0;
    for (std::size_t j = 0; j < values.size(); ++j)
      sum += chance_above(x, values[j], bandwidths[j]);
    return sum / all;
  };
  const auto density = [&](double x) {
    double sum = 0.0;
    for (std::size_t j = 0; j < values.size(); ++j) {
      if (!(bandwidths[j] > 0.0)) continue;
      const double u = (x - values[j]) / bandwidths[j];
      if (std::fabs(u) <= 6.0) sum += std::exp(-0.5 * u * u) / bandwidths[j];
    }
    return sum / (all * std::sqrt(2.0 * std::numbers::pi));
  };
  constexpr double infinite = std::numeric_limits<double>::infinity();
  double low = infinite, high = -infinite;
  for (std::size_t j = 0; j < values.size(); ++j) {
    if (std::isinf(values[j])) continue;
    const double reach = 7.0 * bandwidths[j] + 1e-12 * (1.0 + std::fabs(values[j]));
    low = (std::min)(low, values[j] - reach);
    high = (std::max)(high, values[j] + reach);
  }
  if (!(low < high) || below(low) >= p)
    return static_cast<double>(std::ranges::count(values, -infinite)) >= p * all ? -infinite : infinite;
  if (below(high) < p) return infinite;
  double x = 0.5 * (low + high);
  for (int step = 0; step < 200; ++step) {
    const double missing = p - below(x);
    (missing <= 0.0 ? high : low) = x;
    const double slope = density(x), next = slope > 0.0 ? x + missing / slope : x;
    const double tiny = 4.0 * std::numeric_limits<double>::epsilon() * (std::fabs(low) + std::fabs(high));
    if (high - low <= tiny || (slope > 0.0 && std::fabs(next - x) <= tiny)) break;
    x = slope > 0.0 && low < next && next < high ? next : 0.5 * (low + high);
  }
  return x;
}

}  // namespace qfa

#endif
