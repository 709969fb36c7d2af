// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/skewed_t.hpp"

#include <doctest/doctest.h>

namespace stats_skewed_t_test {

using doctest::Approx;

TEST_CASE("skewed_reach: the end with the longer tail moves outward by k (2 t^2 + 1) / 6, the other one not") {
  CHECK(qfa::skewed_reach(2.0, 0.0) == 2.0);
  CHECK(qfa::skewed_reach(2.0, 0.5) == Approx(2.75).epsilon(1e-15));  // 2 + .5 9/6
  CHECK(qfa::skewed_reach(2.0, -0.5) == 2.0);
}

TEST_CASE("unskewed_reach: undoes skewed_reach, and increases through what it does not") {
  for (const double tail : {-0.4, 0.0, 1e-9, 0.3, 1.0})
    for (const double t : {0.0, 0.2, 1.0, 2.5, 40.0}) {
      CAPTURE(tail);
      CAPTURE(t);
      CHECK(qfa::unskewed_reach(qfa::skewed_reach(t, tail), tail) == Approx(t).epsilon(1e-13));
    }
  double last = qfa::unskewed_reach(-1.0, 0.6);
  for (double reach = -0.95; reach < 1.0; reach += 0.05) {
    const double t = qfa::unskewed_reach(reach, 0.6);
    CHECK(t > last);
    last = t;
  }
  CHECK(qfa::unskewed_reach(0.05, 0.6) == Approx(-0.05));  // k / 6 = .1 lies beyond it
}

}  // namespace stats_skewed_t_test
