// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/steering_vectors.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace steering_steering_vectors_test {

using namespace qfa;

TEST_CASE("feature_vector: a decoder row times how strongly the feature fires") {
  sae s;
  s.d_in = 3;
  s.d_sae = 2;
  s.w_dec = {1.0f, 0.0f, 0.0f, 0.0f, 3.0f, -4.0f};
  const steering_vector v = feature_vector(s, 1, 0.5);
  CHECK(v.values == std::vector<float>{0.0f, 1.5f, -2.0f});
  CHECK(v.length() == 2.5);
  CHECK_THROWS_WITH(feature_vector(s, 2, 1.0), doctest::Contains("a row of the SAE's decoder"));
}

TEST_CASE("random_vector: as long as the one it controls, in a direction of its own") {
  steering_vector like;
  like.values.assign(64, 0.25f);
  std::vector<double> mean(64, 0.0);
  double along = 0.0;
  for (std::uint64_t n = 0; n < 400; ++n) {
    const steering_vector v = random_vector(like, 1, n);
    REQUIRE(v.values.size() == 64);
    CHECK(std::fabs(v.length() - like.length()) < 1e-6);
    for (std::size_t i = 0; i < 64; ++i)
      mean[i] += static_cast<double>(v.values[i]) / 400.0;
    along += std::fabs(static_cast<double>(v.values[0]) * 8.0 / like.length()) / 400.0;
  }
  // 400 directions of length 2 in 64 dimensions: an entry's mean has a standard error of 2 / sqrt(64 * 400) = 0.0125.
  for (const double m : mean)
    CHECK(std::fabs(m) < 0.06);
  CHECK(std::fabs(along - std::sqrt(2.0 / 3.14159265)) < 0.15);  // half-normal
  CHECK(random_vector(like, 1, 7).values == random_vector(like, 1, 7).values);
  CHECK(random_vector(like, 1, 7).values != random_vector(like, 1, 8).values);
  CHECK(random_vector(like, 1, 7).values != random_vector(like, 2, 7).values);
}

TEST_CASE("add_vector: adds a dose at every position but those that are skipped") {
  const std::vector<float> v{1.0f, -2.0f};
  std::vector<float> x(2 * 3 * 2, 0.5f);
  add_vector{v, 2.0, 3, 1}({x.data(), 6, 2});
  CHECK(x == std::vector<float>{0.5f, 0.5f, 2.5f, -3.5f, 2.5f, -3.5f, 0.5f, 0.5f, 2.5f, -3.5f, 2.5f, -3.5f});
  CHECK_THROWS_WITH((add_vector{v, 1.0, 3, 0}({x.data(), 4, 3})), doctest::Contains("of its own width"));
}

}  // namespace steering_steering_vectors_test
