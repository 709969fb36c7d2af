// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/damage_text.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "report_estimates.hpp"

namespace report_damage_text_test {

using namespace qfa;
using qfa_test::made_estimate;

namespace {

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
  s.relative = made_estimate(0.031, 0.029, 0.033);
  s.mean_shift_share = made_estimate(0.04, 0.03, 0.05);
  s.explained = made_estimate(0.62, 0.55, 0.68);
  s.decoded = made_estimate(0.91, 0.9, 0.93);
  s.missed = made_estimate(0.11, 0.1, 0.12);
  s.cross = made_estimate(-0.02, -0.03, -0.01);
  s.gini_firing = made_estimate(0.8, 0.75, 0.85);
  s.top_1_percent.value = 0.12;  // without an interval
  s.top_10_percent = made_estimate(0.45, 0.4, 0.5);
  s.phi.resize(512);
  s.carriers = {0, {12, 7}, 0.51, made_estimate(0.47, 0.4, 0.5)};
  CHECK(
      shift_text(c) ==
      "rtn:bits=4: activations move by 3.1 % [2.9, 3.3] of their energy, of which a bias would undo 4.0 % [3.0, 5.0]; "
      "position 0 has 12.5 % (unmeasured) of it.\n"
      "  The SAE explains 62.0 % [55.0, 68.0] of the shift: 91.0 % [90.0, 93.0] is what it decodes, 11.0 % [10.0, "
      "12.0] "
      "what it misses, and -2.0 % [-3.0, -1.0] their cross term.\n"
      "  2 of 512 features carry half of what is explained, chosen on the even groups of rows (47.0 % [40.0, 50.0] on "
      "the odd ones): 12, 7.\n"
      "  Of what the codes changed, the top 1 % of features have 12.0 % and the top 10 % 45.0 % [40.0, 50.0]; Gini "
      "0.80 [0.75, 0.85] among those that fire.\n");
  s.carriers.groups = 16;  // the others have none here
  CHECK(shift_text(c).find("chosen on the even ones of 16 shorter groups of rows (47.0 % [") != std::string::npos);
  s.carriers.features.resize(9, 3);
  CHECK(shift_text(c).find("12, 7, 3, 3, 3, 3, 3, 3 and so on.") != std::string::npos);
  s.carriers.features.clear();
  CHECK(shift_text(c).find("carry half") == std::string::npos);
}

TEST_CASE("worst_features_text: says what the rows that did not choose them make of the worst") {
  condition_result c;
  c.policy = "rtn:bits=4";
  CHECK(worst_features_text(c).empty());
  c.worst.chosen = 25;
  c.worst.chosen_mean = 0.41;
  c.worst.mean = made_estimate(0.52, 0.48, 0.56);
  c.worst.hurt = made_estimate(0.96, 0.8, 0.99);
  c.worst.listed = {{.feature = 12, .chosen_r = 0.1, .r = made_estimate(0.3, 0.2, 0.4)},
                    {.feature = 7, .chosen_r = 0.2, .r = made_estimate(0.25, 0.2, 0.3)}};
  CHECK(worst_features_text(c) ==
        "rtn:bits=4: the 25 worst features, chosen on the even groups of rows (mean r 0.410, unmeasured), have mean r "
        "0.520 "
        "[0.480, 0.560] on the odd ones, where 96.0 % [80.0, 99.0] of them have r of 0.9 or less; worst first: 12 with "
        "0.300 "
        "[0.200, 0.400], 7 with 0.250 [0.200, 0.300].\n");
  c.worst.groups = 16;
  c.by_honest.correlations.groups = 8;
  CHECK(worst_features_text(c).find(
            "chosen on the even ones of 16 shorter groups of rows (mean r 0.410, unmeasured)") != std::string::npos);
}

TEST_CASE("first_position_text: position 0 by its norm and its share of flips, and where it is left out as well") {
  audit_result a;
  CHECK(first_position_text(a).empty());
  a.made.context = 8;
  a.conditions.resize(3);
  a.conditions[0].reference = true;
  for (std::size_t i = 0; i < 3; ++i) {
    first_position& at = a.conditions[i].first;
    at.norm = at.norm_at_0 = 40.0 + static_cast<double>(i);
    at.norm_elsewhere = 5.0;
    if (i > 0) at.flip_share = 0.125 * static_cast<double>(i);
  }
  a.conditions[1].policy = "one";
  a.conditions[2].policy = "two";
  CHECK(first_position_text(a) ==
        "position 0 of each row has activations of mean length 40 on the reference and 41 to 42 on compressed models; "
        "the others 5; of firings that came or went position 0 has one 12.5 %, two 25.0 %, of tokens 12.5 % (intervals "
        "unmeasured)\n");
  a.conditions[2].ladder_only = true;
  for (condition_result& c : a.conditions) {
    c.first.position = 1;
    c.first.norm = 7.0;
  }
  CHECK(first_position_text(a) ==
        "position 0 of each row, left out of all statistics, has activations of mean length 40 on the reference and 41 "
        "on compressed models; position 1, the first analyzed one, 7; the others 5; of firings that came or went "
        "position 1 has one 12.5 %, of tokens 14.3 % (intervals unmeasured)\n");
  a.conditions.resize(1);
  CHECK(
      first_position_text(a).ends_with("on the reference; position 1, the first analyzed one, 7; the others 5 "
                                       "(intervals unmeasured)\n"));
}

TEST_CASE("tokens_text: says what KL goes with, and where it is at either end of each table") {
  condition_result c;
  c.policy = "rtn:bits=4";
  CHECK(tokens_text(c).empty());
  token_account& t = c.tokens.emplace();
  t.ranked_tokens = 250;
  t.cosine = {240, made_estimate(-0.42, -0.45, -0.39)};
  t.jaccard = {240, made_estimate(-0.3, -0.35, -0.25)};
  const estimate refused{.value = 7.0, .bias_corrected = 7.0, .range = {}};
  constexpr double infinite = std::numeric_limits<double>::infinity();
  t.tables[3] = {bucket(0.0, 0.25, refused), bucket(0.25, 0.5, made_estimate(0.0312, 0.03, 0.033)),
                 bucket(0.5, 0.75, made_estimate(9.0, 8.0, 10.0)),
                 bucket(0.95, 1.0, made_estimate(0.00211, 0.002, 0.00221))};
  t.tables[0] = {bucket(0.0, 1.0, made_estimate(0.5, 0.4, 0.6)),
                 bucket(2048.0, infinite, made_estimate(0.25, 0.2, 0.3))};
  t.tables[1] = {bucket(1.0, 2.0, made_estimate(0.5, 0.4, 0.6))};  // nothing to hold it against
  CHECK(
      tokens_text(c) ==
      "rtn:bits=4: on 250 tokens KL goes with the code's cosine by -0.42 [-0.45, -0.39] (Spearman), with the active "
      "sets' Jaccard by -0.30 [-0.35, -0.25].\n"
      "  Mean KL by the reference's top probability: 0.0312 [0.03, 0.033] in [0.25, 0.5), 0.00211 [0.002, 0.00221] in "
      "[0.95, 1].\n"
      "  Mean KL by position: 0.5 [0.4, 0.6] in [0, 1), 0.25 [0.2, 0.3] from 2048.\n");
  t.ranked_stride = 4;
  t.relative_shift = {240, made_estimate(0.5, 0.4, 0.6)};
  const std::string text = tokens_text(c);
  CHECK(text.find("250 tokens (those of one row in 4) KL") != std::string::npos);
  CHECK(text.find(", with |D|/|h| by 0.50 [0.40, 0.60].\n") != std::string::npos);
}

}  // namespace report_damage_text_test
