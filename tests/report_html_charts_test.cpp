// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_charts.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_charts_test {

TEST_CASE("page script, drawing: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_charts, {"linear", "logarithmic", "bent", "figure", "axes", "density"});
}
}  // namespace report_html_charts_test
