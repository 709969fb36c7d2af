// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/halving_check.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace stats_halving_check_test {

namespace {

/// The check of a mean of 64 values.
qfa::halving_check check_mean(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  double sum = 0.0;
  for (const double x : values)
    sum += x;
  const auto single = [&](std::size_t g) { return (sum - values[g]) / (n - 1.0); };
  const auto pair = [&](std::size_t g) { return (sum - values[2 * g] - values[2 * g + 1]) / (n - 2.0); };
  return qfa::check_by_halving(qfa::jackknife(sum / n, values.size(), single),
                               qfa::jackknife(sum / n, values.size() / 2, pair), values.size());
}

}  // namespace

TEST_CASE("halving: independent groups pass about ninety-nine times in a hundred, dependent neighbors do not") {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  int independent = 0, dependent = 0;
  double squares = 0.0;
  constexpr int repetitions = 2000;
  for (int i = 0; i < repetitions; ++i) {
    std::vector<double> alone(64), together(64);
    double last = 0.0;
    for (std::size_t g = 0; g < 64; ++g) {
      alone[g] = normal(random);
      last = together[g] = 0.8 * last + normal(random);
    }
    const qfa::halving_check check = check_mean(alone);
    squares += (check.error_ratio * check.error_ratio - 1.0) * (check.error_ratio * check.error_ratio - 1.0);
    independent += check.agrees();
    dependent += check_mean(together).agrees();
  }
  CHECK(independent > 0.98 * repetitions);
  CHECK(independent < repetitions);
  CHECK(dependent < 0.1 * repetitions);
  // The ratio of the variances is 1 with a standard deviation of sqrt(2/G).
  CHECK(std::sqrt(squares / repetitions) == doctest::Approx(std::sqrt(2.0 / 64.0)).epsilon(0.07));
}

TEST_CASE("halving: without two intervals nothing is known, and nothing is held against the groups") {
  const qfa::halving_check few = check_mean({1.0, 2.0, 3.0, 5.0, 8.0, 9.0, 1.0, 2.0, 4.0, 3.0});
  CHECK_FALSE(few.known());
  CHECK(few.agrees());
  CHECK(few.groups == 10);
}

}  // namespace stats_halving_check_test
