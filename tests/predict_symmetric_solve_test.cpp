// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/symmetric_solve.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <span>
#include <vector>

namespace predict_symmetric_solve_test {

TEST_CASE("symmetric_factors: solves by the lower triangle alone, and says where there is no finite solution") {
  const std::vector<double> a{4.0, -99.0, 99.0, 2.0, 5.0, -99.0, 0.0, 1.0, 3.0};
  const qfa::symmetric_factors factors(a, 3);
  std::vector<double> x(3);
  REQUIRE(factors.solve(std::vector<double>{8.0, 15.0, 11.0}, x));  // of (1, 2, 3)
  CHECK(x[0] == doctest::Approx(1.0).epsilon(1e-15));
  CHECK(x[1] == doctest::Approx(2.0).epsilon(1e-15));
  CHECK(x[2] == doctest::Approx(3.0).epsilon(1e-15));
  const double none = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(factors.solve(std::vector<double>{none, 1.0, 1.0}, x));
  CHECK_THROWS_AS(qfa::symmetric_factors(a, 2), qfa::error);
  CHECK_THROWS_AS(factors.solve(std::vector<double>{1.0}, x), qfa::error);
}

}  // namespace predict_symmetric_solve_test
