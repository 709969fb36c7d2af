// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/concentration.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace stats_concentration_test {

using qfa::gini;
using qfa::top_share;

TEST_CASE("gini: nothing between equals, all but one nth where one has everything") {
  CHECK(gini({2.0, 2.0, 2.0}) == 0.0);
  CHECK(gini({0.0, 0.0, 0.0, 5.0}) == 0.75);
  CHECK(gini({4.0, 1.0, 3.0, 2.0}) == 0.25);
  CHECK(gini({3.0}) == 0.0);
  CHECK(std::isnan(gini({})));
  CHECK(std::isnan(gini({0.0, 0.0})));
}

TEST_CASE("top_share: of the largest, wherever they stand") {
  CHECK(top_share({1.0, 5.0, 2.0, 2.0}, 1) == 0.5);
  CHECK(top_share({1.0, 5.0, 2.0, 2.0}, 2) == 0.7);
  CHECK(top_share({1.0, 5.0}, 7) == 1.0);
  CHECK(std::isnan(top_share({0.0}, 1)));
}

}  // namespace stats_concentration_test
