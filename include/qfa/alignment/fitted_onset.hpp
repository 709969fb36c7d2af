// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_FITTED_ONSET_HPP
#define QFA_ALIGNMENT_FITTED_ONSET_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/bits/ordinal_logistic.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/stats/student.hpp"
#include "qfa/stats/wilson.hpp"

namespace qfa {

/// The bits at which a logistic curve through all flips of a sweep has the rate of an onset:
///
///   logit P(flip) = intercept + slope bits,   bits at the rate = (logit rate - intercept) / slope
///
/// Errors are clustered by prompt: a prompt that flips at 4 bits is likely to flip at 3 as well.
struct fitted_onset {
  std::size_t prompts = 0;    ///< that the reference refuses: the clusters
  std::size_t rows = 0;       ///< prompts times settings
  std::size_t flips = 0;      ///< of the rows
  std::string_view reason{};  ///< why there is no curve; empty where there is one
  double intercept = std::numeric_limits<double>::quiet_NaN();
  double slope = std::numeric_limits<double>::quiet_NaN();  ///< change of the log odds of a flip for each bit; < 0
  double intercept_error = std::numeric_limits<double>::quiet_NaN();
  double slope_error = std::numeric_limits<double>::quiet_NaN();
  std::optional<double> bits{};  ///< at the rate; may lie beyond the sweep
  /// Fieller's, by t of (prompts - 1).  An end is infinite where the slope does not differ from 0: the data then do not
  /// say how far it is to the rate on that side.  NaN without a curve.
  bounds interval{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  bool extrapolated = false;  ///< the bits lie beyond the sweep's
};

namespace detail {

/// All b that the data do not tell from the estimate c (Fieller 1954).  With d = b - c the line is slope d above the
/// rate, and its variance is v0 + 2 d v1 + d^2 v2; a b is told from c where (slope d)^2 > t^2 of it:
///
///   (slope^2 - t^2 v2) d^2 - 2 t^2 v1 d - t^2 v0 <= 0
///
/// has two ends on either side of 0 while slope^2 > t^2 v2.  Else all b do, or all but those between two ends on the
/// same side; of the two rays that are left, one holds c, and only lines of the other sign reach the rate on the other.
inline bounds fieller_about(double c, double slope, double v0, double v1, double v2, double t) {
  const double inf = std::numeric_limits<double>::infinity();
  const double a = slope * slope - t * t * v2, b = t * t * v1, within = b * b + a * t * t * v0;
  if (a > 0.0) {
    const double root = std::sqrt(within);
    return {c + (b - root) / a, c + (b + root) / a};
  }
  if (within <= 0.0 || a == 0.0) return {-inf, inf};
  const double root = std::sqrt(within), one = (b - root) / a, other = (b + root) / a;
  if (one > 0.0) return {-inf, c + (std::min)(one, other)};
  return {c + (std::max)(one, other), inf};
}

}  // namespace detail

/// Of `flipped`: (settings, prompts that the reference refuses), 1 where a prompt flips at so many `bits` and 0 where
/// not.  fit_ordinal with two classes, ridge 1e-3 on the slope.  No curve, and the reason, where the ridge alone would
/// place it, where flips do not get rarer with bits, and where prompts that all do the same leave the errors unknown.
/// Throws where there is not one row for each number of bits.
inline fitted_onset fit_onset(std::span<const double> bits, matrix_view<const std::uint8_t> flipped, double rate = 0.05,
                              double level = 0.95) {
  require(flipped.rows() == bits.size(), "fit_onset needs one row of flips for each number of bits");
  fitted_onset out{.prompts = flipped.columns(), .rows = flipped.size()};
  const double inf = std::numeric_limits<double>::infinity();
  double flips_to = -inf, holds_from = inf, fewest = inf, most = -inf;
  std::vector<double> x;
  std::vector<std::uint8_t> holds;
  std::vector<std::uint32_t> prompt_of;
  bool alike = true;
  for (std::size_t s = 0; s < bits.size(); ++s) {
    fewest = (std::min)(fewest, bits[s]);
    most = (std::max)(most, bits[s]);
    for (std::size_t p = 0; p < flipped.columns(); ++p) {
      const bool flips = flipped(s, p) != 0;
      alike = alike && flips == (flipped(s, 0) != 0);
      if (flips) {
        ++out.flips;
        flips_to = (std::max)(flips_to, bits[s]);
      } else {
        holds_from = (std::min)(holds_from, bits[s]);
      }
      x.push_back(bits[s]);
      holds.push_back(flips ? 0 : 1);
      prompt_of.push_back(static_cast<std::uint32_t>(p));
    }
  }
  out.reason = !(rate > 0.0 && rate < 1.0)  ? "the rate of an onset is not between 0 and 1"
               : out.prompts == 0           ? "the reference refuses no prompt"
               : !(fewest < most)           ? "the sweep has fewer than two numbers of bits"
               : out.flips == 0             ? "no prompt flips"
               : out.flips == out.rows      ? "every prompt flips at all bits"
               : flips_to <= holds_from     ? "no prompt flips at more bits than one that holds: any steep slope fits"
               : alike                      ? "all prompts flip at the same bits"
                                            : "";
  if (!out.reason.empty()) return out;

  const ordinal_model model = fit_ordinal({x.data(), x.size(), 1}, holds, 2, prompt_of);
  // Newton's method stops where the slope is known to some 1e-8; the same rate at all bits gives either sign.
  constexpr double no_slope = 1e-6;
  if (!model.converged || model.coefficients[0] < no_slope) {
    out.reason = model.converged ? "flips do not get rarer with more bits" : "the fit did not converge";
    return out;
  }
  // logit P(flip) = alpha - beta bits
  out.intercept = model.thresholds[0];
  out.slope = -model.coefficients[0];
  out.intercept_error = clustered_error(model, 0);
  out.slope_error = clustered_error(model, 1);
  const double c = (std::log(rate / (1.0 - rate)) - out.intercept) / out.slope;
  const double var_intercept = clustered_covariance(model, 0, model, 0);
  const double covariance = -clustered_covariance(model, 0, model, 1);
  const double var_slope = clustered_covariance(model, 1, model, 1);
  out.bits = c;
  out.interval =
      detail::fieller_about(c, out.slope, var_intercept + 2.0 * c * covariance + c * c * var_slope,
                            covariance + c * var_slope, var_slope,
                            student_quantile(level, static_cast<double>(model.clusters - 1)));
  out.extrapolated = c < fewest || c > most;
  return out;
}

}  // namespace qfa

#endif
