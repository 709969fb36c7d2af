// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/control_words.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "report_estimates.hpp"

namespace report_control_words_test {

using namespace qfa;
using qfa_test::made_estimate;

namespace {

void hold(controlled_policy& p, control_kind kind, const estimate& more_mean_r) {
  control_contrast& x = p.contrasts.emplace_back();
  x.control = name(kind);
  x.more_mean_r = more_mean_r;
}

control_findings two_policies() {
  control_findings c;
  c.policies.resize(2);
  c.policies[0].policy = "rtn:bits=4";
  c.policies[1].policy = "prune";
  return c;
}

std::string said(const control_findings& c, control_kind kind) {
  for (const detail::contrast_meaning& m : detail::contrast_meanings)
    if (m.kind == kind) return detail::contrast_sentence(c, m);
  return "no such kind";
}

}  // namespace

TEST_CASE("control_words: every kind of control has a meaning, once") {
  std::vector<control_kind> kinds;
  for (const detail::contrast_meaning& m : detail::contrast_meanings)
    kinds.push_back(m.kind);
  std::ranges::sort(kinds);
  CHECK(kinds.size() == control_kind_names.size());
  CHECK(std::ranges::adjacent_find(kinds) == kinds.end());
  CHECK(detail::contrast_sentence({}, detail::contrast_meanings[0]).empty());
}

TEST_CASE("control_words: more damage, less, and what is not told apart, each with the policies that it is true of") {
  control_findings c = two_policies();
  hold(c.policies[0], control_kind::matched_noise, made_estimate(0.0373, 0.0361, 0.0384));
  hold(c.policies[1], control_kind::matched_noise, made_estimate(-0.0050, -0.0064, -0.0037));
  CHECK(said(c, control_kind::matched_noise) ==
        "against noise of the same size in the weights: less damage under rtn:bits=4 by 0.037 [0.036, 0.038]; more "
        "damage under prune by 0.0050 [0.0037, 0.0064] (more counts than the size of the errors)");
  hold(c.policies[0], control_kind::negated, made_estimate(0.01, -0.01, 0.03));
  CHECK(
      said(c, control_kind::negated) ==
      "against the same errors with their signs turned: not told apart under rtn:bits=4 (damage is even in the error, "
      "its variance, and no bias is seen)");
  hold(c.policies[1], control_kind::negated, made_estimate(-0.02, -0.03, -0.01));
  CHECK(
      said(c, control_kind::negated) ==
      "against the same errors with their signs turned: more damage under prune by 0.020 [0.010, 0.030] (a part of the "
      "damage is bias); not told apart under rtn:bits=4 (damage is even in the error, its variance, and no bias is "
      "seen)");
  // Without an interval nothing is said of it, but where both are the same to the bit.
  hold(c.policies[0], control_kind::covariant_noise, {});
  c.policies[0].contrasts.back().more_mean_r.value = 0.5;
  hold(c.policies[1], control_kind::covariant_noise, {});
  c.policies[1].contrasts.back().more_mean_r.value = 0.0;
  CHECK(
      said(c, control_kind::covariant_noise) ==
      "against noise at the hook of the same covariance: not told apart under prune (the error's directions there say "
      "it all); undetermined, without an interval, under rtn:bits=4");
}

TEST_CASE("control_words: pruning that came to no equal loss decides nothing") {
  control_findings c = two_policies();
  c.policies[0].matches = {{.sparsity = 0.01}};
  c.policies[0].matches[0].reason = "all sparsities that were tried cost more than the policy, or all less";
  CHECK(said(c, control_kind::random_pruning) ==
        "against random pruning of the same loss: no equal loss, and nothing decided, under rtn:bits=4");
  c.policies[0].matches.push_back({.sparsity = 0.02});  // another seed did
  hold(c.policies[0], control_kind::random_pruning, made_estimate(0.1, 0.05, 0.15));
  CHECK(
      said(c, control_kind::random_pruning) ==
      "against random pruning of the same loss: less damage under rtn:bits=4 by 0.100 [0.050, 0.150] (more counts than "
      "the loss)");
}

TEST_CASE("control_words: of a pair the verdict, and what decides it") {
  shared_damage s;
  s.a = "a";
  s.b = "b";
  s.overlap.sizes = {.a = 0, .b = 30, .both = 0, .population = 100};
  const auto says = [&](const char* what) {
    CHECK_MESSAGE(detail::sharing_sentence(s).find(what) != std::string::npos, detail::sharing_sentence(s));
  };
  says("a | b: nothing to share, a fails no feature");
  s.overlap.sizes.a = 20;
  says("no verdict, there is no noise");
  s.overlap.controls = 2;
  s.overlap.excess = made_estimate(0.2, 0.1, 0.3);
  s.order.partial = made_estimate(0.5, 0.1, 0.8);
  says("a shared mode");
  s.order.partial = made_estimate(0.5, -0.1, 0.8);
  says("undetermined, beyond rarity, mean and peak");
  s.overlap.excess = made_estimate(0.0, -0.1, 0.1);
  says("undetermined, neither J nor");
  s.order.partial = made_estimate(0.5, 0.1, 0.8);
  says("undetermined, J is not above");
  s.overlap.excess = made_estimate(-0.2, -0.3, -0.1);
  says("no shared mode, unrelated noise");
  s.overlap.excess = made_estimate(0.2, 0.1, 0.3);
  s.order.partial = made_estimate(-0.5, -0.8, -0.1);
  says("no shared mode, beyond rarity");
  s.overlap.sizes = {.a = 50, .b = 50, .both = 50, .population = 100};
  s.overlap.jaccard.value = s.overlap.null_jaccard.value = 1.0;
  says("no verdict, unrelated noise of the same size fails the same features");
}

TEST_CASE("control_words: a fit beside its baseline, and choices made otherwise") {
  control_findings c = two_policies();
  c.policies[0].prediction.fitted.emplace();
  c.policies[0].prediction.gain = made_estimate(0.05, 0.02, 0.08);
  CHECK(detail::prediction_sentence(c) ==
        "survival foretold from the reference: better than by nu_iso, which needs no fit, under rtn:bits=4 by 0.050 "
        "[0.020, 0.080]; no fit under prune");
  c.policies[1].prediction.fitted.emplace();
  c.policies[1].prediction.gain = made_estimate(0.01, -0.02, 0.03);
  c.policies[1].prediction.flips_auc = made_estimate(0.9, 0.8, 0.95);
  CHECK(
      detail::prediction_sentence(c).ends_with("; not told from nu_iso with flips, which needs no fit, under prune "
                                               "(survival is signal to noise, as far as these rows tell)"));
  survival_variant v{"random SAE, same firing rates", 9, 0.5, {}, variant_kind::unlearned};
  v.conditions.resize(2);
  v.conditions[0].policy = "rtn:bits=4";
  v.conditions[0].against.more_mean_r = made_estimate(0.1, 0.05, 0.15);
  v.conditions[1].policy = "prune";
  v.conditions[1].against.more_mean_r = made_estimate(0.1, -0.05, 0.15);
  CHECK(detail::variant_sentence(v) ==
        "against random SAE, same firing rates: learned features are damaged less under rtn:bits=4 by 0.100 [0.050, "
        "0.150]; a draw, damage says nothing of learned features, under prune");
  v.kind = variant_kind::positions;
  v.what = "without position 0";
  v.conditions[0].against.more_mean_r = made_estimate(-0.1, -0.15, -0.05);
  CHECK(
      detail::variant_sentence(v) ==
      "without position 0: survival is higher so under rtn:bits=4 by 0.100 [0.050, 0.150]; not told apart under prune");
  c.variants = {v};
  CHECK(controls_in_words(c).size() == 2);
}

TEST_CASE("control_words: groups that were joined, and those that are too short") {
  control_findings c;
  c.rows = 160;
  c.context = 256;
  c.groups = 8;
  c.groups_before = 40;
  CHECK(control_groups_text(c).empty());
  c.group_length = check_group_length(row_groups(160, 8), 10.0);
  CHECK(control_groups_text(c) ==
        "note: intervals of the controls leave out each of 8 groups of rows, not 40, as rows depend on each other over "
        "10.0 rows (b* of the audit's series, for as many rows as these)\n");
  c.group_length = check_group_length(row_groups(160, 8), 40.0);
  c.groups_before = 8;
  // 16 x 40 rows of 160: 640 sqrt 4.
  CHECK(
      control_groups_text(c) ==
      "warning: intervals of the controls are too narrow, and what rests on them is not sure, as rows depend on each "
      "other over 40.0 rows (b* of the audit's series, for as many rows as these): of 8 groups of rows 2 would be long "
      "enough; 8 would be on 1280 rows (--control-tokens 327680)\n");
  c.group_length = check_group_length(row_groups(20, 5), 40.0);  // of which there is no interval to be too narrow
  CHECK(control_groups_text(c).empty());
}

}  // namespace report_control_words_test
