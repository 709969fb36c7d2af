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
             "tau_null 0.99870; beyond numerics, by each half of the groups' own on the other half, rtn:bits=4 "
             "40.0 %"));
  CHECK(says(text, "rtn:bits=4 | matched noise x5"));
  CHECK(says(text, "policy hurts less"));
  CHECK(says(text, "undetermined"));
  CHECK(!says(text, "shared mode"));
  CHECK(says(text, "without position 0"));
  CHECK(says(text, "70.0, 0.9000"));
  CHECK(says(text, "note: something was left out"));
  c.pairs[0].order.partial.range.lower = 0.1;
  c.policies[0].contrasts[0].more_mean_r.range.lower = -0.1;
  c.self.changed_features = 3;
  text = controls_text(c);
  CHECK(says(text, "shared mode"));
  CHECK(says(text, "not told apart"));
  CHECK(says(text, "NOT the same: 3 features changed"));
}

}  // namespace report_controls_text_test
