// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/ptq_degradation.hpp"

#include <doctest/doctest.h>

#include "law_oracle.hpp"
#include "qfa/law/kumar_2024.hpp"

namespace law_ptq_degradation_test {

TEST_CASE("ptq_degradation: the printed constants give the table of the specification, without and with the bias") {
  const auto check = [](double n, double d, double bits, double plain, double biased) {
    CHECK(qfa::kumar_2024::ptq(n, d, bits) == doctest::Approx(plain).epsilon(0.01));
    CHECK(qfa::kumar_2024::ptq_biased(n, d, bits) == doctest::Approx(biased).epsilon(0.01));
  };
  check(30e6, 26e9, 3, 0.190, 0.586);
  check(30e6, 26e9, 4, 0.0349, 0.108);
  check(30e6, 26e9, 5, 0.0064, 0.0198);
  check(220e6, 26e9, 3, 0.0956, 0.295);
  check(8e9, 15e12, 3, 0.70, 2.15);
  check(8e9, 15e12, 4, 0.128, 0.396);
  check(8e9, 15e12, 5, 0.0236, 0.073);
  check(8e9, 15e12, 6, 0.0043, 0.0134);
}

TEST_CASE("ptq_degradation: agrees with numpy to rounding") {
  for (const qfa::json& f : qfa_test::law_oracle()["forms"]) {
    CHECK(qfa::kumar_2024::ptq(f["n"], f["d"], f["bits"]) == doctest::Approx(f["delta"].get<double>()).epsilon(1e-12));
    CHECK(qfa::kumar_2024::ptq_biased(f["n"], f["d"], f["bits"]) ==
          doctest::Approx(f["delta_biased"].get<double>()).epsilon(1e-12));
  }
}

}  // namespace law_ptq_degradation_test
