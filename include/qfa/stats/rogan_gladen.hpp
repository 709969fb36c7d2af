// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_ROGAN_GLADEN_HPP
#define QFA_STATS_ROGAN_GLADEN_HPP

#include <string>

#include "qfa/core/error.hpp"
#include "qfa/stats/wilson.hpp"

namespace qfa {

/// How often a judge is right, about cases that are what is being counted and about those that are not.  Both known
/// from elsewhere, say from people's verdicts on a sample.
struct judge_error {
  double sensitivity = 1.0;  ///< share of true cases that the judge counts
  double specificity = 1.0;  ///< share of other cases that the judge leaves out

  constexpr bool operator==(const judge_error&) const = default;
};

/// The rate behind what a judge who errs has counted (Rogan and Gladen 1978):
///
///   (observed + specificity - 1) / (sensitivity + specificity - 1)
///
/// Not clipped: below 0 or above 1 the judge's errors alone explain more than what was seen, which is worth knowing.
/// The judge's rates are taken as exact, so that an interval carried over is too short by their own uncertainty.
/// Throws where the judge is no better than a coin, and for rates outside [0, 1].
inline double corrected_rate(double observed, const judge_error& judge) {
  const auto share = [](double x) { return x >= 0.0 && x <= 1.0; };
  if (!share(judge.sensitivity) || !share(judge.specificity) || !(judge.sensitivity + judge.specificity > 1.0))
    fail("a judge's sensitivity and specificity should be shares that add up to more than 1, not " +
         std::to_string(judge.sensitivity) + " and " + std::to_string(judge.specificity));
  return (observed + judge.specificity - 1.0) / (judge.sensitivity + judge.specificity - 1.0);
}

/// Both ends of an interval, carried over the same way.
inline bounds corrected_bounds(const bounds& observed, const judge_error& judge) {
  return {corrected_rate(observed.lower, judge), corrected_rate(observed.upper, judge)};
}

}  // namespace qfa

#endif
