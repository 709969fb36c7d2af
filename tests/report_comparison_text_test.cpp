// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/comparison_text.hpp"

#include <doctest/doctest.h>

#include <filesystem>
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
  for (const char* said : {"\n95 % of ", "[0.8300, 0.8700]  [28.0, 32.0]", "[-2.0, 2.0]", "[0.0602, 0.0622]\n"})
    CHECK_MESSAGE(has(text, said), said);
  CHECK(has(text, "  1.000              -  unmeasured\n"));
  CHECK(has(text, "\nSpearman of r without an interval: no groups.npy beside the report\n"));
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

TEST_CASE("comparison_text: Spearman's correlation beside what it is without noise, and its interval") {
  const qfa_test::scratch here;
  const auto with_groups = [&](const std::string& side) {
    const std::filesystem::path from = std::filesystem::path(QFA_TEST_DATA) / "comparison" / side;
    report_json report = qfa_test::made_report("p", 7);
    if (side == "b") {
      report = qfa_test::made_report("other", 7);
      report["conditions"].push_back(qfa_test::made_report("p", 9, 0.01)["conditions"][1]);
    }
    const auto to = qfa_test::made_folder(here, side, report, qfa_test::slurp(from / "features.csv"));
    here.write(to / "groups.npy", qfa_test::slurp(from / "groups.npy"));
    return read_audit_folder(to);
  };
  const audit_folder a = with_groups("a"), b = with_groups("b");
  const std::string text = comparison_text(a, b, "honest"), published = comparison_text(a, b, "published");
  CHECK(has(text, "  Spearman r  without noise            95 %\n"));
  CHECK(has(text, "       59       0.670          0.711  [0.622, 0.781]\n"));
  CHECK(has(published, "       60       0.676          0.716  [0.615, 0.794]\n"));
  CHECK_FALSE(has(text, "without an interval"));
  CHECK(has(comparison_text(a, b, "honest", table_form::markdown), "| 59 | 0.670 | 0.711 | [0.622, 0.781] |\n"));
}

TEST_CASE("comparison_text: what either audit's numbers rest on") {
  const qfa_test::scratch here;
  report_json other = qfa_test::made_report("p", 9);
  other["protocol"]["analyzed_tokens"] = 8128;
  other["protocol"]["prepend_bos"] = false;
  other["protocol"]["skip_positions"] = 1;
  other["protocol"]["processing"] = "tl";
  other["protocol"].erase("warnings");
  const audit_folder a = folder(here, "a", "p", qfa_test::made_report("p", 7)), b = folder(here, "b", "p", other);
  const std::string text = comparison_text(a, b, "honest");
  const std::size_t second = text.find("\nB is ");
  REQUIRE(second != std::string::npos);
  const std::string of_a = text.substr(0, second), of_b = text.substr(second);
  for (const char* said : {"\n  model audit at blocks.2.hook_resid_post: 64 rows of 128 tokens, 8192 analyzed, 8 "
                           "groups; BOS begins every row",
                           "0 positions of each row left out; processing none, in the order compress,process\n",
                           "\n  jump_relu SAE of 12 features, FVU 0.0581 [0.0571, 0.0591], L0 8.25 [7.75, 8.75], dead "
                           "12.5 % (unmeasured); on compressed "
                           "models FVU 0.0612\n",
                           "\n  protocol honest: 12 active features, 10 counted, 2 unmeasured\n",
                           "5.2 to 7.8 groups of equal size (m_eff)", "\n  warning: mind the step"})
    CHECK_MESSAGE(has(of_a, said), said);
  for (const char* said : {"8128 analyzed", "BOS not added, 1 position of each row left out; processing tl"})
    CHECK_MESSAGE(has(of_b, said), said);
  CHECK_FALSE(has(of_b, "warning"));
  // In Markdown each stays a line of its own.
  CHECK(has(comparison_text(a, b, "honest", table_form::markdown), "compress,process  \n  jump_relu SAE"));
}

TEST_CASE("comparison_text: published numbers carry their tag and what either audit did, honest ones do not") {
  const qfa_test::scratch here;
  report_json old = qfa_test::made_report("q", 7);
  old["protocol"].erase("published");
  const audit_folder a = folder(here, "a", "p", qfa_test::made_report("p", 7)), b = folder(here, "b", "q", old);
  const std::string published = comparison_text(a, b, "published"), honest = comparison_text(a, a, "honest");
  CHECK(has(published, "\nprotocol: arXiv 2606.03002, both through"));
  CHECK(has(published,
            "\n  protocol: arXiv 2606.03002, whose numbers hang on what the paper does\n  warning: of p\n"
            "  warning: of all\nB is "));
  CHECK(has(published, "\n  protocol: arXiv 2606.03002; the report does not say what its numbers hang on"));
  CHECK(has(honest, "\nprotocol honest, both through"));
  CHECK_FALSE(has(honest, "warning: of p"));
  CHECK_FALSE(has(honest, "2606.03002"));
}

}  // namespace report_comparison_text_test
