// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_alignment.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_alignment_test {

TEST_CASE("page script, alignment: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_alignment, {"showAlignment"});
}
}  // namespace report_html_alignment_test
