// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/damage_law.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace bits_damage_law_test {

using namespace qfa;

TEST_CASE("damage_law: values, slope and ratio per bit of gain, of flips, and of both") {
  const damage_law gain{.c = 32.0}, flips{.a = 2.0}, both{.c = 16.0, .a = 2.0};
  CHECK(gain(3.0) == 0.5);
  CHECK(flips(3.0) == 0.25);
  CHECK(both(3.0) == 0.5);  // the crossing, log2(16 / 2): each a half
  CHECK(gain.slope(5.0) == -2.0);
  CHECK(flips.slope(5.0) == -1.0);
  CHECK(both.slope(3.0) == -1.5);
  CHECK(gain.ratio_per_bit(6.0) == 4.0);
  CHECK(flips.ratio_per_bit(6.0) == 2.0);
  CHECK(both.ratio_per_bit(3.0) == both(2.0) / both(3.0));
}

TEST_CASE("noise_left: nothing is left at or below zero or where r is undefined, and nothing happened at one") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  CHECK(noise_left(0.0) == infinite);
  CHECK(noise_left(-0.9) == infinite);
  CHECK(noise_left(std::numeric_limits<double>::quiet_NaN()) == infinite);
  CHECK(noise_left(1.0) == 0.0);
  CHECK(noise_left(1.0 - 1e-15) == 0.0);
  CHECK(noise_left(1.0 - 1e-12) == doctest::Approx(2e-12).epsilon(1e-4));
  CHECK(noise_left(0.5) == 3.0);
}

}  // namespace bits_damage_law_test
