// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_accounts.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_accounts_test {

TEST_CASE("page script, shift, tokens and meaning: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_accounts, {"showShift", "showTokens", "showMeaning"});
}
}  // namespace report_html_accounts_test
