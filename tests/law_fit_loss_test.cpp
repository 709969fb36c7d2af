// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/fit_loss.hpp"

#include <doctest/doctest.h>

#include "law_oracle.hpp"

namespace law_fit_loss_test {

TEST_CASE("fit_loss: the optimum of scipy's search over all four numbers at once") {
  const auto fit = qfa::fit_loss(qfa_test::law_rows("loss_table", "loss"));
  const qfa::json& oracle = qfa_test::law_oracle()["loss"];
  CHECK(fit.objective == doctest::Approx(oracle["objective"].get<double>()).epsilon(1e-5));
  CHECK(fit.law.alpha == doctest::Approx(oracle["alpha"].get<double>()).epsilon(1e-3));
  CHECK(fit.law.beta == fit.law.alpha);
  CHECK(fit.law.a == doctest::Approx(oracle["a"].get<double>()).epsilon(1e-2));
  CHECK(fit.law.b == doctest::Approx(oracle["b"].get<double>()).epsilon(1e-2));
  CHECK(fit.law.e == doctest::Approx(oracle["e"].get<double>()).epsilon(1e-2));
  CHECK_FALSE(fit.at_end);
}

TEST_CASE("fit_loss: a floor of next to nothing is an end, and says so") {
  for (const double floor : {1e-5, 0.05}) {
    CAPTURE(floor);
    std::vector<qfa::observation> rows;
    for (const double n : {1e4, 1e5, 1e6})
      for (const double d : {1e5, 1e6, 1e7, 1e9})
        rows.push_back({.parameters = n, .tokens = d, .value = 40.0 / std::sqrt(n) + 900.0 / std::sqrt(d) + floor});
    const auto fit = qfa::fit_loss(rows);
    CHECK(fit.law.alpha == doctest::Approx(0.5).epsilon(1e-3));
    CHECK(fit.at_end == (floor < 1e-3 * 0.07));  // the least loss is 0.07 above the floor
  }
}

TEST_CASE("fit_loss: refuses losses that no law of this form has") {
  std::vector<qfa::observation> rows = qfa_test::law_rows("loss_table", "loss");
  for (qfa::observation& row : rows)
    row.value = 1e-6 * row.tokens;  // training makes it worse
  CHECK_THROWS_WITH_AS(qfa::fit_loss(rows),
                       "the table cannot determine the law of the loss: no positive A, B and E fit at any exponent",
                       qfa::error);
}

}  // namespace law_fit_loss_test
