// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_controls.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_controls_test {

TEST_CASE("page script, controls: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_controls, {"showControls"});
}
}  // namespace report_html_controls_test
