// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_HALVING_CHECK_HPP
#define QFA_STATS_HALVING_CHECK_HPP

#include <cmath>
#include <cstddef>
#include <limits>

#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Whether an interval would be the same with half as many groups, neighbors being left out together: if not, groups
/// are too short, and what they have to do with each other is missing in the standard error.
///
/// Where groups are independent, the two variances differ by the products of neighbors alone: with deviations u_g of
/// variance s^2, pairs add 2/G^2 times the sum of G/2 products u_g u_(g+1), of standard deviation s^2/G sqrt(2/G).  So
/// the ratio of the variances is 1 with a standard deviation of sqrt(2/G), and its excess is the correlation of
/// neighbors.  Beyond 1 + 2.33 sqrt(2/G), which one independent interval in a hundred exceeds, they disagree.
struct halving_check {
  std::size_t groups = 0;                                         ///< as they are
  double error_ratio = std::numeric_limits<double>::quiet_NaN();  ///< standard error with G/2 groups over that with G
  double most = std::numeric_limits<double>::quiet_NaN();         ///< of it, where groups are independent

  /// Whether both intervals are known.
  bool known() const noexcept { return !std::isnan(error_ratio); }
  bool agrees() const noexcept { return !(error_ratio > most); }
};

/// `with_pairs` is the same estimate as `with_all`, on the same scale, with each two neighbors left out together.  NaN
/// where one of them has no two-sided interval: fewer than 16 groups, as a rule.
inline halving_check check_by_halving(const estimate& with_all, const estimate& with_pairs, std::size_t groups) {
  halving_check out{.groups = groups};
  if (with_all.range.kind != interval_kind::two_sided || with_pairs.range.kind != interval_kind::two_sided) return out;
  out.error_ratio = with_pairs.range.scale_error / with_all.range.scale_error;
  out.most = std::sqrt(1.0 + 2.33 * std::sqrt(2.0 / static_cast<double>(groups)));
  return out;
}

}  // namespace qfa

#endif
