// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/read_estimates.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "made_report.hpp"

namespace report_read_estimates_test {

using namespace qfa;

TEST_CASE("read_estimates: an estimate reads back, and what is missing is not a number") {
  const estimate e = estimate_of(qfa_test::made_estimate(0.5, 0.1));
  CHECK(e.value == 0.5);
  CHECK(e.range.lower == doctest::Approx(0.4));
  CHECK(e.range.kind == interval_kind::two_sided);
  const estimate none = estimate_of({{"value", nullptr}, {"interval", nullptr}});
  CHECK(std::isnan(none.value));
  CHECK(none.range.kind == interval_kind::refused);
  const interval alone = interval_of({{"interval", {{"lower", 0.25}, {"upper", nullptr}, {"kind", "at_least"}}}});
  CHECK(alone.lower == 0.25);
  CHECK(std::isnan(alone.upper));
  CHECK(alone.kind == interval_kind::at_least);
  CHECK(interval_of(nullptr).kind == interval_kind::refused);
  CHECK(std::isnan(number_of(report_json(3), "value")));
}

}  // namespace report_read_estimates_test
