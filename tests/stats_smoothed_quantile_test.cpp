// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/smoothed_quantile.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "made_up.hpp"
#include "qfa/core/error.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/percentile.hpp"

namespace stats_smoothed_quantile_test {

using doctest::Approx;

TEST_CASE("smoothed_quantile: where the mean of normal distributions reaches the share") {
  const std::vector<double> few{3.0, 1.0, 4.0, 1.5, 9.0, 2.6, 5.0}, h{0.5, 0.25, 1.0, 0.125, 2.0, 0.5, 0.75};
  // scipy 1.10.1: brentq(lambda x: norm.cdf((x - v) / h).mean() - p, -20, 40)
  CHECK(qfa::smoothed_quantile(few, h, 0.5) == Approx(3.0295173629788628).epsilon(1e-13));
  CHECK(qfa::smoothed_quantile(few, h, 0.25) == Approx(1.5766720082510837).epsilon(1e-13));
  CHECK(qfa::smoothed_quantile(few, h, 0.9) == Approx(7.951660899999686).epsilon(1e-13));
  std::vector<double> many, wide;
  for (int i = 0; i < 101; ++i) {
    many.push_back(std::pow((i * 37) % 101, 2) / 64.0);
    wide.push_back(1.0 + i % 7 / 8.0);
  }
  // Beyond six bandwidths `chance_above` is a step: 1e-9 of a chance.
  CHECK(std::fabs(qfa::smoothed_quantile(many, wide, 0.5) - 39.14206999442047) < 1e-8);
  CHECK(std::fabs(qfa::smoothed_quantile(many, wide, 0.05) - 0.3070438183466792) < 1e-8);
}

TEST_CASE("smoothed_quantile: without bandwidths an order statistic, and what has no bounds stands beyond all") {
  const double infinite = qfa_test::infinity;
  const std::vector<double> some{4.0, 1.0, 3.0, 2.0}, none(4, 0.0);
  CHECK(std::fabs(qfa::smoothed_quantile(some, none, 0.5) - 2.0) < 1e-11);
  CHECK(std::fabs(qfa::smoothed_quantile(some, none, 0.51) - 3.0) < 1e-11);
  CHECK(std::fabs(qfa::smoothed_quantile(some, none, 0.99) - 4.0) < 1e-11);
  const std::vector<double> wide(4, 0.5), low{-infinite, -infinite, 1.0, 2.0}, high{infinite, infinite, 1.0, 2.0};
  CHECK(qfa::smoothed_quantile(low, wide, 0.4) == -infinite);
  CHECK(qfa::smoothed_quantile(low, wide, 0.75) == Approx(1.5));  // halfway between the other two
  CHECK(qfa::smoothed_quantile(high, wide, 0.6) == infinite);
  CHECK(qfa::smoothed_quantile(high, wide, 0.25) == Approx(1.5));
  CHECK(qfa::smoothed_quantile(std::vector<double>(2, infinite), std::vector<double>(2, 0.0), 0.5) == infinite);
  CHECK(qfa::smoothed_quantile(std::vector<double>(2, -infinite), std::vector<double>(2, 0.0), 0.5) == -infinite);
  CHECK(std::isnan(qfa::smoothed_quantile({}, {}, 0.5)));
  CHECK(std::isnan(
      qfa::smoothed_quantile(std::vector<double>{1.0, qfa_test::not_a_number}, std::vector<double>{1.0, 1.0}, 0.5)));
  CHECK_THROWS_AS(qfa::smoothed_quantile(some, wide, 1.0), qfa::error);
  CHECK_THROWS_AS(qfa::smoothed_quantile(some, wide, 0.0), qfa::error);
  CHECK_THROWS_AS(qfa::smoothed_quantile(some, std::vector<double>{1.0}, 0.5), qfa::error);
}

TEST_CASE("smoothed_quantile: leaving out groups moves it as much as it moves from sample to sample") {
  // 400 features, each with an error of its own over 40 groups: the standard error of the median is E sqrt(pi / 2 / F)
  // for an error E that is wide against the features' spread.
  const std::size_t features = 400, groups = 40;
  const double error = 1.0;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  double squares = 0.0, plain_squares = 0.0;
  const int repetitions = 30;
  for (int k = 0; k < repetitions; ++k) {
    std::vector<double> sums(features, 0.0), cells;
    for (std::size_t i = 0; i < features * groups; ++i) {
      cells.push_back(error * std::sqrt(static_cast<double>(groups)) * normal(random));
      sums[i % features] += cells.back();
    }
    const auto rest = [&](std::size_t g) {
      std::vector<double> out(features);
      for (std::size_t f = 0; f < features; ++f)
        out[f] = g == groups ? sums[f] / static_cast<double>(groups)
                             : (sums[f] - cells[g * features + f]) / static_cast<double>(groups - 1);
      return out;
    };
    std::vector<double> smoothed, plain;
    const std::vector<double> h(features, error / (2.0 * std::numbers::sqrt2));  // count_bandwidth's, of a normal error
    for (std::size_t g = 0; g <= groups; ++g) {
      smoothed.push_back(qfa::smoothed_quantile(rest(g), h, 0.5));
      plain.push_back(qfa::percentile(rest(g), 50.0));
    }
    const double whole = smoothed.back(), middle = plain.back();
    smoothed.pop_back();
    plain.pop_back();
    squares += std::pow(qfa::spread_of(whole, smoothed), 2) / repetitions;
    plain_squares += std::pow(qfa::spread_of(middle, plain), 2) / repetitions;
  }
  const double truth = error * std::sqrt(std::acos(-1.0) / 2.0 / static_cast<double>(features));
  CHECK(std::fabs(std::sqrt(squares) / truth - 1.0) < 0.2);  // 1.14; plain 2.8
  CHECK(plain_squares > 4.0 * squares);
}

}  // namespace stats_smoothed_quantile_test
