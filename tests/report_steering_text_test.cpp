// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/steering_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "report_steering.hpp"

namespace report_steering_text_test {

namespace {

bool says(const qfa::steering_findings& s, const std::string& what) {
  const std::string text = qfa::steering_text(s);
  CAPTURE(text);
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("steering text: the finding, the evidence for it, and what it was measured on") {
  qfa::steering_findings s = qfa_test::made_up_steering();
  CHECK(says(s, "Steering at blocks.2.hook_resid_post (relu SAE)"));
  CHECK(says(s, "decoder rows of 2 of 100 counted features"));
  CHECK(says(s, "added at 2048 tokens (64 rows' first 32), 16 groups"));
  CHECK(says(s,
             "rtn:bits=4: r PREDICTS how faithfully a feature steers: Spearman 0.62 [0.50, 0.75] over groups of rows, "
             "[0.25, 0.88] had other features been drawn (2 features at dose 1)."));
  CHECK(says(s, "random vectors of equal length held fixed: 0.38 [0.25, 0.50]."));
  CHECK(says(s,
             "Mean fidelity by band of r: 0.8750 [0.8000, 0.9000] of 1 survived, 0.6250 [0.6000, 0.7000] of 1 "
             "destroyed; those above 0.9 lead by +0.2500 [0.1250, 0.3750]."));
  CHECK(says(
      s,
      "Least faithful on the even groups of rows is feature 9 (r 0.250, unmeasured; raises token 4): fidelity 0.6250 "
      "[0.5000, 0.7500] on the odd ones."));
  CHECK(says(s,
             "refusal (length 2.5, raises token 4): gain 0.875 [0.800, 0.900], fidelity 0.7500 [0.7000, 0.8000], "
             "exchange rate 1.250 [1.200, 1.300]; at random fidelity 0.2500 "
             "[0.2000, 0.3000]."));
  CHECK(says(s, "  without an interval here: random gain, random fidelity; report.json has them\n"));
  CHECK(says(s, "no dose up to 1 does in the compressed model what theirs does in the reference: 1 at 1."));
  CHECK(qfa::steering_text(s, qfa::vocabulary({"a", "b", "c", "d", "once"})).find("raises \"once\"") !=
        std::string::npos);
  const std::string pasted = qfa::steering_text(s, {}, qfa::table_form::markdown);
  CHECK(pasted.find("Medians.  \n") != std::string::npos);
  CHECK(pasted.find("1 at 1.  \n\n|   dose | gain | 95 % |") != std::string::npos);
  CHECK(qfa::steering_text({}).empty());
}

TEST_CASE("steering text: what one of the intervals does not carry is not claimed") {
  qfa::steering_findings s = qfa_test::made_up_steering();
  s.conditions[0].over_features = qfa_test::made_estimate(0.625, -0.125, 0.875);
  CHECK(says(s, "r is NOT shown to predict how faithfully"));
  s.conditions[0].predicted_by_r = {};
  s.conditions[0].predicted_by_r.range.reason = "the value is undefined";
  CHECK(says(s, "is unmeasured: the value is undefined"));
  qfa::steered_condition bare;
  bare.policy = "no feature";
  bare.directions = s.conditions[0].directions;
  bare.predicted_by_r.range.reason = "no feature is steered with";
  s.conditions[0] = bare;
  CHECK(says(s, "no feature: whether r predicts how faithfully a feature steers is unmeasured: no feature is steered"));
  CHECK(says(s, "refusal (length 2.5, raises token 4): gain 0.875"));
  CHECK(!says(s, "random gain"));
  s.conditions.clear();
  s.notes = {"kivi has a cache"};
  CHECK(says(s, "kivi has a cache"));
}

}  // namespace report_steering_text_test
