// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/comparison_page.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <string>

#include "html_laws.hpp"
#include "made_report.hpp"

namespace report_comparison_page_test {

using namespace qfa;

TEST_CASE("comparison_page: both reports, their features, and differences only of the same tokens") {
  const qfa_test::scratch here;
  const std::string features = qfa_test::made_features({"reference", "p"});
  report_json other = qfa_test::made_report("p", 9, 0.01);
  const audit_folder a = read_audit_folder(qfa_test::made_folder(here, "a", qfa_test::made_report("p", 7), features)),
                     b = read_audit_folder(qfa_test::made_folder(here, "</script><b>", other, features));
  other["protocol"]["inputs"][2]["bytes"] = 8;
  const audit_folder c = read_audit_folder(qfa_test::made_folder(here, "c", other, features));
  const auto data_of = [](const audit_folder& x, const audit_folder& y) {
    std::ostringstream out;
    write_comparison_page(x, y, out);
    const std::string page = out.str();
    CHECK(qfa_test::count_of(page, "</script") == 2);
    CHECK(page.find("showComparison();\n})();") != std::string::npos);
    const std::size_t from = page.find("id=\"data\">") + 10;
    return report_json::parse(page.substr(from, page.find("</script>", from) - from));
  };
  const report_json paired = data_of(a, b), unpaired = data_of(a, c);
  CHECK(paired["kind"] == "comparison");
  CHECK(paired["why_not_paired"] == "");
  CHECK(paired["a"]["report"] == a.report);
  CHECK(paired["b"]["features"]["features"] == 12);
  REQUIRE(paired["differences"].size() == 2);
  CHECK(paired["differences"][0]["survived"]["value"].get<double>() == doctest::Approx(0.2));
  const paired_difference first = paired_differences(a, b).front();
  CHECK(paired["differences"][0]["mean_r"]["value"].get<double>() == doctest::Approx(first.mean_r.value));
  CHECK(std::fabs(first.mean_r.value - first.survived.value) > 0.01);  // two numbers that cannot be mistaken
  CHECK(paired["differences"][0]["spearman_r"]["value"].get<double>() == doctest::Approx(1.0));
  CHECK(paired["differences"][0]["spearman_r"]["interval"].is_null());
  CHECK(paired["differences"][0]["spearman_r"]["reason"] == "no groups.npy beside the report");
  CHECK(unpaired["differences"].empty());
  CHECK(unpaired["why_not_paired"] == "the audits do not come from the same tokens");
}

}  // namespace report_comparison_page_test
