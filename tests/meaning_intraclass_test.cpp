// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/intraclass.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "meaning_oracle.hpp"

namespace meaning_intraclass_test {

TEST_CASE("intraclass_correlation: the oracle's cases, and its share of permutations by random ones") {
  std::size_t compared = 0;
  for (const auto& c : qfa_test::meaning_numbers()["a11"]["icc_cases"]) {
    CAPTURE(c.dump());
    const std::vector<double> values = qfa_test::meaning_doubles(c["values"]);
    const auto family = c["family"].get<std::vector<std::uint32_t>>();
    const double expected = qfa_test::meaning_doubles(qfa::json::array({c["icc"]})).front();
    CHECK(qfa_test::close(qfa::intraclass_correlation(values, family), expected, 1e-12));
    if (std::isnan(expected)) {
      CHECK(std::isnan(qfa::intraclass_p(values, family, 9, 1)));
      continue;
    }
    if (!c.contains("exact_p") || c["exact_p"].is_null()) continue;
    ++compared;
    const double p = c["exact_p"].get<double>();
    // Three standard errors of a share of 999, beside the one that is counted for the observed order.
    CHECK(std::fabs(qfa::intraclass_p(values, family, 999, 4) - p) <= 3.0 * std::sqrt(p * (1.0 - p) / 999.0) + 0.0015);
  }
  CHECK(compared >= 2);
}

TEST_CASE("intraclass_p: the same for the same seed, and never 0") {
  const std::vector<double> values{0.1, 0.2, 0.15, 5.0, 5.1, 5.2, 9.0, 9.1, 9.3};
  const std::vector<std::uint32_t> family{0, 0, 0, 3, 3, 3, 6, 6, 6};
  const double p = qfa::intraclass_p(values, family, 99, 1);
  CHECK(p == qfa::intraclass_p(values, family, 99, 1));
  CHECK(p >= 0.01);
  CHECK(p <= 0.04);  // one order in 280 is as good
}

}  // namespace meaning_intraclass_test
