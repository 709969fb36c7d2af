// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_REPORT_ESTIMATES_HPP
#define QFA_TESTS_REPORT_ESTIMATES_HPP

#include "qfa/stats/jackknife.hpp"

namespace qfa_test {

/// A value with a two-sided interval.
inline qfa::estimate estimate_of(double value, double lower, double upper) {
  qfa::estimate out{.value = value, .bias_corrected = value, .range = {}};
  out.range.lower = lower;
  out.range.upper = upper;
  out.range.kind = qfa::interval_kind::two_sided;
  return out;
}

}  // namespace qfa_test

#endif
