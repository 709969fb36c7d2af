// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/critical_tokens.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "law_oracle.hpp"
#include "qfa/law/kumar_2024.hpp"

namespace law_critical_tokens_test {

TEST_CASE("critical_tokens: the printed constants give the table of the specification") {
  const auto check = [](double n, double bits, double plain, double biased) {
    CHECK(qfa::critical_tokens(qfa::kumar_2024::loss, qfa::kumar_2024::ptq, n, bits) ==
          doctest::Approx(plain).epsilon(0.015));
    CHECK(qfa::critical_tokens(qfa::kumar_2024::loss, qfa::kumar_2024::ptq_biased, n, bits) ==
          doctest::Approx(biased).epsilon(0.015));
  };
  check(30e6, 4, 8.9e10, 2.9e10);
  check(220e6, 4, 1.75e11, 5.7e10);
  check(8e9, 4, 6.0e11, 1.95e11);
  check(8e9, 5, 3.25e12, 1.06e12);
  check(8e9, 6, 1.76e13, 5.7e12);
  CHECK(qfa::critical_tokens(qfa::kumar_2024::loss, qfa::kumar_2024::ptq, 70e9, 4) ==
        doctest::Approx(1.26e12).epsilon(0.015));
  CHECK(qfa::critical_tokens(qfa::kumar_2024::loss, qfa::kumar_2024::ptq, 70e9, 5) ==
        doctest::Approx(6.8e12).epsilon(0.015));
}

TEST_CASE("critical_tokens: the loss after quantization has no slope there, and more on either side") {
  // Two exponents, so that a formula which takes one for the other shows.
  qfa::loss_law loss = qfa::kumar_2024::loss;
  loss.beta = 0.37;
  for (const double bits : {3.0, 4.0, 6.0})
    for (const double n : {3e7, 8e9}) {
      const qfa::ptq_degradation& law = qfa::kumar_2024::ptq_biased;
      const double at = qfa::critical_tokens(loss, law, n, bits);
      const auto total = [&](double d) { return loss.b * std::pow(d, -loss.beta) + law(n, d, bits); };
      const double slope = (total(at * 1.001) - total(at / 1.001)) / 0.002;  // by log D
      CHECK(std::fabs(slope) < 1e-5 * total(at));
      CHECK(total(at * 2.0) > total(at));
      CHECK(total(at / 2.0) > total(at));
    }
}

TEST_CASE("critical_tokens: where scipy finds the least loss") {
  for (const qfa::json& f : qfa_test::law_oracle()["forms"]) {
    // A search for a minimum knows its place to the root of a double's digits.
    CHECK(qfa::critical_tokens(qfa::kumar_2024::loss, qfa::kumar_2024::ptq, f["n"], f["bits"]) ==
          doctest::Approx(f["critical"].get<double>()).epsilon(1e-5));
    CHECK(qfa::critical_tokens(qfa::kumar_2024::loss, qfa::kumar_2024::ptq_biased, f["n"], f["bits"]) ==
          doctest::Approx(f["critical_biased"].get<double>()).epsilon(1e-5));
  }
}

TEST_CASE("critical_tokens: none where training costs nothing, undefined where it helps nothing") {
  qfa::ptq_degradation flat = qfa::kumar_2024::ptq;
  flat.gamma_d = 0.0;
  CHECK(std::isinf(qfa::critical_tokens(qfa::kumar_2024::loss, flat, 1e9, 4)));
  qfa::loss_law idle = qfa::kumar_2024::loss;
  idle.b = 0.0;
  CHECK(std::isnan(qfa::critical_tokens(idle, qfa::kumar_2024::ptq, 1e9, 4)));
}

}  // namespace law_critical_tokens_test
