// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/observations.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace law_observations_test {

TEST_CASE("log_observations: keeps what has a logarithm, counts what was measured and has none") {
  std::vector<qfa::observation> rows(5);
  const double values[] = {0.5, 0.0, -0.1, NAN, 2.0};
  for (std::size_t i = 0; i < 5; ++i)
    rows[i].value = values[i];
  const qfa::log_observations usable(rows);
  REQUIRE(usable.rows.size() == 2);
  CHECK(usable.rows[1].value == 2.0);
  CHECK(usable.left_out == 2);
}

TEST_CASE("distinct and without: by any field") {
  const std::vector<qfa::observation> rows{
      {.parameters = 2.0, .tokens = 1.0}, {.parameters = 1.0, .tokens = 1.0}, {.parameters = 2.0, .tokens = 3.0}};
  CHECK(qfa::distinct<double>(rows, &qfa::observation::parameters) == std::vector<double>{1.0, 2.0});
  const auto kept = qfa::without<double>(rows, &qfa::observation::parameters, 2.0);
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].parameters == 1.0);
}

}  // namespace law_observations_test
