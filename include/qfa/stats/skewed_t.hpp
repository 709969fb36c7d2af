// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_SKEWED_T_HPP
#define QFA_STATS_SKEWED_T_HPP

#include <algorithm>
#include <cmath>

// Student's t of a skewed estimate.  With the skewness s of the estimate, to first order
//
//   P((estimate - truth) / se <= t) = Phi(t) + s (2 t^2 + 1) / 6 phi(t)
//
// (Johnson 1978; Hall 1992, The Bootstrap and Edgeworth Expansion, section 2.6): a rare large loss that is missing from
// the sample is missing from the estimate and from its standard error as well, so that truth lies beyond the end on the
// side of the longer tail more often than t says, and beyond the other end less often.  The first end is moved outward
// by s (2 t^2 + 1) / 6 standard errors.  The other stays where it is: a skewness that was measured on the same few
// groups is no ground for claiming more.

namespace qfa {

/// How many standard errors away the end lies to whose side the longer tail points.  `tail` is the skewness, counted
/// positive where it points there; 0 or less leaves the quantile t >= 0 as it is.
inline double skewed_reach(double t, double tail) noexcept {
  return t + (std::max)(tail, 0.0) * (2.0 * t * t + 1.0) / 6.0;
}

/// The t whose end lies `reach` standard errors away: the inverse of `skewed_reach`, for a p-value.  With k the tail,
/// k/3 t^2 + t = reach - k/6; the root that is 0 with the right side, written without a difference.  Beyond 0 the value
/// goes on as reach - k/6: such p-values are above one half.
inline double unskewed_reach(double reach, double tail) noexcept {
  const double k = (std::max)(tail, 0.0), rest = reach - k / 6.0;
  if (rest <= 0.0) return rest;
  return 2.0 * rest / (1.0 + std::sqrt(1.0 + 4.0 / 3.0 * k * rest));
}

}  // namespace qfa

#endif
