// SPDX-License-Identifier: Apache-2.0
// How this test suite itself was built.
#include <doctest/doctest.h>

namespace build_test {

TEST_CASE("build: the compiler fuses no multiplication with an addition that the source keeps apart") {
  // (1 + e)^2 = 1 + 2e + e^2 rounds to 1 + 2e; a fused multiply-add keeps e^2, and the difference is not 0.
  volatile double one_and_e = 1.0 + 0x1p-30;
  const double x = one_and_e;
  const double square = x * x;
  CHECK(x * x - square == 0.0);
  volatile double rounded = square;
  CHECK(x * x - rounded == 0.0);
}

}  // namespace build_test
