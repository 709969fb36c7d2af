// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/fit_degradation.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "law_oracle.hpp"

namespace law_fit_degradation_test {

const qfa::ptq_degradation planted{.c = 0.02, .gamma_d = 0.45, .gamma_n = 0.3, .gamma_post = 0.7};

TEST_CASE("fit_degradation: an exact table gives its law back") {
  const auto fit = qfa::fit_degradation(qfa_test::made_up_family(planted, 0.0, 0.0, 1));
  CHECK(fit.law.c == doctest::Approx(planted.c).epsilon(1e-8));
  CHECK(fit.law.gamma_d == doctest::Approx(planted.gamma_d).epsilon(1e-9));
  CHECK(fit.law.gamma_n == doctest::Approx(planted.gamma_n).epsilon(1e-9));
  CHECK(fit.law.gamma_post == doctest::Approx(planted.gamma_post).epsilon(1e-9));
  CHECK(fit.law.bias == 0.0);
}

TEST_CASE("fit_degradation: the optimum that scipy finds in the dual problem") {
  const auto fit = qfa::fit_degradation(qfa_test::law_rows("table", "delta"));
  const qfa::json& oracle = qfa_test::law_oracle()["degradation"];
  CHECK(fit.law.c == doctest::Approx(oracle["c"]["value"].get<double>()).epsilon(1e-6));
  CHECK(fit.law.gamma_d == doctest::Approx(oracle["gamma_d"]["value"].get<double>()).epsilon(1e-6));
  CHECK(fit.law.gamma_n == doctest::Approx(oracle["gamma_n"]["value"].get<double>()).epsilon(1e-6));
  CHECK(fit.law.gamma_post == doctest::Approx(oracle["gamma_post"]["value"].get<double>()).epsilon(1e-6));
  CHECK(fit.objective == doctest::Approx(qfa_test::law_oracle()["degradation_objective"].get<double>()).epsilon(1e-8));
}

TEST_CASE("fit_degradation: a tenth of the rows a hundredfold off move the exponents by less than a tenth") {
  std::vector<qfa::observation> rows = qfa_test::made_up_family(planted, 0.0, 0.02, 3);
  for (std::size_t i = 0; i < rows.size(); i += 10)
    rows[i].value *= 100.0;
  const auto fit = qfa::fit_degradation(rows);
  CHECK(fit.law.gamma_d == doctest::Approx(planted.gamma_d).epsilon(0.1));
  CHECK(fit.law.gamma_n == doctest::Approx(planted.gamma_n).epsilon(0.1));
  CHECK(fit.law.gamma_post == doctest::Approx(planted.gamma_post).epsilon(0.1));
}

TEST_CASE("fit_unified_degradation: no worse than where scipy's search ends, and the planted law near") {
  // Models trained in no more bits than they are quantized to end nothing, and say nothing: there the law is 0.
  std::vector<qfa::observation> rows = qfa_test::law_rows("unified_table", "delta");
  const std::size_t quantized = rows.size();
  for (const double trained : {4.0, 3.0}) {
    rows.push_back(rows.front());
    rows.back().bits = 4.0;
    rows.back().trained_bits = trained;
    rows.back().value = 1e-4;
  }
  CHECK(qfa::with_fewer_bits(rows).size() == quantized);
  const auto fit = qfa::fit_unified_degradation(rows);
  const qfa::json& oracle = qfa_test::law_oracle()["unified"];
  CHECK(fit.objective <= oracle["objective"].get<double>() * (1.0 + 1e-6));
  CHECK(fit.law.law.gamma_d == doctest::Approx(oracle["gamma_d"].get<double>()).epsilon(0.01));
  CHECK(fit.law.law.gamma_d == doctest::Approx(0.45).epsilon(0.1));
  CHECK(fit.law.law.gamma_n == doctest::Approx(0.3).epsilon(0.1));
  CHECK(fit.law.law.gamma_post == doctest::Approx(0.7).epsilon(0.05));
  CHECK(fit.law.c_w == doctest::Approx(0.6).epsilon(0.15));
  CHECK_FALSE(fit.at_end);
}

TEST_CASE("fit_unified_degradation: refuses fewer than three training precisions") {
  CHECK_THROWS_WITH_AS(
      qfa::fit_unified_degradation(qfa_test::law_rows("table", "delta")),
      "the table cannot determine the unified law: its weights were trained in 1 different precisions, "
      "expected at least 3",
      qfa::error);
}

}  // namespace law_fit_degradation_test
