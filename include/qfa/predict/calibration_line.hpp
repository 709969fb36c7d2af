// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_CALIBRATION_LINE_HPP
#define QFA_PREDICT_CALIBRATION_LINE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/predict/logistic.hpp"

namespace qfa {

/// How predicted log odds z relate to what happened: log odds = intercept + slope z (Cox 1958).
struct calibration_line {
  double slope = std::numeric_limits<double>::quiet_NaN();      ///< 1 is right, below 1 overconfident
  double intercept = std::numeric_limits<double>::quiet_NaN();  ///< 0 is right, above 0 positives are underpredicted
};

/// Fits the two by logistic regression without a penalty.  NaN where they do not exist: one class only, equal scores
/// throughout, or scores that separate the classes (the slope would be infinite).  Throws for scores that are not
/// finite.
inline calibration_line fit_calibration_line(std::span<const double> log_odds, std::span<const std::uint8_t> positive) {
  require(log_odds.size() == positive.size(), "fit_calibration_line needs one label for each score");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double low[2] = {infinity, infinity};
  double high[2] = {-infinity, -infinity};
  for (std::size_t i = 0; i < log_odds.size(); ++i) {
    const std::size_t label = positive[i] != 0 ? 1 : 0;
    low[label] = (std::min)(low[label], log_odds[i]);
    high[label] = (std::max)(high[label], log_odds[i]);
  }
  // Overlap of the two ranges in more than a point.  It fails for an empty class (low > high) and for equal scores.
  if (!(low[0] < high[1] && low[1] < high[0])) return {};
  const logistic_model fit =
      fit_logistic(matrix_view<const double>(log_odds.data(), log_odds.size(), 1), positive, {.c = infinity});
  if (!fit.converged) return {};
  return {fit.coefficients[0], fit.intercept};
}

}  // namespace qfa

#endif
