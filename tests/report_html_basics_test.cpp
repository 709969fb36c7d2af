// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_basics.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_basics_test {

TEST_CASE("page script, elements and words: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_basics,
                              {"times", "percentChange", "attempt", "h", "s", "range", "table", "begin"});
}
}  // namespace report_html_basics_test
