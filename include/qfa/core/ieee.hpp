// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_IEEE_HPP
#define QFA_CORE_IEEE_HPP

#include <limits>

// Refuses a compiler that was told to take arithmetic lightly: NaN says that something is undefined, sums have one
// order (the same bits on every machine), and rounding keeps the sign of zero.  -ffast-math and -Ofast define all of
// these macros in g++ and the first two in clang; -ffinite-math-only, -funsafe-math-optimizations and their parts
// define one or two.  Here alone, whichever headers are included, so that the user reads one sentence.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "qfa needs IEEE arithmetic (NaN, order of sums, sign of zero): compile it without -ffast-math or -Ofast"
#else
static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559,
              "qfa needs IEEE 754 floats");
#endif

#endif
