// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/unified_degradation.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "law_oracle.hpp"
#include "qfa/law/kumar_2024.hpp"

namespace law_unified_degradation_test {

const qfa::unified_degradation example{qfa::kumar_2024::ptq, qfa::kumar_2024::integers, 0.5, 0.7, 0.9};

TEST_CASE("degradation: agrees with numpy for weights alone, as variance, and in the unified form") {
  for (const qfa::json& f : qfa_test::law_oracle()["forms"]) {
    const double n = f["n"], d = f["d"], bits = f["bits"];
    CHECK(qfa::degradation_of_trained_weights(qfa::kumar_2024::ptq, 0.5, n, d, 8, bits) ==
          doctest::Approx(f["eq8"].get<double>()).epsilon(1e-12));
    CHECK(qfa::degradation_of_variance(qfa::kumar_2024::ptq, n * qfa::kumar_2024::integers.weights(8), d, 8, bits) ==
          doctest::Approx(f["eq10"].get<double>()).epsilon(1e-12));
    CHECK(example(n, d, {.weights = 8, .activations = 8, .cache = 6}, bits) ==
          doctest::Approx(f["unified"].get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("degradation: none where training and inference have one precision") {
  CHECK(qfa::degradation_of_trained_weights(qfa::kumar_2024::ptq, 0.5, 1e9, 1e11, 4, 4) == 0.0);
  CHECK(qfa::degradation_of_variance(qfa::kumar_2024::ptq, 1e9, 1e11, 4, 4) == 0.0);
  CHECK(example(1e9, 1e11, {.weights = 5, .activations = 8, .cache = 8}, 5) == 0.0);
  CHECK(example(1e9, 1e11, {.weights = 8, .activations = 5, .cache = 8}, 5) == 0.0);
  CHECK(example(1e9, 1e11, {.weights = 8, .activations = 8, .cache = 5}, 5) == 0.0);
}

TEST_CASE("degradation: training in full precision leaves the law as it is") {
  CHECK(example(1e9, 1e11, {}, 4) == qfa::kumar_2024::ptq(1e9, 1e11, 4));
}

TEST_CASE("degradation_of_variance: the unified form for weights alone with C_w = 1 / gamma_post") {
  const qfa::unified_degradation unified{qfa::kumar_2024::ptq, qfa::kumar_2024::integers,
                                         1.0 / qfa::kumar_2024::ptq.gamma_post};
  const double effective = 1e9 * qfa::kumar_2024::integers.weights(6);
  CHECK(qfa::degradation_of_variance(qfa::kumar_2024::ptq, effective, 1e11, 6, 4) ==
        doctest::Approx(unified(1e9, 1e11, {.weights = 6}, 4)).epsilon(1e-12));
}

TEST_CASE("precision_gap: refuses more bits than the model was trained in, and a constant that is not above 0") {
  CHECK_THROWS_WITH_AS(qfa::precision_gap(1.0, 4.0, 5.0),
                       "a model trained in 4.000000 bits is not quantized to 5.000000: expected as many bits or fewer",
                       qfa::error);
  CHECK_THROWS_WITH_AS(qfa::precision_gap(0.0, 5.0, 4.0), "the constant C of a precision gap should be above 0",
                       qfa::error);
}

}  // namespace law_unified_degradation_test
