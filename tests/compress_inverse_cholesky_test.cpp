// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/inverse_cholesky.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

namespace compress_inverse_cholesky_test {

TEST_CASE("inverse_cholesky: U of a matrix whose inverse is known") {
  // inv(H) = U^T U with U = [2 1; 0 4], so that H = inv([4 2; 2 17]) = [17 -2; -2 4] / 64.
  std::vector<double> reversed{4.0 / 64, -2.0 / 64, -1e9, 17.0 / 64}, upper{0.0, 0.0, 7.0, 0.0};
  REQUIRE(qfa::inverse_cholesky(reversed.data(), 2, upper.data()));
  CHECK(upper[0] == doctest::Approx(2.0));
  CHECK(upper[1] == doctest::Approx(1.0));
  CHECK(upper[2] == 7.0);  // what is below the diagonal is not touched, what is above H's is not read
  CHECK(upper[3] == doctest::Approx(4.0));
}

TEST_CASE("inverse_cholesky: no U where H is not positive definite") {
  std::vector<double> reversed{1.0, 2.0, 2.0, 1.0}, upper(4, 7.0);
  CHECK_FALSE(qfa::inverse_cholesky(reversed.data(), 2, upper.data()));
  CHECK(upper == std::vector<double>(4, 7.0));
}

}  // namespace compress_inverse_cholesky_test
