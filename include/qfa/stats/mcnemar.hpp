// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_MCNEMAR_HPP
#define QFA_STATS_MCNEMAR_HPP

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/policies/policy.hpp>
#include <cstdint>

namespace qfa {

/// McNemar's exact test of paired yes-or-no answers (1947): if a pair that changed was as likely to change either way,
/// how likely is a split of the changed pairs at least as lopsided as `one_way` against `other_way`?  Two-sided:
///
///   p = min(1, 2 P(X <= min(b, c))),   X ~ Binomial(b + c, 1/2)
///
/// 1 where no pair changed.
inline double mcnemar_exact(std::uint64_t one_way, std::uint64_t other_way) {
  if (one_way == other_way) return 1.0;  // twice the lower tail would count the middle twice
  using in_double = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
  const boost::math::binomial_distribution<double, in_double> changes(static_cast<double>(one_way + other_way), 0.5);
  return (std::min)(1.0, 2.0 * boost::math::cdf(changes, static_cast<double>((std::min)(one_way, other_way))));
}

}  // namespace qfa

#endif
