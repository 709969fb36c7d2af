// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_JACKKNIFE_HPP
#define QFA_STATS_JACKKNIFE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/core/parallel.hpp"
#include "qfa/stats/row_groups.hpp"
#include "qfa/stats/skewed_t.hpp"
#include "qfa/stats/student.hpp"

// Delete-one-group jackknife.  With theta from all G groups and theta(-g) from all but g,
//
//   se^2 = (G - 1)/G sum_g (theta(-g) - theta)^2        theta_bc = G theta - (G - 1) mean_g theta(-g)
//
// on a scale on which theta is closer to normal, with a quantile of Student's t.  A group is much longer than the
// root of the stream; medians and counts want their steps smoothed besides (stats/smoothed_count.hpp).

namespace qfa {

/// Where an interval is built before it is carried back: correlations on atanh, shares, Jaccard and AUC on logit,
/// ratios and noise-to-signal on log.
enum class interval_scale : std::uint8_t { identity, atanh, logit, log };
inline constexpr std::array<std::string_view, 4> interval_scale_names{"identity", "atanh", "logit", "log"};

inline double to_scale(interval_scale scale, double x) noexcept {
  switch (scale) {
    case interval_scale::atanh:
      return std::atanh(x);
    case interval_scale::logit:
      return std::log(x) - std::log1p(-x);
    case interval_scale::log:
      return std::log(x);
    case interval_scale::identity:
      break;
  }
  return x;
}

inline double from_scale(interval_scale scale, double z) noexcept {
  switch (scale) {
    case interval_scale::atanh:
      return std::tanh(z);
    case interval_scale::logit:
      return 1.0 / (1.0 + std::exp(-z));
    case interval_scale::log:
      return std::exp(z);
    case interval_scale::identity:
      break;
  }
  return z;
}

/// Slope of `to_scale` at an interior point.
constexpr double scale_slope(interval_scale scale, double x) noexcept {
  switch (scale) {
    case interval_scale::atanh:
      return 1.0 / ((1.0 - x) * (1.0 + x));
    case interval_scale::logit:
      return 1.0 / (x * (1.0 - x));
    case interval_scale::log:
      return 1.0 / x;
    case interval_scale::identity:
      break;
  }
  return 1.0;
}

/// The least and the greatest value that the scale knows.
constexpr std::array<double, 2> scale_bounds(interval_scale scale) noexcept {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  switch (scale) {
    case interval_scale::atanh:
      return {-1.0, 1.0};
    case interval_scale::logit:
      return {0.0, 1.0};
    case interval_scale::log:
      return {0.0, infinite};
    case interval_scale::identity:
      break;
  }
  return {-infinite, infinite};
}

/// two_sided; at_least and at_most are one-sided, the other end being the scale's bound; refused has no ends.
enum class interval_kind : std::uint8_t { two_sided, at_least, at_most, refused };
inline constexpr std::array<std::string_view, 4> interval_kind_names{"two_sided", "at_least", "at_most", "refused"};

struct interval {
  double lower = std::numeric_limits<double>::quiet_NaN();
  double upper = std::numeric_limits<double>::quiet_NaN();
  double level = 0.95;
  double dof = std::numeric_limits<double>::quiet_NaN();             ///< of the t quantile
  double standard_error = std::numeric_limits<double>::quiet_NaN();  ///< of the value itself, on no scale
  double scale_error = std::numeric_limits<double>::quiet_NaN();     ///< of the value carried to `scale`
  double skewness = 0.0;  ///< of the value on `scale`, where `jackknife_options::skewed` asked for it
  interval_scale scale = interval_scale::identity;
  interval_kind kind = interval_kind::refused;
  std::string_view reason = {};  ///< why refused, or why one-sided; a literal
};

/// A value with its interval.
struct estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double bias_corrected = std::numeric_limits<double>::quiet_NaN();  ///< to be printed beside `value`, never instead
  interval range;
};

struct jackknife_options {
  interval_scale scale = interval_scale::identity;
  double level = 0.95;
  /// Of the t quantile.  NaN: one less than there are groups, which is right for aggregates over features; for one
  /// feature's r it is the effective number of groups less one.
  double dof = std::numeric_limits<double>::quiet_NaN();
  /// Groups that a one-sided statement may count on.  NaN: all of them.
  double effective_groups = std::numeric_limits<double>::quiet_NaN();
  /// The end on the side of the longer tail moves outward by what skewness does to Student's t (stats/skewed_t.hpp).
  bool skewed = false;
  /// One end moves outward by the bias that the jackknife sees: for a value that noise pulls one way, the interval then
  /// reaches to where it would be without.
  bool covers_bias = false;
};

/// The value of theta without each of `groups` groups, in order; theta(g) is called from all threads.
template <class Theta>
std::vector<double> without_each(std::size_t groups, Theta theta) {
  std::vector<double> values(groups);
  parallel_for(groups, [&](std::size_t g) { values[g] = theta(g); });
  return values;
}

/// A correlation within 1e-14 of +-1 differs from it by rounding only; on atanh that rounding would look like a spread.
inline double without_rounding(interval_scale scale, double x) noexcept {
  const bool at_bound = scale == interval_scale::atanh && std::fabs(x) > 1.0 - 1e-14;
  return at_bound ? std::copysign(1.0, x) : x;
}

/// No group moves the value and it stands at a bound: nothing was seen in any of m effective groups.  A share q =
/// 1 - (1 - level)^(1/m) of groups in which something happens would have shown with the probability `level`.  For a
/// share that is its bound.  For r = 1 it is sqrt(1 - q): the feature lost altogether on a share q of its firings
/// (r = sqrt(1 - q) for rare features).
inline void state_one_side(interval& range, double value, double effective_groups) {
  const auto [least, greatest] = scale_bounds(range.scale);
  const double unseen = -std::expm1(std::log1p(-range.level) / effective_groups);
  const bool share = range.scale == interval_scale::logit;
  range.reason = "no group moves the value from its bound: exact one-sided statement";
  if (value == greatest) {
    range.kind = interval_kind::at_least;
    range.lower = share ? 1.0 - unseen : std::sqrt(1.0 - unseen);
    range.upper = greatest;
  } else {
    range.kind = interval_kind::at_most;
    range.lower = least;
    range.upper = share ? unseen : -std::sqrt(1.0 - unseen);
  }
}

/// Skewness of a value whose deletions lie off from it by `gaps`: with u_g = mean gap - gap_g, which group g adds to
/// the value, sum u^3 / (sum u^2)^(3/2).  For a mean of G groups, that is its skewness as the sample's.  In [-1, 1].
inline double skewness_of(std::span<const double> gaps) noexcept {
  double mean = 0.0, squares = 0.0, cubes = 0.0;
  for (const double gap : gaps)
    mean += gap / static_cast<double>(gaps.size());
  for (const double gap : gaps) {
    const double u = mean - gap;
    squares += u * u;
    cubes += u * u * u;
  }
  return squares > 0.0 ? cubes / (squares * std::sqrt(squares)) : 0.0;
}

/// Sets the ends of a two-sided interval about `value` from the error and the bias on its scale.
inline void set_ends(interval& range, double value, double scale_error, double scale_bias) {
  const double center = to_scale(range.scale, value), quantile = student_quantile(range.level, range.dof);
  const auto reach = [&](double tail, double bias) {
    return skewed_reach(quantile, tail) * scale_error + (std::max)(bias, 0.0);
  };
  range.kind = interval_kind::two_sided;
  range.scale_error = scale_error;
  range.lower = from_scale(range.scale, center - reach(-range.skewness, scale_bias));
  range.upper = from_scale(range.scale, center + reach(range.skewness, -scale_bias));
}

/// Interval of `whole`, a statistic of all groups, from `without`, the same statistic with each group left out.
///
/// Refused, with the reason: under 8 groups; dof under 4 (fewer than 5 effective groups); a value that is undefined
/// for the whole stream or without one of the groups; an interior value that no group moves, since a zero-width
/// interval would claim that it is known exactly.  At a bound where no group moves it, one-sided and exact.
inline estimate jackknife(double whole, std::span<const double> without, const jackknife_options& options = {}) {
  const std::size_t count = without.size();
  const double groups = static_cast<double>(count);
  estimate result;
  result.value = whole;
  interval& range = result.range;
  range.level = options.level;
  range.scale = options.scale;
  range.dof = std::isnan(options.dof) ? groups - 1.0 : options.dof;

  const auto refuse = [&](std::string_view reason) {
    range.reason = reason;
    return result;
  };
  if (!std::isfinite(whole)) return refuse("the value is undefined");
  if (count < minimum_groups) return refuse("fewer than 8 groups of rows");
  for (const double value : without)
    if (!std::isfinite(value)) return refuse("the value is undefined without one of the groups");

  double sum = 0.0, squares = 0.0;
  for (const double value : without) {
    sum += value - whole;  // differences: the mean of values near 1 would round away what is to be measured
    squares += (value - whole) * (value - whole);
  }
  result.bias_corrected = whole - (groups - 1.0) * (sum / groups);
  range.standard_error = std::sqrt((groups - 1.0) / groups * squares);
  if (!(range.dof >= minimum_effective_groups - 1.0)) return refuse("fewer than 5 effective groups of rows");

  const auto [least, greatest] = scale_bounds(options.scale);
  const double value = without_rounding(options.scale, whole);
  const double center = to_scale(options.scale, value);
  double scaled = 0.0;  // sum of squares on the scale
  bool moved = false;
  std::vector<double> gaps;
  for (const double each : without) {
    const double other = without_rounding(options.scale, each);
    const double gap = to_scale(options.scale, other) - center;
    scaled += gap * gap;
    gaps.push_back(gap);
    moved = moved || other != value;
  }
  if (!moved) {
    const bool at_bound = value == least || value == greatest;
    if (!at_bound || options.scale == interval_scale::log) return refuse("no group moves the value");
    state_one_side(range, value, std::isnan(options.effective_groups) ? groups : options.effective_groups);
    return result;
  }

  if (!std::isfinite(center)) {
    // At a bound, but some group moves it: the scale is infinite there, so the plain interval, cut at the bound.
    const double reach = student_quantile(options.level, range.dof) * range.standard_error;
    range.kind = value == greatest ? interval_kind::at_least : interval_kind::at_most;
    range.reason = "the value is at the bound of its scale";
    range.lower = (std::max)(least, value - reach);
    range.upper = (std::min)(greatest, value + reach);
    return result;
  }
  if (!std::isfinite(scaled)) {
    // One deletion reaches a bound.  The delta method: a gap on the scale is the gap times h'(value).
    scaled = 0.0;
    for (std::size_t g = 0; g < count; ++g) {
      gaps[g] = (without[g] - whole) * scale_slope(options.scale, value);
      scaled += gaps[g] * gaps[g];
    }
  }
  if (options.skewed) range.skewness = skewness_of(gaps);
  double drift = 0.0;
  for (const double gap : gaps)
    drift += gap;
  set_ends(range, value, std::sqrt((groups - 1.0) / groups * scaled),
           options.covers_bias ? (groups - 1.0) * (drift / groups) : 0.0);
  return result;
}

/// The same for a callable: theta(g) is the statistic without group g, and `whole` the one of all.  Deletions run on
/// all threads.
template <std::invocable<std::size_t> Theta>
estimate jackknife(double whole, std::size_t groups, Theta theta, const jackknife_options& options = {}) {
  return jackknife(whole, without_each(groups, theta), options);
}

}  // namespace qfa

#endif
