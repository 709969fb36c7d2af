// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/patching_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "report_steering.hpp"

namespace report_patching_text_test {

using qfa_test::made_estimate;

namespace {

bool says(const qfa::patching_findings& p, const std::string& what) {
  const std::string text = qfa::patching_text(p);
  CAPTURE(text);
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("patching text: what comes back, of which features, and what that says of r") {
  qfa::patching_findings p = qfa_test::made_up_patching();
  CHECK(says(p,
             "100 counted features are told apart on 8192 tokens of the even groups of rows, and restored on 4096 of "
             "the odd ones, 32 groups"));
  CHECK(says(p,
             "rtn:bits=4: KL from the reference is 0.0125 nats a token [0.01, 0.015]; the reference's activations here "
             "take away 75.0 % [70.0, 80.0] of it"));
  CHECK(says(p, "its codes of every feature 50.0 % [45.0, 55.0]."));
  CHECK(says(p, "  without an interval here: all but %, random %, same energy at random %; report.json has them\n"));
  CHECK(says(p,
             "The 5 features, those that r calls destroyed, recover 6.2 % [5.0, 7.5] of it, as many at random 3.1 % "
             "[3.0, 3.2], as much energy at random (12 features) 12.5 %"));
  CHECK(says(p, "r points at features that matter to predictions: 3.1 % [2.0, 4.0] beyond as many at random."));
  CHECK(qfa::patching_text(p, qfa::table_form::markdown).find("at random.  \n\n|   restored | features |") !=
        std::string::npos);
  CHECK(qfa::patching_text({}).empty());
  p.options.seeds = 1;
  CHECK(says(p, "random sets are one draw.\n"));
  p.conditions[0].kl = made_estimate(0.0125, 0.01, 0.0125);
  p.conditions[0].kl.range.kind = qfa::interval_kind::at_least;
  CHECK(says(p, "KL from the reference is 0.0125 nats a token [>= 0.01]; the"));
  p.conditions[0].kl.range = {};
  CHECK(says(p, "KL from the reference is 0.0125 nats a token (unmeasured); the"));
}

TEST_CASE("patching text: where the worst recover no more than others, r is not what matters, or not shown to be") {
  qfa::patching_findings p = qfa_test::made_up_patching();
  p.conditions[0].points[0].worst_over_random = made_estimate(0.01, -0.01, 0.03);
  CHECK(says(
      p,
      "r is NOT shown to be functional importance: restoring the worst features is not shown to give more than any "
      "others do (1.0 % [-1.0, 3.0] beyond"));
  p.conditions[0].points[0].worst = made_estimate(0.01, -0.02, 0.04);
  CHECK(says(
      p, "r is NOT shown to be functional importance: restoring the worst features is not shown to recover anything"));
  p.conditions[0].points[0].worst_over_random = made_estimate(-0.02, -0.03, -0.01);
  CHECK(says(p, "r is NOT functional importance: restoring the worst features gives no more than any others do"));
  p.conditions[0].points[0].worst_over_random = {};
  p.conditions[0].points[0].worst_over_random.range.reason = "fewer than 8 groups of rows";
  CHECK(says(p, "Whether r is functional importance is unmeasured: fewer than 8 groups of rows."));
  p = qfa_test::made_up_patching();
  p.conditions[0].everything = made_estimate(-1.5, -2.0, -1.0);
  CHECK(says(p, "The SAE's codes do not carry what is lost"));
  CHECK(!says(p, "functional importance: "));
  p.conditions[0].everything = {};
  CHECK(says(p, "there is nothing to recover"));
  p = qfa_test::made_up_patching();
  p.conditions[0].points[0].what = "10 %";
  CHECK(says(p, "The 5 features, the worst 10 % by r, recover"));
  // Of 501 features, 5 are fewer than one in a hundred.
  p = qfa_test::made_up_patching();
  p.conditions[0].ordered = 500;
  p.conditions[0].points.push_back(p.conditions[0].points[0]);
  p.conditions[0].points[1].what = "blurred or destroyed";
  p.conditions[0].points[1].features = 40;
  CHECK(says(p, "The 5 features, those that r calls destroyed, recover"));
  p.conditions[0].ordered = 501;
  CHECK(says(p, "The 40 features, those with r of 0.9 or less, recover"));
}

}  // namespace report_patching_text_test
