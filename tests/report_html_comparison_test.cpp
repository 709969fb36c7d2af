// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_comparison.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_comparison_test {

TEST_CASE("page script, two audits: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_comparison, {"showComparison"});
}
}  // namespace report_html_comparison_test
