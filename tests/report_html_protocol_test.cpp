// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_protocol.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_protocol_test {

TEST_CASE("page script, how it was made: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_protocol, {"showProtocol", "showAudit"});
}
}  // namespace report_html_protocol_test
