// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_tensors.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_tensors_test {

TEST_CASE("page script, weights and bits: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_tensors, {"showTensors", "showLadder"});
}
}  // namespace report_html_tensors_test
