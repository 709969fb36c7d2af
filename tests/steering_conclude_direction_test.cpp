// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/conclude_direction.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace steering_conclude_direction_test {

using namespace qfa;

TEST_CASE("conclude_direction: every dose's numbers with their intervals, beside a random vector's") {
  const std::vector<double> doses{0.5, 1.0, 2.0};
  constexpr std::size_t groups = 8;
  // Vector 1 of two.  The compressed model responds with 0.75 of the strength in the even groups, and all of it else.
  steering_record own{2, 3, groups, std::vector<steering_sums>(48)}, random = own;
  for (std::size_t d = 0; d < 3; ++d)
    for (std::size_t g = 0; g < groups; ++g) {
      const double a = doses[d], times = g % 2 == 0 ? 0.75 : 1.0;
      own.at(1, d, g) = {times * a * a, a * a, times * times * a * a, a, times * a, 1};
      random.at(1, d, g) = {0.25 * a * a, a * a, a * a, 0.0, 0.0, 1};
    }
  const steered_direction found = conclude_direction("refusal", {{3.0f, 4.0f}, 7}, 1, doses, own, random);
  CHECK(found.name == "refusal");
  CHECK(found.target == 7);
  CHECK(found.length == 5.0);
  REQUIRE(found.doses.size() == 3);
  const direction_dose& unit = found.doses[1];
  CHECK(unit.dose == 1.0);
  CHECK(unit.gain.value == doctest::Approx(0.875));
  CHECK(unit.gain.range.lower < 0.875);
  CHECK(unit.fidelity.value == doctest::Approx(0.875 / std::sqrt((0.5625 + 1.0) / 2.0)));
  CHECK(unit.reference_shift.value == doctest::Approx(1.0));
  CHECK(unit.exchange.value == doctest::Approx(1.0 / 0.875));
  CHECK(unit.exchange.range.kind == interval_kind::two_sided);
  CHECK(std::isinf(found.doses[2].exchange.value));  // dose 2 does 1.75 at most
  CHECK(unit.random_gain.value == doctest::Approx(0.25));
  CHECK(unit.random_fidelity.value == doctest::Approx(0.25));
  // A group without a steered row is none: seven are left, too few for an interval.
  for (std::size_t d = 0; d < 3; ++d)
    own.at(1, d, 3) = {};
  const direction_dose few = conclude_direction("few", {{3.0f, 4.0f}, 7}, 1, doses, own, random).doses[1];
  CHECK(few.gain.value == doctest::Approx((4 * 0.75 + 3) / 7.0));
  for (const estimate* e : {&few.gain, &few.fidelity, &few.exchange})
    CHECK(e->range.reason == "fewer than 8 groups of rows");
  // Two models alike, whose shifts turn back: no dose of one is worth another of the other.
  const std::vector<double> turning{1.0, 2.0, 0.5};
  for (std::size_t d = 0; d < 3; ++d)
    for (std::size_t g = 0; g < groups; ++g)
      own.at(1, d, g) = {1.0, 1.0, 1.0, turning[d], turning[d], 1};
  const steered_direction alike = conclude_direction("alike", {{1.0f}, 0}, 1, doses, own, random);
  for (const direction_dose& at : alike.doses)
    CHECK(at.exchange.value == 1.0);
  CHECK_THROWS_WITH(conclude_direction("none", {{1.0f}, 0}, 2, doses, own, random), doctest::Contains("has a number"));
}

}  // namespace steering_conclude_direction_test
