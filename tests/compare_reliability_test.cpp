// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/reliability.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace compare_reliability_test {

using qfa_test::close;

TEST_CASE("spearman_brown: halves that agree on half make a whole that agrees on two thirds") {
  CHECK(close(qfa::spearman_brown(0.5), 2.0 / 3.0, 1e-15));
  CHECK(qfa::spearman_brown(1.0) == 1.0);
  CHECK(qfa::spearman_brown(0.0) == 0.0);
  CHECK(std::isnan(qfa::spearman_brown(-1.0)));
  CHECK(std::isnan(qfa::spearman_brown(qfa_test::not_a_number)));
}

TEST_CASE("noise_ceiling_corrected: undoes the attenuation of known noise") {
  // Two measurements of one signal, each noisy, each made on two halves: the corrected correlation is 1.
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  const std::size_t n = 40000;
  std::vector<double> a1(n);
  std::vector<double> a2(n);
  std::vector<double> b1(n);
  std::vector<double> b2(n);
  std::vector<double> a(n);
  std::vector<double> b(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double signal = normal(random);
    a1[i] = signal + 0.6 * normal(random);
    a2[i] = signal + 0.6 * normal(random);
    b1[i] = signal + 0.9 * normal(random);
    b2[i] = signal + 0.9 * normal(random);
    a[i] = a1[i] + a2[i];
    b[i] = b1[i] + b2[i];
  }
  const double of_a = qfa::spearman_brown(qfa::pearson(a1, a2));
  CHECK(of_a == doctest::Approx(1.0 / (1.0 + 0.36 / 2.0)).epsilon(0.01));
  const double of_b = qfa::spearman_brown(qfa::pearson(b1, b2));
  CHECK(qfa::noise_ceiling_corrected(qfa::pearson(a, b), of_a, of_b) == doctest::Approx(1.0).epsilon(0.01));
  CHECK(qfa::split_half_reliability(a1, a2) == qfa::spearman_brown(qfa::spearman(a1, a2)));
}

TEST_CASE("noise_ceiling_corrected: may exceed 1 and is not clipped") {
  CHECK(close(qfa::noise_ceiling_corrected(0.9, 0.8, 0.9), 0.9 / std::sqrt(0.72), 1e-15));
  CHECK(qfa::noise_ceiling_corrected(0.9, 0.8, 0.9) > 1.0);
}

TEST_CASE("noise_ceiling_corrected: unreliable measurements are not corrected") {
  CHECK(std::isnan(qfa::noise_ceiling_corrected(0.9, 0.5, 0.9)));
  CHECK(std::isnan(qfa::noise_ceiling_corrected(0.9, 0.9, 0.4)));
  CHECK(std::isfinite(qfa::noise_ceiling_corrected(0.3, 0.501, 0.9)));
  CHECK(std::isnan(qfa::noise_ceiling_corrected(0.9, qfa_test::not_a_number, 0.9)));
  CHECK(close(qfa::noise_ceiling_corrected(0.3, 0.4, 0.9, 0.3), 0.3 / 0.6, 1e-15));
}

}  // namespace compare_reliability_test
