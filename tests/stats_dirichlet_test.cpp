// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/dirichlet.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "scratch.hpp"

namespace stats_dirichlet_test {

TEST_CASE("dirichlet_draws: shares add up to one, and moments are the distribution's") {
  const std::array<double, 4> a{0.5, 4.5, 11.5, 2.5};
  const double total = 19.0;
  const qfa::dirichlet_draws<4> draw(a, 7);
  std::array<double, 4> sum{}, squares{};
  double mixed = 0.0;
  constexpr std::uint64_t n = 20'000;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::array<double, 4> x = draw(i);
    CHECK(std::fabs(x[0] + x[1] + x[2] + x[3] - 1.0) < 1e-14);
    for (std::size_t k = 0; k < 4; ++k) {
      sum[k] += x[k];
      squares[k] += x[k] * x[k];
    }
    mixed += x[1] * x[2];
  }
  // Within four standard errors of the mean; those of squares and products are smaller than the mean's here.
  for (std::size_t k = 0; k < 4; ++k) {
    CAPTURE(k);
    const double mean = a[k] / total, variance = mean * (1.0 - mean) / (total + 1.0);
    const double error = 4.0 * std::sqrt(variance / n);
    CHECK(std::fabs(sum[k] / n - mean) < error);
    CHECK(std::fabs(squares[k] / n - mean * mean - variance) < error);
  }
  CHECK(std::fabs(mixed / n - a[1] * a[2] / (total * (total + 1.0))) < 4.0 * 0.1 / std::sqrt(n));
}

TEST_CASE("dirichlet_draws: a draw depends on seed and number alone") {
  const std::array<double, 2> half{0.5, 0.5};
  const qfa::dirichlet_draws<2> one(half, 1), again(half, 1), two(half, 2);
  CHECK(one(5) == again(5));
  CHECK(one(5) != one(6));
  CHECK(one(5) != two(5));
  CHECK(one(5)[0] != one(5)[1]);
  // By Python from the same definition: gamma quantiles of 1/2 are half the squares of normal ones.
  CHECK(one(0)[0] == doctest::Approx(0.8794670140985098).epsilon(1e-11));
  CHECK(one(1)[0] == doctest::Approx(0.08618468671756413).epsilon(1e-11));
}

TEST_CASE("dirichlet_draws: a concentration that is not positive is refused") {
  qfa_test::check_refused([] { qfa::dirichlet_draws<2>({1.0, 0.0}, 1); }, {"positive concentrations"});
  qfa_test::check_refused([] { qfa::dirichlet_draws<2>({std::nan(""), 1.0}, 1); }, {"positive concentrations"});
}

}  // namespace stats_dirichlet_test
