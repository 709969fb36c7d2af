// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_feature_table.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_feature_table_test {

TEST_CASE("page script, the table: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_feature_table, {"featureTable", "showFeatures"});
}

TEST_CASE("page script, the table: an interval that is refused is unmeasured") {
  CHECK(qfa_test::count_of(qfa::html_feature_table, "'unmeasured'") >= 2);
}
}  // namespace report_html_feature_table_test
