// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/control_tables.hpp"

#include <doctest/doctest.h>

#include <string>

#include "qfa/predict/least_minority.hpp"
#include "report_estimates.hpp"

namespace report_control_tables_test {

using namespace qfa;
using qfa_test::made_estimate;

namespace {

bool says(const std::string& text, const char* what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("transfers_table: an AUC with its interval, or why there is none, and nothing where all fare alike") {
  control_findings c;
  c.transfers.resize(3);
  c.transfers[0] = {.from = "a", .to = "b", .measured = made_estimate(0.9, 0.85, 0.95), .minority = 30};
  c.transfers[1] = {.from = "b", .to = "a", .measured = refused_auc(), .minority = 7};
  c.transfers[2] = {.from = "b", .to = "c", .measured = refused_auc(), .minority = 0};
  const std::string text = transfers_table(c);
  CHECK(says(text, "a | b                 30      0.900  [0.850, 0.950]       -\n"));
  CHECK(says(text, "b | a                  7          -      unmeasured       -\n"));
  CHECK(says(text, "b | a: no AUC (the smaller class has fewer than 25 features, too few for an AUC)\n"));
  CHECK(says(text, "without an interval: fitted\n"));
  CHECK(!says(text, "b | c"));
}

TEST_CASE("variants_table: what a choice leaves, with its intervals, beside the audit's") {
  control_findings c;
  c.counted = 100;
  controlled_policy& p = c.policies.emplace_back();
  p.policy = "rtn:bits=4";
  p.survived = made_estimate(0.75, 0.7, 0.8);
  p.mean_r = made_estimate(0.875, 0.85, 0.9);
  c.variants.push_back(
      {"without position 0", 99, 0.25, {{"rtn:bits=4", made_estimate(0.7, 0.6, 0.8), made_estimate(0.9, 0.8, 1.0)}}});
  CHECK(says(variants_table(c), "  100         75.0 [70.0, 80.0], 0.8750 [0.8500, 0.9000]\n"));
  CHECK(says(variants_table(c), "   99  0.250  70.0 [60.0, 80.0], 0.9000 [0.8000, 1.0000]\n"));
  CHECK(says(variants_table(c), "without an interval: FVU\n"));
}

}  // namespace report_control_tables_test
