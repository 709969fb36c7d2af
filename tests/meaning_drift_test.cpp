// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/drift.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "qfa/core/error.hpp"

namespace meaning_drift_test {

TEST_CASE("count_drift: strictly above the quantile of the measured controls, by r on common support") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> divergence{0.5, 0.5, 0.4, 0.1, none, 0.6, 0.9};
  const std::vector<double> control{0.2, 0.4, 0.3, none, 0.1, 0.25, 0.99};
  const std::vector<double> r{0.95, 0.9, 0.99, 0.99, 0.99, none, 0.1};
  const std::vector<std::uint8_t> measured{1, 1, 1, 1, 1, 1, 0};
  const qfa::drift_census c = qfa::count_drift(divergence, control, r, measured, {.percent = 100.0});
  CHECK(c.threshold == 0.4);
  CHECK(c.controls == 5);
  CHECK(c.compared == 5);
  CHECK(c.changed == 3);      // 0, 1 and 5; 2 is at the threshold
  CHECK(c.table[1][1] == 1);  // 0
  CHECK(c.table[1][0] == 1);  // 1: r of .9 is not high
  CHECK(c.table[0][1] == 2);  // 2 and 3, without a control of its own
  CHECK(c.table[0][0] == 0);
  CHECK(c.left_out == 2);  // 4 and 5
}

TEST_CASE("count_drift: without controls nothing is a change") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const qfa::drift_census c =
      qfa::count_drift(std::vector{1.0}, std::vector{none}, std::vector{1.0}, std::vector<std::uint8_t>{1});
  CHECK(std::isnan(c.threshold));
  CHECK(c.changed == 0);
  CHECK_THROWS_AS(qfa::count_drift(std::vector{1.0}, {}, {}, {}), qfa::error);
}

}  // namespace meaning_drift_test
