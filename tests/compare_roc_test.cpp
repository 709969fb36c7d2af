// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/roc.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "qfa/compare/auc.hpp"

namespace compare_roc_test {

using namespace qfa;

TEST_CASE("roc_curve: perfect scores rise at once, reversed ones at the end, equal ones along the diagonal") {
  const std::vector<std::uint8_t> positive{1, 1, 0, 0};
  const auto perfect = roc_curve(std::vector<double>{4, 3, 2, 1}, positive);
  const auto reversed = roc_curve(std::vector<double>{1, 2, 3, 4}, positive);
  const auto equal = roc_curve(std::vector<double>{7, 7, 7, 7}, positive);
  CHECK(perfect.front() == 1.0);
  CHECK(reversed[99] == 0.0);
  CHECK(reversed.back() == 1.0);
  for (std::size_t i = 0; i < roc_points; ++i)
    CHECK(equal[i] == doctest::Approx(roc_rate(i)));
}

TEST_CASE("roc_curve: a step at a false positive, worked by hand") {
  // From the top: +, -, +, -: the curve goes up to 1/2, right to 1/2, up to 1, right to 1.
  const auto curve = roc_curve(std::vector<double>{4, 3, 2, 1}, std::vector<std::uint8_t>{1, 0, 1, 0});
  CHECK(curve[0] == 0.5);
  CHECK(curve[49] == 0.5);
  CHECK(curve[50] == 1.0);
  // -, +, -, -: up at a false positive rate of 1/3, which lies between two points.
  const auto between = roc_curve(std::vector<double>{4, 3, 2, 1}, std::vector<std::uint8_t>{0, 1, 0, 0});
  CHECK(between[33] == 0.0);
  CHECK(between[34] == 1.0);
}

TEST_CASE("roc_curve: the area below it is the AUC, ties or not") {
  std::mt19937 random(5);
  for (const unsigned values : {7U, 1U << 30}) {
    std::vector<double> scores;
    std::vector<std::uint8_t> positive;
    for (std::size_t i = 0; i < 4000; ++i) {
      positive.push_back(random() % 3 == 0);
      scores.push_back(static_cast<double>(random() % values) + (positive.back() != 0 ? 0.3 * values : 0.0));
    }
    const auto curve = roc_curve(scores, positive);
    double area = 0.0;
    for (std::size_t i = 1; i < roc_points; ++i)
      area += 0.005 * (curve[i - 1] + curve[i]);
    CHECK(area == doctest::Approx(auc(scores, positive)).epsilon(0.005));
  }
}

TEST_CASE("roc_curve: one class alone has none") {
  for (const double x : roc_curve(std::vector<double>{1, 2}, std::vector<std::uint8_t>{1, 1}))
    CHECK(std::isnan(x));
}

}  // namespace compare_roc_test
