// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/noise_sum.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace locate_noise_sum_test {

using namespace qfa;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN(), lost = std::numeric_limits<double>::infinity();

/// Three features, two groups.
const feature_noise made{.groups = 2,
                         .all = {1.0, 200.0, lost},
                         .half = {std::vector<double>{2.0, none, 4.0}, {8.0, 16.0, 32.0}},
                         .without = {1.0, 2.0, 3.0, 4.0, none, 300.0},
                         .half_without = {none, none, none, 5.0, 6.0, lost}};

}  // namespace

TEST_CASE("noise_sum: weighted, limited, and with its counts") {
  const std::vector<double> weights{1.0, 0.5, 2.0};
  const noise_sum sum = sum_noise(made, weights);
  CHECK(sum.all == 1.0 + 0.5 * 99.0 + 2.0 * 99.0);
  CHECK(sum.half[0] == 2.0 + 8.0);
  CHECK(sum.half[1] == 8.0 + 8.0 + 64.0);
  CHECK(sum.without == std::vector<double>{1.0 + 1.0 + 6.0, 4.0 + 198.0});
  CHECK(sum.half_without == std::vector<double>{0.0, 5.0 + 3.0 + 198.0});
  CHECK(sum.limited == 2);
  CHECK(sum.lost == 1);
  CHECK(sum.silent[0] == 1);
  CHECK(sum.silent[1] == 0);
  CHECK(sum_noise(made, weights, 10.0).all == 1.0 + 5.0 + 20.0);
  CHECK(noise_to_signal(0.1) == doctest::Approx(most_noise));
}

TEST_CASE("noise_sum: differences and sums go by part, and counts stay") {
  const std::vector<double> weights{1.0, 0.5, 2.0};
  noise_sum sum = sum_noise(made, weights);
  sum += sum_noise(made, weights);
  CHECK(sum.all == 2.0 * 248.5);
  CHECK(sum.without[0] == 16.0);
  CHECK(sum.limited == 2);
  sum -= sum_noise(made, weights);
  sum -= sum_noise(made, weights);
  CHECK(sum.all == 0.0);
  CHECK(sum.half[1] == 0.0);
  CHECK(sum.half_without == std::vector<double>{0.0, 0.0});
}

TEST_CASE("noise_sum: weights that do not fit are refused") {
  CHECK_THROWS_WITH(sum_noise(made, std::vector<double>{1.0}), doctest::Contains("one weight for each feature"));
  CHECK_THROWS_WITH(sum_noise(made, std::vector<double>{1.0, -1.0, 0.0}), doctest::Contains("at least 0"));
  CHECK_THROWS_WITH(sum_noise(made, std::vector<double>{1.0, none, 0.0}), doctest::Contains("finite"));
}

}  // namespace locate_noise_sum_test
