// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/signed_histogram.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace stats_signed_histogram_test {

using qfa::signed_histogram;

namespace {

/// 1000 numbers of either sign, from 1e-7 to 34 in size.
std::vector<double> numbers() {
  std::vector<double> out;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const double x = static_cast<double>(i * 7919 % 1000) - 300.0;
    out.push_back(x * x * x * 1e-7);
  }
  return out;
}

signed_histogram of(const std::vector<double>& xs) {
  signed_histogram h;
  for (const double x : xs)
    h(x);
  return h;
}

}  // namespace

TEST_CASE("signed_histogram: percentiles as numpy has them, to half a bin, and the ends exactly") {
  // numpy.percentile of the same numbers.
  constexpr std::array<std::pair<double, double>, 13> expected{
      std::pair{0.0, -2.6999999999999997}, std::pair{0.1, -2.6731168101},        std::pair{1.0, -2.4391531709999996},
      std::pair{5.0, -1.5634412549999999}, std::pair{10.0, -0.8012060099999999}, std::pair{25.0, -0.012691274999999998},
      std::pair{50.0, 0.7940299499999999}, std::pair{75.0, 9.067038675},         std::pair{90.0, 21.502961910000003},
      std::pair{95.0, 27.34227265499999},  std::pair{99.0, 32.709703131},        std::pair{99.9, 34.00698557070002},
      std::pair{100.0, 34.1532099}};
  const signed_histogram h = of(numbers());
  CHECK(h.count() == 1000);
  for (const auto& place : expected) {
    const double percent = place.first, value = place.second;
    CAPTURE(percent);
    // Two neighbors of the place are each off by 1/256 of the larger at most.
    CHECK(std::fabs(h.quantile(percent / 100.0) - value) <=
          1.02 * signed_histogram::relative_error * std::fabs(value) + signed_histogram::smallest);
  }
  CHECK(h.quantile(0.0) == expected.front().second);
  CHECK(h.quantile(1.0) == expected.back().second);
}

TEST_CASE("signed_histogram: every number stands for itself within the promised error") {
  for (double size = 1e-7; size < 1e3; size *= 1.0037)
    for (const double x : {size, -size}) {
      const signed_histogram h = of({-2e3, x, 2e3});
      CAPTURE(x);
      CHECK(std::fabs(h.quantile(0.5) - x) <= signed_histogram::relative_error * size);
    }
  for (const double x : {0.0, 5e-8, -5e-8})
    CHECK(of({-1.0, x, 1.0}).quantile(0.5) == 0.0);
  CHECK(of({-1e9, 1e6, 1e9}).quantile(0.5) == doctest::Approx(1024.0).epsilon(0.01));
  CHECK(of({-1e9, 1e6, 1e9}).quantile(1.0) == 1e9);
}

TEST_CASE("signed_histogram: any order and any cut give the same, and what is no number is left out") {
  const std::vector<double> all = numbers();
  const signed_histogram whole = of(all);
  const signed_histogram back = of({all.rbegin(), all.rend()});
  CHECK(whole == back);
  signed_histogram parts = of({all.begin() + 600, all.end()});
  parts += of({all.begin(), all.begin() + 600});
  CHECK(parts == whole);
  parts += signed_histogram{};
  CHECK(parts == whole);
  signed_histogram none;
  CHECK(std::isnan(none.quantile(0.5)));
  none(std::numeric_limits<double>::quiet_NaN());
  CHECK(none == signed_histogram{});
  none += whole;
  CHECK(none == whole);
}

TEST_CASE("signed_histogram: of one number, and of equal ones, every percentile is it") {
  CHECK(of({0.25}).quantile(0.0) == 0.25);
  for (const double p : {0.0, 0.3, 0.5, 1.0})
    CHECK(of({0.1, 0.1, 0.1, 0.1}).quantile(p) == 0.1);
}

}  // namespace stats_signed_histogram_test
