// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/controls_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "report_estimates.hpp"

namespace report_controls_text_test {

using namespace qfa;
using qfa_test::made_estimate;

namespace {

control_findings made_up() {
  control_findings c;
  c.self = {.changed_features = 0, .least_r = 1.0, .kl = 0.0, .excess_loss = 0.0};
  c.counted = 100;
  c.floors.resize(2);
  c.floors[0].what = "weights rounded";
  c.floors[0].exact = true;
  c.floors[1].what = "residual stream rounded";
  c.floors[1].tau = 0.9987;
  c.floors[1].tau_of_half = {0.9985, 0.9989};
  controlled_policy& p = c.policies.emplace_back();
  p.policy = "rtn:bits=4";
  p.survived = made_estimate(0.75, 0.7, 0.8);
  p.beyond = {made_estimate(0.2, 0.1, 0.3), made_estimate(0.4, 0.3, 0.5)};
  control_contrast& x = p.contrasts.emplace_back();
  x.control = "matched noise";
  x.seeds = 5;
  x.survived = made_estimate(0.6, 0.5, 0.7);
  x.more_mean_r = made_estimate(0.1, 0.05, 0.15);
  shared_damage& pair = c.pairs.emplace_back();
  pair.a = "rtn:bits=4";
  pair.b = "prune";
  pair.overlap.sizes = {.a = 20, .b = 30, .both = 10, .population = 100};
  pair.overlap.controls = 2;
  pair.overlap.excess = made_estimate(0.2, 0.1, 0.3);
  pair.order.partial = made_estimate(0.5, -0.1, 0.8);
  c.variants.push_back(
      {"without position 0", 99, 0.25, {{"rtn:bits=4", made_estimate(0.7, 0.6, 0.8), made_estimate(0.9, 0.8, 1.0)}}});
  c.variants[0].conditions[0].against = {98, made_estimate(0.05, 0.01, 0.09), made_estimate(0.1, 0.05, 0.15)};
  c.notes = {"something was left out"};
  return c;
}

bool says(const std::string& text, const char* what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("controls_text: claims stand beside what decides them, and no claim is made that its interval forbids") {
  control_findings c = made_up();
  std::string text = controls_text(c);
  CHECK(says(text, "every counted feature's codes the same to the bit, r = 1, KL = 0"));
  CHECK(says(text, "weights rounded: changes no code"));
  CHECK(says(text,
             "tau_null 0.99870, of the even groups of rows 0.99850 and of the odd ones 0.99890; beyond numerics, "
             "by each half's own on the other half, rtn:bits=4 40.0 [30.0, 50.0] %"));
  CHECK(says(text, "\nwithout an interval: tau_null\n"));
  CHECK(says(text, " (unmeasured)\n\n"));  // the worst 5 % on the rows that chose them
  CHECK(says(text, "rtn:bits=4 | matched noise x5"));
  CHECK(says(text, "policy hurts less"));
  CHECK(says(text, "undetermined"));
  CHECK(!says(text, "shared mode"));
  CHECK(says(text, "without position 0"));
  CHECK(says(text, "70.0 [60.0, 80.0], 0.9000 [0.8000, 1.0000]"));
  CHECK(says(text, "survival is lower so\n"));
  CHECK(says(text, "note: something was left out"));
  c.pairs[0].order.partial.range.lower = 0.1;
  c.policies[0].contrasts[0].more_mean_r.range.lower = -0.1;
  c.self.changed_features = 3;
  c.settings.seeds = 1;
  text = controls_text(c);
  CHECK(says(text, " SAE; one seed\n"));
  CHECK(says(text, "shared mode"));
  CHECK(says(text, "not told apart"));
  CHECK(says(text, "NOT the same: 3 features changed"));
  CHECK(!says(text, "at their ceiling"));
}

TEST_CASE("controls_text: a difference is shown by as many digits as its verdict stands on") {
  const auto shown = [](double value, double lower, double upper) {
    return detail::decimals_of_difference(made_estimate(value, lower, upper));
  };
  CHECK(shown(0.2, 0.1, 0.3) == 3);
  CHECK(shown(0.0, -0.1, 0.1) == 3);
  CHECK(shown(0.0004, -0.1, 0.1) == 5);
  CHECK(shown(0.2, 0.0002, 0.4) == 4);
  CHECK(shown(0.2, 0.1, -0.00006) == 4);
  CHECK(shown(1e-9, 1e-12, 1.0) == 6);
  control_findings c = made_up();
  c.pairs[0].overlap.excess = made_estimate(0.0004, 0.0001, 0.0007);
  CHECK(says(shared_damage_table(c), "+0.00040  [0.00010, 0.00070]  0.66667"));
}

TEST_CASE("controls_text: where noise fails the same features too, J at its ceiling is not called a shared mode") {
  control_findings c = made_up();
  shared_damage& pair = c.pairs[0];
  pair.overlap.sizes = {.a = 500, .b = 500, .both = 499, .population = 1000};
  pair.overlap.jaccard = made_estimate(0.9980, 0.997, 0.999);
  pair.overlap.null_jaccard = made_estimate(0.9976, 0.997, 0.998);
  pair.overlap.excess = made_estimate(0.0004, 0.0001, 0.0007);
  pair.order.partial = made_estimate(0.5, 0.2, 0.8);
  const std::string text = controls_text(c);
  CHECK(!says(text, "shared mode"));
  CHECK(says(text, "J 0.99800 and J_null 0.99760 are both at their ceiling, J_max 1.00000"));
  CHECK(says(text, "partial rho 0.500 [0.200, 0.800]: the order of damage is shared\n"));
  pair.order.partial = made_estimate(0.5, -0.2, 0.8);
  CHECK(says(controls_text(c), "the order of damage decides nothing either\n"));
  pair.order.partial = made_estimate(-0.5, -0.8, -0.2);
  CHECK(says(controls_text(c), "the order of damage is not shared\n"));
}

TEST_CASE("controls_text: pruning of another loss is said to be no control") {
  control_findings c = made_up();
  c.policies[0].matches = {{.sparsity = 0.0009, .gap = 0.0091, .within_tolerance = false}};
  c.policies[0].matches[0].reason = "all sparsities that were tried cost more than the policy, or all less";
  CHECK(says(controls_text(c),
             "random pruning of the loss of rtn:bits=4: no equal loss, and no control: all sparsities that were tried "
             "cost more than the policy, or all less; the nearest on the rows for matching, at a sparsity of 0.0009, "
             "is +0.0091 nats off\n"));
  c.policies[0].matches = {{.sparsity = 0.25, .gap = 0.001, .across = 0.5, .place = 0.5}};
  c.policies[0].matches[0].sparsity_at_equal_loss = 0.375;
  CHECK(says(controls_text(c), "at a sparsity of 0.3750, by a line through 0.2500 and 0.5000\n"));
}

TEST_CASE("controls_text: beside the claim of shared damage stands what else bears on it, and what a ceiling does") {
  control_findings c = made_up();
  shared_damage& pair = c.pairs[0];
  pair.like_survival.odds_ratio = made_estimate(3.25, 1.5, 6.0);
  pair.like_survival.null_odds_ratio = 2.75;
  pair.order.spearman = 0.9;
  pair.order.corrected = 0.95;
  pair.worst.rank_biased = made_estimate(0.625, 0.5, 0.75);
  pair.worst.worst = 5;
  pair.worst.common = 0.8;
  pair.worst.null_common = 0.4;
  for (const char* cell : {"  3.2 ", "  [1.5, 6.0] ", "  2.8 ", "  0.900 ", "  0.950 ", "  0.625 ", "  [0.500, 0.750] ",
                           "  80.0 % of 5 ", "  40.0 %\n"})
    CHECK_MESSAGE(says(agreement_table(c), cell), agreement_table(c));
  CHECK(says(controls_text(c), agreement_table(c).c_str()));
  CHECK(!says(agreement_table(c), "ceiling is"));
  pair.order.corrected = 1.0625;
  CHECK(says(agreement_table(c), "rho over its noise ceiling is 1.062, above 1 by the noise of its reliabilities"));
  pair.order.corrected = std::nan("");
  pair.like_survival.odds_ratio = {};
  pair.like_survival.odds_ratio.range.reason = "survival could be predicted under neither policy";
  CHECK(says(agreement_table(c), "rho has no noise ceiling, which needs both reliabilities above .5"));
  CHECK(says(agreement_table(c), "has no interval (survival could be predicted under neither policy)"));
}

TEST_CASE("controls_text: a fit is held against the baseline of its SAE's gate, in words") {
  control_findings c = made_up();
  controlled_prediction& p = c.policies[0].prediction;
  p.fitted.emplace();
  p.noise_auc = made_estimate(0.8, 0.7, 0.9);
  p.covariance_auc = made_estimate(0.75, 0.65, 0.85);
  p.gain = made_estimate(-0.02, -0.03, -0.01);
  CHECK(says(controls_text(c), "  0.800 [0.700, 0.900]           -  0.750 [0.650, 0.850]  "));
  CHECK(says(controls_text(c), "nu_iso  below the baseline\n"));
  p.flips_auc = made_estimate(0.9, 0.85, 0.95);
  CHECK(says(controls_text(c), "  0.900 [0.850, 0.950]  "));
  CHECK(says(controls_text(c), "nu_iso with flips  below the baseline\n"));
}

TEST_CASE("controls_text: what has no interval is named at the foot of its table") {
  const std::string text = controls_text(made_up());
  for (const char* foot : {"without an interval: J pruned, partial rho with noise, reliability\n",
                           "without an interval: base rate, AP, Brier, slope, shuffled\n", "without an interval: FVU\n",
                           "without an interval: rho, rho / ceiling, worst 5 % shared, and odds, RBO and the worst "
                           "with noise\n"})
    CHECK_MESSAGE(says(text, foot), foot);
}

TEST_CASE("controls_text: what the controls decide stands before the tables") {
  const std::string text = controls_text(made_up());
  const std::size_t words =
      text.find("- against noise of the same size in the weights: less damage under rtn:bits=4 by");
  REQUIRE(words != std::string::npos);
  CHECK(words < text.find("policy | its control"));
  CHECK(text.find("what the controls decide") < words);
}

}  // namespace report_controls_text_test
