// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/law_warnings.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace law_law_warnings_test {

TEST_CASE("law_warnings: none where nothing is amiss, one sentence for each thing that is") {
  qfa::law_evidence e;
  e.rows = 90;
  e.known = {.sizes = 5, .lengths = 4, .bits = 6, .exponents = 2.0, .with_constant = 20.0};
  e.by_bits = {{.bits = 3, .rows = 15, .mean_log = 0.2}};
  e.parameters = {{"C", {}}};
  e.parameters[0].value.range.kind = qfa::interval_kind::two_sided;
  CHECK(qfa::law_warnings(e).empty());

  e.left_out = 10;
  e.known.sizes = 3;
  e.known.exponents = 31.0;
  e.known.with_constant = 50.0;
  e.by_bits[0].mean_log = -0.7;
  e.at_end = true;
  e.parameters[0].value.range.kind = qfa::interval_kind::refused;
  e.parameters[0].value.range.reason = "why";
  e.predictions.resize(1);
  const std::vector<std::string> warnings = qfa::law_warnings(e);
  CHECK(warnings.size() == 8);
  const auto says = [&](const char* part) {
    return std::ranges::any_of(warnings, [&](const std::string& w) { return w.find(part) != std::string::npos; });
  };
  CHECK(says("10 of 100 rows"));
  CHECK(says("rests on 3 sizes"));
  CHECK(says("condition number 31"));
  CHECK(says("condition number 50 with the constant"));
  CHECK(says("at 3 bits measurements are 0.50 times the law"));
  CHECK(says("no intervals: why"));
  CHECK(says("extrapolated"));
}

}  // namespace law_law_warnings_test
