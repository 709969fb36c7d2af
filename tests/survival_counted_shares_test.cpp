// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/counted_shares.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace survival_counted_shares_test {

using doctest::Approx;
using qfa::outcome;

// Intervals against the oracle are in survival_survey_test.cpp.

TEST_CASE("outcome_chance: with no bandwidth the bands, and with one the chances of the three sum to 1") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (const outcome o : {outcome::survived, outcome::blurred, outcome::destroyed})
    for (const double r : {-0.2, 0.5, 0.7, 0.9, 0.95, 1.0, none})
      CHECK(qfa::outcome_chance{o, {}}(r, 0.0) == (qfa::correlation_bands{}(r) == o ? 1.0 : 0.0));
  for (const double r : {0.2, 0.5, 0.7, 0.9, 0.99, 1.0, none}) {
    double sum = 0.0;
    for (const outcome o : {outcome::survived, outcome::blurred, outcome::destroyed})
      sum += qfa::outcome_chance{o, {}}(r, 0.25);
    CHECK(sum == Approx(1.0).epsilon(1e-15));
  }
  CHECK(qfa::outcome_chance{outcome::survived, {}}(0.9, 0.25) == 0.5);
  CHECK(qfa::outcome_chance{outcome::destroyed, {}}(0.5, 0.1) == 0.5);
  CHECK(qfa::outcome_chance{outcome::destroyed, {}}(none, 0.1) == 1.0);
}

TEST_CASE("jaccard_of_chances: of steps the Jaccard index, and NaN where nothing counts") {
  // Five, not four: of the first, g++ 12 makes 0.5 at -O2 and above with AVX-512, as it takes the constant of 32 bytes
  // that a vector of four literals is for other numbers.  Only where it knows everything.
  const std::vector<double> a{1.0, 1.0, 0.0, 0.0, 0.0}, b{1.0, 0.0, 1.0, 0.0, 0.0}, half{0.5, 0.0, 0.0, 0.0, 0.0},
      none(5, 0.0);
  CHECK(qfa::jaccard_of_chances(a, b) == 1.0 / 3.0);
  CHECK(qfa::jaccard_of_chances(half, half) == Approx(1.0 / 3.0));  // .25 of .75
  CHECK(std::isnan(qfa::jaccard_of_chances(none, none)));
}

TEST_CASE("smoothed_curve: with no bandwidth the curve itself, and smoothed it keeps the area where no end is near") {
  const std::vector<double> r{0.3, 0.62, 0.62, 0.87, -0.4, 1.0};
  const std::vector<qfa::count_bandwidth> bandwidths(r.size(), {0.05, 0.1});
  const auto curve = [&](auto width) { return qfa::smoothed_curve(r, bandwidths, width); };
  CHECK(curve([](const qfa::count_bandwidth&) { return 0.0; }) == qfa::survival_curve(r));
  const auto fine = curve([](const qfa::count_bandwidth& h) { return h.fine; });
  CHECK(fine[0] == Approx(5.0 / 6.0).epsilon(1e-8));
  CHECK(fine[62] == Approx((2.0 + 2.0 * 0.5) / 6.0).epsilon(1e-8));
  CHECK(fine[100] == 0.0);
  for (std::size_t i = 1; i < fine.size(); ++i)
    CHECK(fine[i] <= fine[i - 1]);
}

}  // namespace survival_counted_shares_test
