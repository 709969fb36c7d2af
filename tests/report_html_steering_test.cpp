// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_steering.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_steering_test {

TEST_CASE("page script, steering and patching: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_steering, {"showSteering", "showPatching"});
}
}  // namespace report_html_steering_test
