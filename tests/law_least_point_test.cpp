// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/least_point.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace law_least_point_test {

TEST_CASE("least_on_grid: the lower of two valleys, and its bottom between grid points") {
  // Valleys at -2 and 3, the second deeper by its tilt.
  const auto valleys = [](double x) { return (x + 2.0) * (x + 2.0) * (x - 3.0) * (x - 3.0) - x; };
  const qfa::least_point found = qfa::least_on_grid(valleys, -5.0, 5.0, 12);
  CHECK(found.at == doctest::Approx(3.02).epsilon(0.002));
  CHECK(found.value == valleys(found.at));
  CHECK_FALSE(found.at_end);
  CHECK(valleys(found.at) <= valleys(found.at + 1e-4));
  CHECK(valleys(found.at) <= valleys(found.at - 1e-4));
}

TEST_CASE("least_on_grid: says where the least lies at an end, and where there is none") {
  CHECK(qfa::least_on_grid([](double x) { return x; }, 1.0, 2.0, 5).at_end);
  CHECK(qfa::least_on_grid([](double x) { return -x; }, 1.0, 2.0, 5).at_end);
  CHECK(std::isnan(qfa::least_on_grid([](double) { return std::numeric_limits<double>::infinity(); }, 1.0, 2.0, 5).at));
  CHECK_THROWS_AS(qfa::least_on_grid([](double x) { return x; }, 2.0, 2.0, 5), qfa::error);
}

}  // namespace law_least_point_test
