// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/alignment_page.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "html_laws.hpp"

namespace report_alignment_page_test {

using namespace qfa;

TEST_CASE("alignment_page: the report as it is, hostile names as text, the same bytes twice") {
  const auto page_of = [](const report_json& report) {
    std::ostringstream out;
    write_alignment_page(report, out);
    return out.str();
  };
  const report_json report{{"format", "qfa-alignment-1"}, {"reference", {{"name", "</script><b>"}}}};
  const std::string page = page_of(report);
  CHECK(page == page_of(report));
  const std::size_t from = page.find("id=\"data\">") + 10;
  const report_json data = report_json::parse(page.substr(from, page.find("</script>", from) - from));
  CHECK(data["report"] == report);
  CHECK(data["kind"] == "alignment");
  CHECK(qfa_test::count_of(page, "</script") == 2);
  CHECK(page.find("showAlignment();\n})();") != std::string::npos);
  CHECK(qfa_test::count_of(page, "://") == 0);
}

}  // namespace report_alignment_page_test
