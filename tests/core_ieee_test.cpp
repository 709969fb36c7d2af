// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/ieee.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace core_ieee_test {

// The header alone would not compile; these are what a compiler may take away without saying so by a macro.
TEST_CASE("ieee: no fast math, since NaN is part of the contract") {
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
  FAIL("qfa was compiled with -ffast-math");
#endif
  volatile double nan = std::numeric_limits<double>::quiet_NaN();
  const double x = nan;
  CHECK(std::isnan(x));
  CHECK(x != x);
}

TEST_CASE("ieee: sums keep their order, and zero its sign") {
  volatile double big = 1e300, small = 1.0;
  const double a = big, b = small;
  CHECK((b + a) - a == 0.0);  // b + (a - a) is 1
  volatile float zero = 0.0f;
  const float z = zero;
  CHECK(std::signbit(-z));
  CHECK(std::signbit(-z + -z));
}

}  // namespace core_ieee_test
