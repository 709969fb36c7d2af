// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/survival_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace report_survival_text_test {

using namespace qfa;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

/// The cells of a line of a Markdown table, without what escapes their letters.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  for (std::size_t at = 0; at + 2 < line.size();) {
    const std::size_t end = line.find(" |", at + 2);
    cells.push_back(line.substr(at + 2, end - at - 2));
    std::erase(cells.back(), '\\');
    at = end + 1;
  }
  return cells;
}

}  // namespace

TEST_CASE("census_table: a line for each policy, whose verdicts and whose classes add up to the counted features") {
  model_audit audit = qfa_test::tiny_audit({}, qfa_test::tiny_settings(), 80);
  audit.run(rtn{.bits = 8});
  audit.run(rtn{.bits = 2});
  audit_result result = audit.result();
  const auto lines = lines_of(census_table(result, table_form::markdown));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].find("false discovery rate of 5 %") != std::string::npos);
  for (std::size_t i = 1; i < 3; ++i) {
    const auto cells = cells_of(lines[i + 1]);
    REQUIRE(cells.size() == 12);
    const auto sum = [&](std::size_t first, std::size_t last) {
      std::size_t total = 0;
      for (std::size_t c = first; c < last; ++c)
        total += std::stoul(cells[c]);
      return total;
    };
    const survey& s = result.conditions[i].by_honest;
    CHECK(cells[0] == result.conditions[i].policy);
    CHECK(s.counted.size() > 50);
    CHECK(sum(1, 4) == s.counted.size());
    CHECK(std::stoul(cells[4]) == s.bands[outcome::unmeasured]);
    CHECK(sum(5, 12) == s.counted.size());
    const auto verdicts = confirm(s);
    CHECK(std::stoul(cells[1]) ==
          static_cast<std::size_t>(std::ranges::count(verdicts, census_verdict::confirmed_survived)));
    CHECK(std::stoul(cells[2]) ==
          static_cast<std::size_t>(std::ranges::count(verdicts, census_verdict::confirmed_not)));
  }
  result.conditions[2].ladder_only = true;
  CHECK(lines_of(census_table(result)).size() == 2);
}

TEST_CASE("intervals_table: every number of the main table that stands there alone has its interval or the word") {
  model_audit audit = qfa_test::tiny_audit();
  audit.run(rtn{.bits = 4});
  const audit_result result = audit.result();
  const condition_result& c = result.conditions[1];
  const auto lines = lines_of(intervals_table(result, table_form::markdown));
  REQUIRE(lines.size() == 4);
  const auto cells = cells_of(lines[3]);
  REQUIRE(cells.size() == 8);
  CHECK(cells[1] == range_text(c.loss->mean_perplexity.range, 3));
  CHECK(cells[2] == range_text(c.loss->kl.range, 4));
  CHECK(cells[3] == range_text(c.by_honest.mean_r.range, 4));
  CHECK(cells[4] == range_text(c.by_honest.median_r.range, 4));
  CHECK(cells[5] == range_text(c.fit.fvu_range, 4));
  CHECK(cells[6] == fixed(c.fit.l0, 2));
  CHECK(cells[7] == range_text(c.fit.l0_range, 2));
  model_audit few = qfa_test::tiny_audit({}, qfa_test::tiny_settings(), 8);
  few.run(rtn{.bits = 4});
  CHECK(intervals_table(few.result()).find("unmeasured") != std::string::npos);
}

TEST_CASE("bands_table: every band with its share, the share less its bias, and its interval") {
  model_audit audit = qfa_test::tiny_audit({}, qfa_test::tiny_settings(), 80);
  audit.run(rtn{.bits = 2});
  audit_result result = audit.result();
  survey& s = result.conditions[1].by_honest;
  // Nothing of chance: bias_corrected is the share less the bias of the smoothed count.
  const countable counted(s.correlations, s.counted);
  const double bias = count_outcome(counted, {outcome::survived, s.rules.bands}).bias();
  CHECK(s.share(outcome::survived).bias_corrected == s.share(outcome::survived).value - bias);
  s.shares[1].value = 0.25;
  s.shares[1].bias_corrected = 0.2375;
  const auto lines = lines_of(bands_table(result, table_form::markdown));
  REQUIRE(lines.size() == 4);
  CHECK(cells_of(lines[0]) == std::vector<std::string>{"% of counted features", "survived", "less bias", "95 %",
                                                       "blurred", "less bias", "95 %", "destroyed", "less bias",
                                                       "95 %"});
  const auto cells = cells_of(lines[3]);
  REQUIRE(cells.size() == 10);
  for (std::size_t b = 0; b < 3; ++b) {
    CHECK(cells[1 + 3 * b] == fixed(100.0 * s.shares[b].value, 1));
    CHECK(cells[2 + 3 * b] == fixed(100.0 * s.shares[b].bias_corrected, 1));
    CHECK(cells[3 + 3 * b] == range_text(s.shares[b].range, 1, 100.0));
  }
  CHECK(cells[4] == "25.0");
  CHECK(cells[5] == "23.8");
  result.conditions[1].ladder_only = true;
  CHECK(lines_of(bands_table(result)).size() == 2);
}

TEST_CASE("weights_table: survival by what features do, with intervals, and no logits where there is no unembedding") {
  model_audit audit = qfa_test::tiny_audit();
  audit.run(rtn{.bits = 4});
  audit_result result = audit.result();
  const survey& s = result.conditions[1].by_honest;
  REQUIRE(s.logits);
  const auto cells = cells_of(lines_of(weights_table(result, table_form::markdown)).at(2));
  REQUIRE(cells.size() == 9);
  CHECK(cells[1] == fixed(100.0 * s.share(outcome::survived).value, 1));
  CHECK(cells[3] == fixed(100.0 * s.mass.value, 1));
  CHECK(cells[4] == range_text(s.mass.range, 1, 100.0));
  CHECK(cells[5] == fixed(100.0 * s.shift_energy.share.value, 1));
  CHECK(cells[7] == fixed(100.0 * s.logits->share.value, 1));
  CHECK(cells[8] == range_text(s.logits->share.range, 1, 100.0));
  result.conditions[1].by_honest.logits.reset();
  const auto none = cells_of(lines_of(weights_table(result, table_form::markdown)).at(2));
  CHECK(none[7] == "-");
  CHECK(none[8] == "unmeasured");
}

}  // namespace report_survival_text_test
