// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/damage_text.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace report_damage_text_test {

using namespace qfa;

namespace {

estimate of(double value, double lower, double upper) {
  estimate out{.value = value, .bias_corrected = value, .range = {}};
  out.range.lower = lower;
  out.range.upper = upper;
  out.range.kind = interval_kind::two_sided;
  return out;
}

token_bucket bucket(double low, double high, const estimate& kl) {
  return {.low = low, .high = high, .tokens = 9, .kl = kl, .cosine = {}, .jaccard = {}, .relative_shift = {}};
}

}  // namespace

TEST_CASE("shift_text: says what the shift is made of, and who carries it") {
  condition_result c;
  c.policy = "rtn:bits=4";
  CHECK(shift_text(c).empty());
  activation_shift& s = c.shift.emplace();
  CHECK(shift_text(c) == "rtn:bits=4: activations do not move.\n");
  c.first.shift_share = 0.125;
  s.mean.shift = 4.0;
  s.relative = of(0.031, 0.029, 0.033);
  s.mean_shift_share = of(0.04, 0.03, 0.05);
  s.explained = of(0.62, 0.55, 0.68);
  s.decoded = of(0.91, 0.9, 0.93);
  s.missed = of(0.11, 0.1, 0.12);
  s.cross = of(-0.02, -0.03, -0.01);
  s.gini_firing = of(0.8, 0.75, 0.85);
  s.top_1_percent.value = 0.12;  // without an interval
  s.top_10_percent = of(0.45, 0.4, 0.5);
  s.phi.resize(512);
  s.carriers = {{12, 7}, 0.51, of(0.47, 0.4, 0.5)};
  CHECK(
      shift_text(c) ==
      "rtn:bits=4: activations move by 3.1 % [2.9, 3.3] of their energy, of which a bias would undo 4.0 % [3.0, 5.0]; "
      "position 0 has 12.5 % of it.\n"
      "  The SAE explains 62.0 % [55.0, 68.0] of the shift: 91.0 % [90.0, 93.0] is what it decodes, 11.0 % [10.0, "
      "12.0] "
      "what it misses, and -2.0 % [-3.0, -1.0] their cross term.\n"
      "  2 of 512 features carry half of what is explained, chosen on the even groups of rows (47.0 % [40.0, 50.0] on "
      "the odd ones): 12, 7.\n"
      "  Of what the codes changed, the top 1 % of features have 12.0 % and the top 10 % 45.0 % [40.0, 50.0]; Gini "
      "0.80 [0.75, 0.85] among those that fire.\n");
  s.carriers.features.resize(9, 3);
  CHECK(shift_text(c).find("12, 7, 3, 3, 3, 3, 3, 3 and so on.") != std::string::npos);
  s.carriers.features.clear();
  CHECK(shift_text(c).find("carry half") == std::string::npos);
}

TEST_CASE("tokens_text: says what KL goes with, and where it is at either end of each table") {
  condition_result c;
  c.policy = "rtn:bits=4";
  CHECK(tokens_text(c).empty());
  token_account& t = c.tokens.emplace();
  t.ranked_tokens = 250;
  t.cosine = {240, of(-0.42, -0.45, -0.39)};
  t.jaccard = {240, of(-0.3, -0.35, -0.25)};
  const estimate refused{.value = 7.0, .bias_corrected = 7.0, .range = {}};
  constexpr double infinite = std::numeric_limits<double>::infinity();
  t.tables[3] = {bucket(0.0, 0.25, refused), bucket(0.25, 0.5, of(0.0312, 0.03, 0.033)),
                 bucket(0.5, 0.75, of(9.0, 8.0, 10.0)), bucket(0.95, 1.0, of(0.00211, 0.002, 0.00221))};
  t.tables[0] = {bucket(0.0, 1.0, of(0.5, 0.4, 0.6)), bucket(2048.0, infinite, of(0.25, 0.2, 0.3))};
  t.tables[1] = {bucket(1.0, 2.0, of(0.5, 0.4, 0.6))};  // nothing to hold it against
  CHECK(
      tokens_text(c) ==
      "rtn:bits=4: on 250 tokens KL goes with the code's cosine by -0.42 [-0.45, -0.39] (Spearman), with the active "
      "sets' Jaccard by -0.30 [-0.35, -0.25].\n"
      "  Mean KL by the reference's top probability: 0.0312 [0.03, 0.033] in [0.25, 0.5), 0.00211 [0.002, 0.00221] in "
      "[0.95, 1].\n"
      "  Mean KL by position: 0.5 [0.4, 0.6] in [0, 1), 0.25 [0.2, 0.3] from 2048.\n");
  t.ranked_stride = 4;
  t.relative_shift = {240, of(0.5, 0.4, 0.6)};
  const std::string text = tokens_text(c);
  CHECK(text.find("250 tokens (those of one row in 4) KL") != std::string::npos);
  CHECK(text.find(", with |D|/|h| by 0.50 [0.40, 0.60].\n") != std::string::npos);
}

}  // namespace report_damage_text_test
