// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/joint_precision.hpp"

#include <doctest/doctest.h>

#include "law_oracle.hpp"
#include "qfa/law/kumar_2024.hpp"

namespace law_joint_precision_test {

TEST_CASE("joint_precision: 7 bits with the printed constants, and far fewer without their shifts") {
  const double shifted = qfa::joint_precision(qfa::kumar_2024::integers);
  CHECK(shifted == doctest::Approx(7.0).epsilon(0.01));
  CHECK(shifted == doctest::Approx(qfa_test::law_oracle()["joint_optimum"].get<double>()).epsilon(1e-6));
  qfa::precision_responses plain = qfa::kumar_2024::integers;
  plain.weights.shift = plain.activations.shift = plain.cache.shift = 0.0;
  CHECK(qfa::joint_precision(plain) ==
        doctest::Approx(qfa_test::law_oracle()["joint_optimum_unbiased"].get<double>()).epsilon(1e-6));
}

}  // namespace law_joint_precision_test
