// SPDX-License-Identifier: Apache-2.0
// The Cholesky factor of error feedback, compiled once for the levels of qfa/simd/dispatch.hpp that have FMA and once
// for those that have not.  QfaDispatch.cmake defines QFA_INVERSE_CHOLESKY, and hides everything else.
#include <cstddef>

#include "qfa/compress/inverse_cholesky.hpp"

extern "C" {

qfa::inverse_cholesky_kernel QFA_INVERSE_CHOLESKY;

bool QFA_INVERSE_CHOLESKY(double* reversed, std::size_t n, double* upper) {
  return qfa::inverse_cholesky(reversed, n, upper);
}
}
