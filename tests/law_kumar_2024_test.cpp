// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/kumar_2024.hpp"

#include <doctest/doctest.h>

namespace law_kumar_2024_test {

TEST_CASE("kumar_2024: one exponent for N and D, and one law with and without its bias") {
  CHECK(qfa::kumar_2024::loss.alpha == qfa::kumar_2024::loss.beta);
  CHECK(qfa::kumar_2024::ptq_biased(1e9, 1e11, 4) / qfa::kumar_2024::ptq(1e9, 1e11, 4) ==
        doctest::Approx(3.0885).epsilon(1e-4));
  // The paper's remark that its float weights lose about as much as its integers: within a percent at 8 bits.
  CHECK(qfa::kumar_2024::float_weights(8) == doctest::Approx(qfa::kumar_2024::integers.weights(8)).epsilon(0.01));
}

}  // namespace law_kumar_2024_test
