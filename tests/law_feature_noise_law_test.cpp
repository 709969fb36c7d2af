// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/feature_noise_law.hpp"

#include <doctest/doctest.h>

namespace law_feature_noise_law_test {

TEST_CASE("feature_noise_law: a bit divides it by 4 for gain, by 2 for crossed thresholds, and between for both") {
  const qfa::feature_noise_law gain{.c = 2.0, .gamma_d = 0.5, .gamma_n = 0.25};
  CHECK(gain(16.0, 4.0, 2.0) == doctest::Approx(2.0 * 2.0 / 2.0 / 16.0).epsilon(1e-14));
  CHECK(gain(16.0, 4.0, 2.0) / gain(16.0, 4.0, 3.0) == doctest::Approx(4.0).epsilon(1e-14));
  const qfa::feature_noise_law crossed{.c = 1.0, .kappa = 1e6};
  CHECK(crossed(1.0, 1.0, 5.0) / crossed(1.0, 1.0, 6.0) == doctest::Approx(2.0).epsilon(1e-6));
  CHECK(qfa::feature_noise_law::ladder(0.5, 2.0) == 0.0625 + 0.5 * 0.25);
}

}  // namespace law_feature_noise_law_test
