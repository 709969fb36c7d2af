// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_RELIABILITY_HPP
#define QFA_COMPARE_RELIABILITY_HPP

#include <cmath>
#include <limits>
#include <span>

#include "qfa/compare/correlation.hpp"

namespace qfa {

/// The reliability of a whole measurement from the correlation r of its two halves: 2 r / (1 + r) (Spearman 1910, Brown
/// 1910).  NaN for r = -1.
inline double spearman_brown(double half_correlation) noexcept {
  if (half_correlation == -1.0) return std::numeric_limits<double>::quiet_NaN();
  return 2.0 * half_correlation / (1.0 + half_correlation);
}

/// The reliability of a per-feature score that was measured twice on disjoint tokens, say on even and on odd groups of
/// rows: how well ranks would repeat if everything were measured again on as many tokens.
inline double split_half_reliability(std::span<const double> first_half, std::span<const double> second_half) {
  return spearman_brown(spearman(first_half, second_half));
}

/// A correlation as it would be without noise of measurement in either variable (Spearman 1904): divided by the
/// geometric mean of the two reliabilities.  It may exceed 1, by its own noise, and is not clipped.  NaN unless both
/// reliabilities exceed `least`: below that the correction is mostly noise.
inline double noise_ceiling_corrected(double correlation, double reliability_a, double reliability_b,
                                      double least = 0.5) noexcept {
  if (!(reliability_a > least && reliability_b > least)) return std::numeric_limits<double>::quiet_NaN();
  return correlation / std::sqrt(reliability_a * reliability_b);
}

}  // namespace qfa

#endif
