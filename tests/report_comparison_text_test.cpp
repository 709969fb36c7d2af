// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/comparison_text.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "made_report.hpp"

namespace report_comparison_text_test {

using namespace qfa;

namespace {

audit_folder folder(const qfa_test::scratch& in, const std::string& name, const std::string& policy,
                    const report_json& report) {
  return read_audit_folder(
      qfa_test::made_folder(in, name, report, qfa_test::made_features({"reference", policy}, 12, 0.5)));
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("comparison_text: both sides, then differences of the same name with their interval and a word") {
  const qfa_test::scratch here;
  const audit_folder a = folder(here, "a", "p", qfa_test::made_report("p", 7)),
                     b = folder(here, "b", "p", qfa_test::made_report("p", 9, 0.01));
  const std::string text = comparison_text(a, b, "honest");
  CHECK(has(text, "both through the same jump_relu SAE of 12 features"));
  CHECK(has(text, "\nA  p"));
  CHECK(has(text, "\nB  p"));
  CHECK(has(text, "+0.40  [0.30, 0.50]"));
  CHECK(has(text, "70.0  [68.0, 72.0]"));
  CHECK(has(text, "7/3/0"));
  CHECK(has(text, "+20.00  [13.7"));
  CHECK(has(text, "more r > .9 in B"));
  CHECK(has(text, "differences are paired by rows"));
  CHECK_FALSE(has(text, "reference"));
  CHECK(has(comparison_text(a, b, "honest", table_form::markdown), "\n| A  p | 4.19 |"));
  // The other way round, and against itself.
  CHECK(has(comparison_text(b, a, "honest"), "more r > .9 in A"));
  CHECK(has(comparison_text(a, a, "honest"), "unmeasured"));
}

TEST_CASE("comparison_text: names that differ are compared each with each, other tokens not at all") {
  const qfa_test::scratch here;
  report_json other = qfa_test::made_report("q", 7, 0.01);
  const audit_folder a = folder(here, "a", "p", qfa_test::made_report("p", 7)), b = folder(here, "b", "q", other);
  const std::string text = comparison_text(a, b, "published");
  CHECK(has(text, "\nq less p"));
  CHECK(has(text, "not told apart"));
  other["protocol"]["inputs"][2]["crc32"] = "44444444";
  const std::string unpaired = comparison_text(a, folder(here, "c", "q", other), "honest");
  CHECK(has(unpaired, "no differences: the audits do not come from the same tokens"));
  CHECK_FALSE(has(unpaired, "less p"));
}

TEST_CASE("comparison_text: published numbers carry their tag and what the protocol does, honest ones do not") {
  const qfa_test::scratch here;
  const audit_folder a = folder(here, "a", "p", qfa_test::made_report("p", 7));
  const std::string published = comparison_text(a, a, "published"), honest = comparison_text(a, a, "honest");
  CHECK(has(published, "protocol: arXiv 2606.03002, both through"));
  CHECK(has(published, "warning: as that paper does, there is no BOS"));
  CHECK(has(honest, "protocol honest, both through"));
  CHECK_FALSE(has(honest, "warning"));
  CHECK_FALSE(has(honest, "2606.03002"));
}

TEST_CASE("comparison_text: an estimate reads back, and what is missing is not a number") {
  const estimate e = estimate_of(qfa_test::made_estimate(0.5, 0.1));
  CHECK(e.value == 0.5);
  CHECK(e.range.lower == doctest::Approx(0.4));
  CHECK(e.range.kind == interval_kind::two_sided);
  const estimate none = estimate_of({{"value", nullptr}, {"interval", nullptr}});
  CHECK(std::isnan(none.value));
  CHECK(none.range.kind == interval_kind::refused);
  CHECK(std::isnan(number_of(report_json(3), "value")));
}

}  // namespace report_comparison_text_test
