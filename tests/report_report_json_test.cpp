// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/report_json.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace report_report_json_test {

using namespace qfa;

TEST_CASE("report json: what is no number is null, with the reason beside it") {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  CHECK(number_or_null(0.25) == 0.25);
  CHECK(number_or_null(none).is_null());
  CHECK(number_or_null(std::numeric_limits<double>::infinity()).is_null());
  CHECK(value_or_reason(none, "nobody knows").dump() == R"({"value":null,"reason":"nobody knows"})");
  CHECK(value_or_reason(2.0, "nobody knows").dump() == R"({"value":2.0})");
}

TEST_CASE("report json: a name that is no UTF-8 costs no report") {
  CHECK(json_text({{"file", "caf\xe9.txt"}}, -1) == "{\"file\":\"caf\xef\xbf\xbd.txt\"}");
  CHECK(json_text({{"a", 1}}) == "{\n \"a\": 1\n}");
}

TEST_CASE("report json: what was said comes to a terminal as it is, without what terminals obey") {
  CHECK(text_in_quotes("caf\u00e9 \u6211") == "\"caf\u00e9 \u6211\"");
  CHECK(text_in_quotes("a\"\n\x1b[2J") == R"("a\"\n\u001b[2J")");
  CHECK(text_in_quotes("\u00a0\u009b\u007f\u0080\u009f") ==
        "\"\u00a0"
        R"(\u009b\u007f\u0080\u009f")");
  CHECK(text_in_quotes("caf\xe9") == "\"caf\ufffd\"");
  CHECK(text_in_quotes("\u00e9\u6211\u00e9", 2) == "\"\u00e9\u6211...\"");
  CHECK(text_in_quotes("\u00e9\u6211", 2) == "\"\u00e9\u6211\"");
}

}  // namespace report_report_json_test
