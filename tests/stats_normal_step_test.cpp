// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/normal_step.hpp"

#include <cmath>
#include <numbers>

#include <doctest/doctest.h>

namespace stats_normal_step_test {

TEST_CASE("normal_step: within 1e-12 of erfc's everywhere, never falling, and 1/2 at 0") {
  double worst = 0.0, before = 0.0, falls = 0.0;
  for (int i = -600'000; i <= 600'000; ++i) {
    const double u = i / 100'000.0;
    const double p = qfa::normal_step(u);
    worst = std::fmax(worst, std::fabs(p - 0.5 * std::erfc(-u / std::numbers::sqrt2)));
    falls += p < before ? 1.0 : 0.0;
    before = p;
  }
  CHECK(worst < 1e-12);
  CHECK(worst > 1e-13);  // the bound is no looser than it must be
  CHECK(falls == 0.0);
  CHECK(qfa::normal_step(0.0) == 0.5);
}

TEST_CASE("normal_step: tabulated values of the normal distribution") {
  // scipy 1.10: scipy.stats.norm.cdf
  CHECK(std::fabs(qfa::normal_step(1.0) - 0.8413447460685429) < 1e-15);
  CHECK(std::fabs(qfa::normal_step(-1.959963984540054) - 0.025) < 1e-12);
  CHECK(std::fabs(qfa::normal_step(0.123456) - 0.5491269927023119) < 1e-12);
  // Far out it is right in its own digits, too.
  CHECK(std::fabs(qfa::normal_step(-6.0) / 9.865876450376946e-10 - 1.0) < 1e-12);
  CHECK(std::fabs(qfa::normal_step(-5.4321) / 2.784734751024174e-08 - 1.0) < 1e-8);
  CHECK(std::fabs(qfa::normal_step(6.0) - (1.0 - 9.865876450376946e-10)) < 1e-15);
}

}  // namespace stats_normal_step_test
