// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/fit_feature_noise.hpp"

#include <doctest/doctest.h>

#include "law_oracle.hpp"

namespace law_fit_feature_noise_test {

TEST_CASE("fit_feature_noise: agrees with scipy, and an exact table gives its law back") {
  const auto fit = qfa::fit_feature_noise(qfa_test::law_rows("table", "nu"));
  const qfa::json& oracle = qfa_test::law_oracle()["noise"];
  CHECK(fit.objective == doctest::Approx(oracle["objective"].get<double>()).epsilon(1e-6));
  CHECK(fit.law.kappa == doctest::Approx(oracle["kappa"].get<double>()).epsilon(1e-4));
  CHECK(fit.law.gamma_d == doctest::Approx(oracle["gamma_d"].get<double>()).epsilon(1e-4));
  CHECK(fit.law.gamma_n == doctest::Approx(oracle["gamma_n"].get<double>()).epsilon(1e-4));
  CHECK_FALSE(fit.at_end);

  const qfa::feature_noise_law planted{.c = 0.9, .gamma_d = 0.2, .gamma_n = 0.25, .kappa = 0.06};
  const auto exact = qfa::fit_feature_noise(qfa_test::made_up_family(planted, 0.0, 0.0, 1));
  CHECK(exact.law.kappa == doctest::Approx(planted.kappa).epsilon(1e-3));
  CHECK(exact.law.gamma_d == doctest::Approx(planted.gamma_d).epsilon(1e-3));
  CHECK(exact.law.gamma_n == doctest::Approx(planted.gamma_n).epsilon(1e-3));
}

TEST_CASE("fit_feature_noise: gain alone puts kappa at the end of its range, and says so") {
  const qfa::feature_noise_law gain{.c = 0.9, .gamma_d = 0.2, .gamma_n = 0.25};
  const auto fit = qfa::fit_feature_noise(qfa_test::made_up_family(gain, 0.0, 0.0, 1));
  CHECK(fit.at_end);
  CHECK(fit.law.kappa < 1e-3);
}

TEST_CASE("fit_feature_noise: refuses a table of one precision") {
  std::vector<qfa::observation> rows = qfa_test::law_rows("table", "nu");
  std::erase_if(rows, [](const qfa::observation& row) { return row.bits != 4.0; });
  CHECK(rows.size() > 4);
  CHECK_THROWS_WITH_AS(qfa::fit_feature_noise(rows),
                       "the table cannot determine the law: it has 1 usable precision, expected at least 2",
                       qfa::error);
}

}  // namespace law_fit_feature_noise_test
