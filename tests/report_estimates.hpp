// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_REPORT_ESTIMATES_HPP
#define QFA_TESTS_REPORT_ESTIMATES_HPP

#include "qfa/stats/jackknife.hpp"

namespace qfa_test {

/// A value with a two-sided interval.
inline qfa::estimate made_estimate(double value, double lower, double upper,
                                   qfa::interval_scale scale = qfa::interval_scale::logit) {
  qfa::estimate e{.value = value, .bias_corrected = value, .range = {}};
  e.range.lower = lower;
  e.range.upper = upper;
  e.range.scale = scale;
  e.range.kind = qfa::interval_kind::two_sided;
  return e;
}

}  // namespace qfa_test

#endif
