// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_STUDENT_HPP
#define QFA_STATS_STUDENT_HPP

// One of the few headers that know Boost (cmake/check_tree.sh).
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/policies/policy.hpp>
#include <cmath>
#include <limits>

namespace qfa {

/// Student's t in double throughout.  Boost would compute in long double, which is another type on every platform, four
/// times slower here, and agrees to 1e-15.
using student_distribution =
    boost::math::students_t_distribution<double,
                                         boost::math::policies::policy<boost::math::policies::promote_double<false>>>;

/// The t for which a Student variable with `dof` degrees of freedom (any real > 0) stays within [-t, t] with the
/// probability `level`, 0 < level < 1.  NaN outside those ranges.
inline double student_quantile(double level, double dof) {
  if (!(dof > 0.0 && level > 0.0 && level < 1.0)) return std::numeric_limits<double>::quiet_NaN();
  const student_distribution distribution(dof);
  return boost::math::quantile(boost::math::complement(distribution, 0.5 * (1.0 - level)));
}

/// The chance that a Student variable with `dof` degrees of freedom exceeds t.  NaN for NaN and for dof <= 0.
inline double student_upper_tail(double t, double dof) {
  if (!(dof > 0.0) || std::isnan(t)) return std::numeric_limits<double>::quiet_NaN();
  if (std::isinf(t)) return t > 0.0 ? 0.0 : 1.0;
  const student_distribution distribution(dof);
  return boost::math::cdf(boost::math::complement(distribution, t));
}

/// E |t| of a Student variable with `dof` > 1 degrees of freedom: 2 f(0) dof / (dof - 1) with its density f; sqrt(2/pi)
/// in the limit of the normal.
inline double student_mean_magnitude(double dof) {
  return 2.0 * boost::math::pdf(student_distribution(dof), 0.0) * dof / (dof - 1.0);
}

}  // namespace qfa

#endif
