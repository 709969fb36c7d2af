// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/identifiability.hpp"

#include <doctest/doctest.h>

#include "law_oracle.hpp"
#include "qfa/law/kumar_2024.hpp"

namespace law_identifiability_test {

TEST_CASE("measure_identifiability: agrees with numpy") {
  const qfa::identifiability known = qfa::measure_identifiability(qfa_test::law_rows("table", "delta"));
  const qfa::json& oracle = qfa_test::law_oracle()["condition"];
  CHECK(known.exponents == doctest::Approx(oracle["exponents"].get<double>()).epsilon(1e-9));
  CHECK(known.with_constant == doctest::Approx(oracle["with_constant"].get<double>()).epsilon(1e-9));
  CHECK(known.sizes == 3);
  CHECK(known.bits == 6);
}

TEST_CASE("require_identifiable: one sentence for each way in which a table determines nothing") {
  const std::vector<qfa::observation> family = qfa_test::made_up_family(qfa::kumar_2024::ptq, 0.0, 0.0, 1);
  CHECK_NOTHROW(qfa::require_identifiable(family, 4));
  const auto refused = [&](auto change, const char* why) {
    std::vector<qfa::observation> rows = family;
    for (qfa::observation& row : rows)
      change(row);
    CHECK_THROWS_WITH_AS(qfa::require_identifiable(rows, 4), why, qfa::error);
  };
  refused([](qfa::observation& row) { row.parameters = 1e6; },
          "the table cannot determine the law: it has 1 usable size N, expected at least 2");
  refused([](qfa::observation& row) { row.tokens = 1e6; },
          "the table cannot determine the law: it has 1 usable length D, expected at least 2");
  refused([](qfa::observation& row) { row.bits = 4.0; },
          "the table cannot determine the law: it has 1 usable precision, expected at least 2");
  refused([](qfa::observation& row) { row.tokens = 20.0 * row.parameters; },
          "the table cannot determine the law: log N, log D and bits move together, so that their effects cannot be "
          "told apart");
  // Two of each are enough, where they do not move together.
  std::vector<qfa::observation> corners;
  for (const double n : {1e5, 4e5})
    for (const double d : {1e6, 9e6})
      for (const double bits : {3.0, 5.0})
        corners.push_back({.parameters = n, .tokens = d, .bits = bits, .value = 1.0});
  CHECK_NOTHROW(qfa::require_identifiable(corners, 8));
  CHECK_THROWS_AS(qfa::require_identifiable(corners, 9), qfa::error);
  CHECK_THROWS_WITH_AS(qfa::require_identifiable(std::span(family).first(3), 4),
                       "the table cannot determine the law: it has 3 usable rows, expected at least 4", qfa::error);
}

}  // namespace law_identifiability_test
