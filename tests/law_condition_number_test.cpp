// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/condition_number.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace law_condition_number_test {

TEST_CASE("condition_number: 1 for orthogonal columns of any unit, known for correlated ones, infinite for copies") {
  const std::vector<double> square{1, 10, 1, 20, 3, 10, 3, 20};
  CHECK(qfa::condition_number({square.data(), 4, 2}, true) == doctest::Approx(1.0).epsilon(1e-12));
  // Correlation c of two columns: singular values sqrt(1 + c) and sqrt(1 - c).  Here c = 0.8.
  const std::vector<double> pair{1.0, 0.8, 0.0, 0.6};
  CHECK(qfa::condition_number({pair.data(), 2, 2}, false) == doctest::Approx(3.0).epsilon(1e-12));
  const std::vector<double> copies{1, 2, 2, 4, 3, 6};
  CHECK(std::isinf(qfa::condition_number({copies.data(), 3, 2}, true)));
}

TEST_CASE("condition_number: a constant column is nothing once centered, and the constant is far when values are") {
  const std::vector<double> with_ones{1, 10, 1, 11, 1, 12};
  CHECK(std::isinf(qfa::condition_number({with_ones.data(), 3, 2}, true)));
  CHECK(qfa::condition_number({with_ones.data(), 3, 2}, false) > 20.0);
  CHECK(std::isinf(qfa::condition_number({with_ones.data(), 1, 2}, false)));
}

}  // namespace law_condition_number_test
