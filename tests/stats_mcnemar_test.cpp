// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/mcnemar.hpp"

#include <doctest/doctest.h>

#include <cstdint>

#include "alignment_oracle.hpp"
#include "laws.hpp"

namespace stats_mcnemar_test {

using qfa_test::close;

TEST_CASE("mcnemar_exact: another program's p-values") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("mcnemar")) {
    const std::uint64_t b = qfa_test::json_count(known.at("b")), c = qfa_test::json_count(known.at("c"));
    CAPTURE(b);
    CAPTURE(c);
    const double p = qfa_test::json_number(known.at("p"));
    CHECK(qfa::mcnemar_exact(b, c) == doctest::Approx(p).epsilon(1e-11));  // of p itself, which may be 1e-9
    CHECK(qfa::mcnemar_exact(c, b) == qfa::mcnemar_exact(b, c));
  }
}

TEST_CASE("mcnemar_exact: small cases by counting") {
  CHECK(qfa::mcnemar_exact(0, 0) == 1.0);
  CHECK(qfa::mcnemar_exact(1, 0) == 1.0);         // 2 (1/2)
  CHECK(close(qfa::mcnemar_exact(0, 2), 0.5));    // 2 (1/4)
  CHECK(close(qfa::mcnemar_exact(3, 1), 0.625));  // 2 (1 + 4) / 16
  CHECK(close(qfa::mcnemar_exact(10, 0), 2.0 / 1024.0));
  CHECK(qfa::mcnemar_exact(7, 7) == 1.0);
  CHECK(qfa::mcnemar_exact(7, 6) == 1.0);
}

}  // namespace stats_mcnemar_test
