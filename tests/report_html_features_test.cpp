// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_features.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_features_test {

TEST_CASE("page script, columns and damage: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_features, {"unpack", "readFeatures", "showDamage"});
}
}  // namespace report_html_features_test
