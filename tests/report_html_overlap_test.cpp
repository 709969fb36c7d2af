// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_overlap.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_overlap_test {

TEST_CASE("page script, overlap and prediction: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_overlap, {"showOverlap", "showPrediction"});
}
}  // namespace report_html_overlap_test
