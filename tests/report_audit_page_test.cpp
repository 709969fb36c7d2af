// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/audit_page.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "html_laws.hpp"
#include "made_report.hpp"

namespace report_audit_page_test {

using namespace qfa;

namespace {

std::string page_of(const report_json& report, const std::string& features) {
  std::ostringstream out;
  write_audit_page(report, features, "features.csv", out);
  return out.str();
}

}  // namespace

TEST_CASE("audit_page: the report as it is and the features, from the same files the same bytes") {
  const report_json report = qfa_test::made_report("rtn:bits=4", 7);
  const std::string features = qfa_test::made_features({"reference", "rtn:bits=4"});
  const std::string page = page_of(report, features);
  CHECK(page == page_of(report_json::parse(report.dump(1)), features));
  CHECK(page.find("<title>qfa audit: gpt_neox, blocks.2.hook_resid_post</title>") != std::string::npos);
  CHECK(page.find("showAudit();\n})();") != std::string::npos);
  const std::size_t from = page.find("id=\"data\">") + 10;
  const report_json data = report_json::parse(page.substr(from, page.find("</script>", from) - from));
  CHECK(data["kind"] == "audit");
  CHECK(data["report"] == report);
  CHECK(data["features"]["features"] == 12);
  // What the script calls at its end stands before it, once.
  for (const char* name : {"showHead", "showSummary", "showBands", "showMasking", "showCurve", "showDamage",
                           "showOverlap", "showPrediction", "showControls", "showTensors", "showLadder", "showShift",
                           "showTokens", "showMeaning", "showSteering", "showPatching", "showFeatures", "showProtocol"})
    CHECK(qfa_test::count_of(page, std::string("function ") + name + "(") == 1);
  CHECK(qfa_test::count_of(page, "://") == qfa_test::count_of(page, "https://www.neuronpedia.org/"));
}

TEST_CASE("audit_page: rungs that nobody asked to see have no features in the page") {
  report_json report = qfa_test::made_report("p", 7);
  report["conditions"].push_back(report["conditions"][1]);
  report["conditions"][2]["policy"] = "rung";
  const std::string features = qfa_test::made_features({"reference", "p", "rung"});
  const auto shown = [&] {
    const std::string page = page_of(report, features);
    const std::size_t from = page.find("id=\"data\">") + 10;
    return report_json::parse(page.substr(from, page.find("</script>", from) - from))["features"]["conditions"].size();
  };
  CHECK(shown() == 3);
  report["conditions"][2]["ladder_only"] = true;
  CHECK(shown() == 2);
}

TEST_CASE("audit_page: hostile names stay text") {
  const std::string hostile = "</script><img src=x onerror=\"alert(1)\">,'&";
  report_json report = qfa_test::made_report(hostile, 7);
  report["protocol"]["hook"] = hostile;
  const std::string page = page_of(report, qfa_test::made_features({"reference", hostile}));
  CHECK(qfa_test::count_of(page, "<img") == 0);
  CHECK(qfa_test::count_of(page, "</script") == 2);
}

TEST_CASE("audit_page: a feature takes no more than 32 bytes and 42 for each policy") {
  const report_json report = qfa_test::made_report("p", 7);
  const auto size = [&](std::size_t features, const std::vector<std::string>& conditions) {
    return page_of(report, qfa_test::made_features(conditions, features)).size();
  };
  const std::size_t few = size(100, {"reference", "p"}), many = size(3100, {"reference", "p"});
  CHECK(many - few <= 3000 * (32 + 42));
  CHECK(size(3100, {"reference", "p", "q"}) - many <= 3100 * 42 + 3000);
}

TEST_CASE("audit_page: a report without its protocol is drawn, and a table that is none is refused") {
  const std::string features = qfa_test::made_features({"reference", "p"});
  CHECK(page_of(report_json::object(), features).find("<title>qfa audit: dumped activations, unknown hook</title>") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(page_of(qfa_test::made_report("p", 7), "x"), doctest::Contains("features.csv, line 1"), error);
}

}  // namespace report_audit_page_test
