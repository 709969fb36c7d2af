// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/aggregates.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace survival_aggregates_test {

using doctest::Approx;

namespace {

const double none = std::nan("");

/// S(tau) by counting, one threshold after the other.
double counted_above(const std::vector<double>& r, double tau) {
  double count = 0.0;
  for (const double x : r)
    count += x > tau ? 1.0 : 0.0;
  return count / static_cast<double>(r.size());
}

}  // namespace

TEST_CASE("survival_curve: every point is the share strictly above its threshold") {
  std::mt19937_64 random(6);
  std::uniform_real_distribution<double> uniform(-0.3, 1.0);
  std::vector<double> r{1.0, 0.0, -1.0, none, std::nextafter(1.0, 0.0), 1e-300};
  for (int i = 0; i < 500; ++i)
    r.push_back(uniform(random));
  // On the thresholds themselves and one step off them, where rounding would show.
  for (std::size_t i = 0; i < qfa::curve_points; ++i) {
    const double tau = static_cast<double>(i) / 100.0;
    r.push_back(tau);
    r.push_back(std::nextafter(tau, 2.0));
    r.push_back(std::nextafter(tau, -1.0));
  }
  std::erase_if(r, [](double x) { return x > 1.0; });
  const auto curve = qfa::survival_curve(r);
  for (std::size_t i = 0; i < qfa::curve_points; ++i) {
    CAPTURE(i);
    CHECK(qfa::curve_threshold(i) == static_cast<double>(i) / 100.0);
    CHECK(curve[i] == counted_above(r, qfa::curve_threshold(i)));
  }
}

TEST_CASE("survival_curve: of no features there is none") {
  for (const double share : qfa::survival_curve({}))
    CHECK(std::isnan(share));
  CHECK(std::isnan(qfa::survival_area({})));
  CHECK(std::isnan(qfa::mean_correlation({})));
  CHECK(std::isnan(qfa::outcome_share({}, qfa::outcome::survived)));
  CHECK(std::isnan(qfa::mass_survival({}, {})));
}

TEST_CASE("survival_area: the area under the curve, which a fine sum over thresholds approaches") {
  const std::vector<double> r{0.95, 0.3, -0.4, none, 1.0, 0.651};
  CHECK(qfa::survival_area(r) == Approx((0.95 + 0.3 + 1.0 + 0.651) / 6.0).epsilon(1e-15));
  double sum = 0.0;
  constexpr int steps = 100000;
  for (int i = 0; i < steps; ++i)
    sum += counted_above(r, (i + 0.5) / steps);
  CHECK(qfa::survival_area(r) == Approx(sum / steps).epsilon(1e-4));
}

TEST_CASE("mean_correlation: over what is defined") {
  CHECK(qfa::mean_correlation(std::vector<double>{0.5, none, 1.0, 0.0}) == 0.5);
  CHECK(std::isnan(qfa::mean_correlation(std::vector<double>{none})));
}

TEST_CASE("outcome_share: the bands' shares, the undefined among the destroyed") {
  const std::vector<double> r{0.95, 0.9, 0.5, 0.49, none};
  CHECK(qfa::outcome_share(r, qfa::outcome::survived) == 0.2);
  CHECK(qfa::outcome_share(r, qfa::outcome::blurred) == 0.4);
  CHECK(qfa::outcome_share(r, qfa::outcome::destroyed) == 0.4);
  CHECK(qfa::outcome_share(r, qfa::outcome::survived, {.survives_above = 0.4}) == 0.8);
}

TEST_CASE("mass_survival: features count by their mass") {
  const std::vector<double> r{0.95, 0.9, none, 0.2, 0.99}, mass{1.0, 2.0, 3.0, 4.0, 10.0};
  CHECK(qfa::mass_survival(r, mass) == 11.0 / 20.0);
  CHECK(qfa::mass_survival(r, mass, 0.1) == 17.0 / 20.0);
  const std::vector<double> massless(5, 0.0);
  CHECK(std::isnan(qfa::mass_survival(r, massless)));
}

}  // namespace survival_aggregates_test
