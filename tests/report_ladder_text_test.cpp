// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/ladder_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "made_up_ladder_audit.hpp"
#include "qfa/report/features_csv.hpp"

namespace report_ladder_text_test {

using namespace qfa;

TEST_CASE("ladder_bits_text: censored values say on which side they lie") {
  CHECK(ladder_bits_text({{5.25, 5.25, {}}, censoring::none}) == "5.2 (unmeasured)");
  CHECK(ladder_bits_text({{3.0, 3.0, {}}, censoring::at_most}) == "at most 3.0");
  CHECK(ladder_bits_text({{8.0, 8.0, {.lower = 7.9, .upper = 8.0, .kind = interval_kind::at_least}},
                          censoring::at_least}) == "at least 8.0 [>= 7.9]");
}

TEST_CASE("odds_text: with an interval, or the word that there is none") {
  CHECK(odds_text({.log_odds = 0.0, .lower = 0.5, .upper = 2.0}) == "1.0 [0.5, 2.0]");
  CHECK(odds_text({.log_odds = 0.0}) == "1.0 (unmeasured)");
}

TEST_CASE("ladder_findings: a sentence for each condition that is no rung, and what features need") {
  audit_result audit = qfa_test::made_ladder_audit();
  CHECK(ladder_findings(audit).empty());
  audit.conditions[7].by_honest.correlations.r[3] = -0.5;
  measure_by_ladder(audit);
  const std::string text = ladder_findings(audit);
  CAPTURE(text);
  CHECK(text.starts_with("in bits of rtn (3, 4, 5, 6, 7, 8), by 39 of 39 counted features; log2 nu falls by 1."));
  CHECK(text.find("  gptq:bits=4 is worth 5.2 [5.") != std::string::npos);
  CHECK(text.find("] bits to the median feature and 5.2 [") != std::string::npos);
  CHECK(text.find("to the worst decile; it takes 4.12 a weight\n") != std::string::npos);
  CHECK(text.find("rtn:bits=4 is worth") == std::string::npos);
  audit.conditions[7].effective->median = {{4.5, 4.5, {}}, censoring::none};
  audit.conditions[7].effective->worst_decile = {{3.5, 3.5, {}}, censoring::none};
  CHECK(ladder_findings(audit).find(
            "is worth 4.5 (unmeasured) bits to the median feature and 3.5 (unmeasured) to the worst "
            "decile") != std::string::npos);
  CHECK(text.find("  to keep r above 0.90 the median feature needs ") != std::string::npos);
  CHECK(text.find(" a bit (unmeasured; relu, 90 % of features ") != std::string::npos);
  CHECK(text.find("a bit more multiplies the odds of the mean feature's better band by ") != std::string::npos);
}

TEST_CASE("features.csv with a ladder: laws, needs and effective bits of every feature, and censored ones say so") {
  audit_result audit = qfa_test::made_ladder_audit(5);
  audit.conditions[7].by_honest.correlations.r[3] = -0.5;
  measure_by_ladder(audit);
  std::ostringstream out;
  write_features_csv(audit, out);
  std::istringstream lines(out.str());
  std::string line, head, feature_0, feature_2, feature_3, reference;
  while (std::getline(lines, line)) {
    if (line.starts_with("policy,")) head = line;
    if (line.starts_with("gptq:bits=4,0,")) feature_0 = line;
    if (line.starts_with("gptq:bits=4,2,")) feature_2 = line;
    if (line.starts_with("gptq:bits=4,3,")) feature_3 = line;
    if (line.starts_with("reference,2,")) reference = line;
    if (!head.empty()) CHECK(std::count(line.begin(), line.end(), ',') == std::count(head.begin(), head.end(), ','));
  }
  CHECK(head.ends_with("effective_bits,effective_bits_censored,effective_bits_lower,effective_bits_upper\r"));
  CHECK(feature_0.ends_with(",,,,,,,,,,,\r"));
  CHECK(feature_2.find(",fitted,") != std::string::npos);
  std::vector<std::string> cells;
  std::istringstream row(feature_2.substr(0, feature_2.size() - 1));
  for (std::string cell; std::getline(row, cell, ',');)
    cells.push_back(cell);
  const auto from_end = [&](std::size_t i) { return std::stod(cells[cells.size() - i]); };
  CHECK(from_end(4) == doctest::Approx(5.25).epsilon(1e-6));
  CHECK(from_end(2) < 5.25);
  CHECK(from_end(1) > 5.25);
  const worth_in_bits& worth = *audit.conditions[7].effective;
  const auto place = std::ranges::find(audit.ladder->survey.features, 2U) - audit.ladder->survey.features.begin();
  CHECK(from_end(1) == doctest::Approx(worth.ranges[static_cast<std::size_t>(place)].upper));
  CHECK(feature_3.ends_with(",3,at_most,,\r"));
  CHECK(reference.ends_with(",,,,\r"));
}

}  // namespace report_ladder_text_test
