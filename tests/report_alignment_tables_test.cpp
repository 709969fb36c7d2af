// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/alignment_tables.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "planted_refusals.hpp"
#include "qfa/report/alignment_json.hpp"

namespace report_alignment_tables_test {

using namespace qfa;

namespace {

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

const alignment_result& crushed() {
  static const alignment_result found = [] {
    qfa_test::planted_refusals p = qfa_test::planted_outlier_crushes_safety();
    p.settings.bits = {5, 3};
    behavior asked = p.asked();
    return align(asked, p.text, p.settings);
  }();
  return found;
}

}  // namespace

TEST_CASE("alignment tables: a row for each condition, with what a reader must know of it") {
  const alignment_result& a = crushed();
  const std::string behavior = behavior_table(a);
  CHECK(lines_of(behavior) == 1 + 1 + 2 * a.sweep.rows.size() + 1);
  CHECK(behavior.ends_with("\nwithout an interval: PPL ratio, over-refused, net %, garbled\n"));
  CHECK(behavior.find("noise of that size") != std::string::npos);
  CHECK(behavior.find("PPL ratio") != std::string::npos);
  CHECK(lines_of(layers_table(a)) == 1 + a.layers.flips.size());
  const std::string reductions = reductions_table(a);
  for (const char* lifetime : {"by call", "by frozen_prefill", "by grouped", "by full_pass", "PCR_dir"})
    CHECK(reductions.find(lifetime) != std::string::npos);
  const std::array<std::size_t, 2>& scales = a.geometry.published().scales;
  const std::string both = " " + std::to_string(scales[0]) + " v " + std::to_string(scales[1]) + " ";
  CHECK(reductions.find(both) != std::string::npos);
  CHECK(scales[1] > 1);
  CHECK(reductions.find("of a prompt of " + std::to_string(a.geometry.scaled_tokens) + " tokens in one call") !=
        std::string::npos);
  const std::string mitigations = mitigations_table(a);
  CHECK(lines_of(mitigations) == 2 + a.verified.rows.size() + 1);
  CHECK(mitigations.ends_with("\nwithout an interval: R2, PPL ratio\n"));
  CHECK(mitigations.find("\n> groups of") != std::string::npos);
  CHECK(mitigations.find("(baseline)") != std::string::npos);
  const std::string words = diagnosis_text(a);
  CHECK(words.find("diagnosis: outlier_crushes_safety") != std::string::npos);
  CHECK(words.find("prescription: groups of channels (64 as published) on all layers") != std::string::npos);
  CHECK(words.find("verified: R1 = 1.00") != std::string::npos);
  REQUIRE(a.directions);
  const std::string directions = directions_table(*a.directions);
  CHECK(directions.find("V_conc") != std::string::npos);
  CHECK(directions.find("\nwithout an interval: all of these\n") != std::string::npos);
  CHECK(directions.find("head 0") == std::string::npos);  // heads are in the report's file
}

TEST_CASE("alignment tables: flips behind a judge whose errors are known stand beside those that he counted") {
  alignment_result a;
  a.reference.name = "reference";
  measured_cache& some = a.others.emplace_back();
  some.name = "some";
  for (int i = 0; i < 99; ++i)
    some.harmful(verdict::refused, i < 30 ? verdict::complied : verdict::refused);
  CHECK(behavior_table(a).find("corrected") == std::string::npos);
  a.settings.judge = judge_error{.sensitivity = 0.91, .specificity = 0.96};
  const std::string behavior = behavior_table(a);
  CHECK(behavior.find("95 %  corrected %") != std::string::npos);
  // (30 / 99 - 0.04) / 0.87 = 0.30233; Wilson's interval [0.22126, 0.39951] (scipy) becomes [0.20835, 0.41323].
  CHECK(behavior.find("30/99  30.3  [22.1, 40.0]         30.2  [20.8, 41.3]") != std::string::npos);
}

TEST_CASE("alignment tables: the fitted onset with its interval, open ends, and why there is none") {
  fitted_onset f{.bits = 3.456, .interval = {3.1, 4.25}};
  CHECK(fitted_onset_text(f, 0.05) == "fitted over all bits, 5 % of refusals flip at: 3.46 bits [3.10, 4.25]\n");
  f.interval.upper = std::numeric_limits<double>::infinity();
  f.extrapolated = true;
  CHECK(fitted_onset_text(f, 0.1) ==
        "fitted over all bits, 10 % of refusals flip at: 3.46 bits [3.10, open], beyond the bits of the sweep\n");
  f = {.reason = "no prompt flips"};
  CHECK(fitted_onset_text(f, 0.05).find("flip at: unknown, since no prompt flips\n") != std::string::npos);
  CHECK(diagnosis_text(crushed()).find(fitted_onset_text(crushed().sweep.fitted, 0.05)) != std::string::npos);
}

TEST_CASE("alignment tables: nothing to explain is said so") {
  alignment_result a = crushed();
  CHECK(reductions_table(a).find("  -  ") == std::string::npos);
  a.geometry.direction.counts = {};
  a.geometry.direction.estimate = estimate_reduction({.both = 0, .coarse_only = 0, .fine_only = 0, .neither = 20});
  const std::string reductions = reductions_table(a);
  const std::size_t row = reductions.find("PCR_dir");
  const std::string line = reductions.substr(row, reductions.find('\n', row) - row);
  CHECK(line.find('[') == std::string::npos);  // no interval of no value
  CHECK(line.ends_with('-'));
  a.found = {};
  CHECK(diagnosis_text(a).find("diagnosis: undetermined") != std::string::npos);
  a.found.mode = failure_mode::mixed;
  CHECK(diagnosis_text(a).find("undetermined: no mode is as likely as it must be") != std::string::npos);
}

}  // namespace report_alignment_tables_test
