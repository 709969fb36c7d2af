// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/training_precision.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "qfa/law/kumar_2024.hpp"

namespace law_training_precision_test {

TEST_CASE("precision_response: the printed constants give the shares of the specification") {
  const qfa::precision_responses& r = qfa::kumar_2024::integers;
  const auto check = [](const qfa::precision_response& response, double bits, double share) {
    CHECK(response(bits) == doctest::Approx(share).epsilon(0.006));
  };
  check(r.weights, 3, 0.559);
  check(r.weights, 4, 0.696);
  check(r.weights, 5, 0.791);
  check(r.weights, 6, 0.856);
  check(r.weights, 8, 0.932);
  check(r.activations, 4, 0.331);
  check(r.activations, 5, 0.575);
  check(r.activations, 6, 0.730);
  check(r.activations, 8, 0.891);
  check(r.cache, 3, 0.51);
  check(r.cache, 4, 0.83);
  check(r.cache, 5, 0.94);
}

TEST_CASE("precision_response: full precision leaves every parameter, and too few bits are refused") {
  const qfa::precision_responses& r = qfa::kumar_2024::integers;
  CHECK(r.weights(std::numeric_limits<double>::infinity()) == 1.0);
  CHECK(r({}) == 1.0);
  CHECK_THROWS_WITH_AS(r.activations(3.0),
                       "training in 3.000000 bits is outside the law's domain: it leaves a share of -0.051121 of the "
                       "parameters, expected more than 0",
                       qfa::error);
}

TEST_CASE("precision_responses: the three shares multiply") {
  const qfa::precision_responses& r = qfa::kumar_2024::integers;
  CHECK(r({.weights = 4, .activations = 8, .cache = 5}) ==
        doctest::Approx(r.weights(4) * r.activations(8) * r.cache(5)).epsilon(1e-15));
}

}  // namespace law_training_precision_test
