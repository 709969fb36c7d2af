// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/match_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "qfa/report/audit_json.hpp"
#include "report_estimates.hpp"

namespace report_match_text_test {

using namespace qfa;
using qfa_test::made_estimate;

namespace {

equal_loss_damage made_damage() {
  equal_loss_damage d;
  d.nearest = "prune:sparsity=0.4";
  d.across = "prune:sparsity=0.3";
  d.place = 0.25;
  d.sparsity = 0.375;
  d.counted = 200;
  d.survived = made_estimate(0.75, 0.7, 0.8);
  d.more_survived = made_estimate(0.05, 0.01, 0.09);
  d.mean_r = made_estimate(0.9, 0.88, 0.92);
  d.more_mean_r = made_estimate(-0.01, -0.02, 0.005);
  return d;
}

audit_result made_audit(const equal_loss_damage& damage) {
  audit_result out;
  out.conditions.resize(3);
  condition_result &nearest = out.conditions[1], &across = out.conditions[2];
  nearest.policy = damage.nearest;
  nearest.match = pruning_match{.matched_to = "rtn:bits=4",
                                .method = "bisection on nats",
                                .target = 2.5,
                                .reference = 2.25,
                                .reached = 2.501,
                                .sparsity = 0.4,
                                .rows = 64,
                                .trials = {}};
  nearest.at_equal_loss = damage;
  across.policy = damage.across;
  across.match = nearest.match;
  across.match->across = true;
  return out;
}

}  // namespace

TEST_CASE("matches_text: how pruning was matched, and its damage at the very loss, and the second one has no line") {
  CHECK(matches_text(made_audit(made_damage())) ==
        "prune:sparsity=0.4 was matched to rtn:bits=4 by bisection on nats: target 2.5000, reached 2.5010 on 64 rows "
        "that are not reported, where the reference has 2.2500 (intervals unmeasured)\n"
        "  at the very loss that rtn:bits=4 has on the reported rows, a sparsity of 0.3750 between the two (the other "
        "is prune:sparsity=0.3), pruning leaves 75.0 [70.0, 80.0] % of 200 features with r > .9 and a mean r of "
        "0.9000 [0.8800, 0.9200]; rtn:bits=4 leaves +5.0 [1.0, 9.0] points and -0.0100 [-0.0200, 0.0050] more\n");
  equal_loss_damage damage = made_damage();
  damage.place = 1.5;
  CHECK(matches_text(made_audit(damage)).find("0.3750 beyond both") != std::string::npos);
  damage.reason = "no line";
  CHECK(matches_text(made_audit(damage)).find("reported rows: unmeasured, no line\n") != std::string::npos);
  CHECK(matches_text({}).empty());
}

TEST_CASE("equal_loss_json: numbers with their intervals, or the reason why there are none") {
  const report_json j = to_json(made_audit(made_damage()).conditions[1])["at_equal_loss"];
  CHECK(j["sparsity"] == 0.375);
  CHECK(j["extrapolated"] == false);
  CHECK(j["survived"]["value"] == 0.75);
  CHECK(j["policy_mean_r_more_by"]["interval"]["upper"] == 0.005);
  CHECK_FALSE(j.contains("reason"));
  equal_loss_damage none;
  none.reason = "no line";
  CHECK(to_json(made_audit(none).conditions[1])["at_equal_loss"]["reason"] == "no line");
}

}  // namespace report_match_text_test
