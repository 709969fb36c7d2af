// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/overlap_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "report_estimates.hpp"

namespace report_overlap_text_test {

using namespace qfa;
using qfa_test::made_estimate;

namespace {

audit_result made_result() {
  audit_result a;
  a.headline = honest;
  damage_overlap& o = a.honest_overlaps.emplace_back();
  o.a = "one";
  o.b = "two";
  o.undefined = 7;
  o.tied_at_one_a = 1;
  o.tied_at_one_b = 2;
  o.tied_at_zero_a = 3;
  o.tied_at_zero_b = 4;
  o.gap.features = 90;
  o.gap.survived = made_estimate(-0.125, -0.25, 0.0625);
  o.gap.survived.bias_corrected = -0.1;
  o.gap.mean_r = made_estimate(0.03125, 0.015625, 0.0625);
  o.not_survived.sizes = {.a = 20, .b = 40, .both = 15, .population = 90};
  o.not_survived.jaccard = made_estimate(0.375, 0.3, 0.45);
  o.spearman = made_estimate(0.875, 0.85, 0.95);
  o.spearman.bias_corrected = 0.9375;
  o.kendall_tau_b = made_estimate(0.75, 0.7, 0.8);
  return a;
}

}  // namespace

TEST_CASE("gaps_table: each pair's difference in points and in mean r, with its sign, its bias and its interval") {
  audit_result a = made_result();
  CHECK(gaps_table(a, table_form::markdown) ==
        "| differences, paired by rows | counted by both | r > .9, points | less bias | 95 % | mean r | 95 % |\n"
        "|:--|--:|--:|--:|--:|--:|--:|\n"
        "| one less two | 90 | -12.5 | -10.0 | [-25.0, 6.2] | +0.0312 | [0.0156, 0.0625] |\n");
  a.honest_overlaps[0].gap.survived.range.kind = interval_kind::refused;
  CHECK(gaps_table(a).find("-10.0  unmeasured") != std::string::npos);
  a.headline = published;
  const std::string none = gaps_table(a);
  CHECK(std::count(none.begin(), none.end(), '\n') == 1);
}

TEST_CASE("overlaps_table: the sets that two policies lose, a line for each pair") {
  const std::string table = overlaps_table(made_result(), table_form::markdown);
  CHECK(table.find("| one \\| two | 20, 40 | 15 | 0.375 | [0.300, 0.450] |") != std::string::npos);
}

TEST_CASE("damage_ranks_table: two rank correlations, and how many features of either policy share a rank") {
  CHECK(damage_ranks_table(made_result(), table_form::markdown) ==
        "| order of damage d = 1 - r | ranked | tied at d = 1 | tied at d = 0 | Spearman d | without noise | 95 % | "
        "Kendall tau-b | 95 % |\n|:--|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        "| one \\| two | 83 | 1, 2 | 3, 4 | 0.875 | 0.938 | [0.850, 0.950] | 0.750 | [0.700, 0.800] |\n");
}

}  // namespace report_overlap_text_test
