// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/noise_baseline.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace predict_noise_baseline_test {

using qfa_test::close;

TEST_CASE("isotropic_noise_to_signal: rate, error and encoder over the feature's variance") {
  CHECK(close(qfa::isotropic_noise_to_signal(0.25, 0.5, 4.0, 2.0), 0.25, 1e-15));
  CHECK(std::isnan(qfa::isotropic_noise_to_signal(0.25, 0.5, 4.0, 0.0)));
  CHECK(std::isnan(qfa::isotropic_noise_to_signal(0.25, 0.5, 4.0, qfa_test::not_a_number)));
}

TEST_CASE("isotropic_noise_to_signal: is what an isotropic error does to a feature far from its threshold") {
  // x = max(e h, 0) where e h is either far above or far below 0, so that no noise crosses: nu = (1 - r^2) / r^2.
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  const std::vector<double> e{0.5, -1.5, 2.0};
  const double energy = 0.25 + 2.25 + 4.0;
  const double s = 0.02;
  const double n = 200000.0;
  double sx = 0.0, sy = 0.0, sxx = 0.0, syy = 0.0, sxy = 0.0, fired = 0.0;
  for (int t = 0; t < 200000; ++t) {
    const double z = t % 5 == 0 ? 5.0 + 0.3 * normal(random) : -5.0;
    double moved = z;
    for (const double w : e)
      moved += w * s * normal(random);
    const double x = (std::max)(z, 0.0);
    const double y = (std::max)(moved, 0.0);
    fired += x > 0.0 ? 1.0 : 0.0;
    sx += x;
    sy += y;
    sxx += x * x;
    syy += y * y;
    sxy += x * y;
  }
  const double variance = sxx / n - sx / n * (sx / n);
  const double r = (sxy / n - sx / n * (sy / n)) / std::sqrt(variance * (syy / n - sy / n * (sy / n)));
  CHECK(qfa::isotropic_noise_to_signal(fired / n, s * s, energy, variance) ==
        doctest::Approx((1.0 - r * r) / (r * r)).epsilon(0.02));
}

TEST_CASE(
    "gated_error_variance: is what an isotropic error does to a JumpReLU whose pre-activations pass its threshold") {
  // z is even over [0, 10), the threshold 4: a density of 0.1 there, 0.6 of the tokens fire, 1/15 of them below 4.4.
  std::mt19937 random(12);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> anywhere(0.0, 10.0);
  constexpr double theta = 4.0, sigma = 0.05;
  double error = 0.0, fired = 0.0, near = 0.0;
  constexpr int n = 400000;
  for (int t = 0; t < n; ++t) {
    const double z = anywhere(random), moved = z + sigma * normal(random);
    const double x = z > theta ? z : 0.0, y = moved > theta ? moved : 0.0;
    error += (y - x) * (y - x);
    fired += x > 0.0 ? 1.0 : 0.0;
    near += x > 0.0 && x < 1.1 * theta ? 1.0 : 0.0;
  }
  const double variance = qfa::gated_error_variance(sigma * sigma, theta, near / fired);
  CHECK(variance > 40.0 * sigma * sigma);  // crossings are nearly all of it
  CHECK(error / n == doctest::Approx(fired / n * variance).epsilon(0.03));
  CHECK(qfa::gated_error_variance(0.25, 0.0, 0.5) == 0.25);
}

TEST_CASE("encoder_norms_squared: one norm for each column of (d_in, d_sae)") {
  const std::vector<float> w{1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
  CHECK(qfa::encoder_norms_squared(w, 2, 3) == std::vector{17.0, 29.0, 45.0});
  CHECK_THROWS_AS(qfa::encoder_norms_squared(w, 2, 2), qfa::error);
}

}  // namespace predict_noise_baseline_test
