// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/controls_json.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "kept_json.hpp"

namespace report_controls_json_test {

using namespace qfa;

TEST_CASE("controls_json: what has no value is null with its reason, and lists follow the findings") {
  control_findings c;
  c.floors.resize(1);
  c.floors[0].what = "weights rounded";
  c.floors[0].tau_of_half = {0.25, 0.5};
  controlled_policy& p = c.policies.emplace_back();
  p.policy = "rtn:bits=4";
  p.beyond.resize(1);
  p.refusal = "it changes activations too";
  p.matches = {{0.25, 0.001, false}, {0.25, 0.001, true, 0.5, 0.5, 0.375}};
  p.matches[1].tolerance = 0.25;
  p.matches[0].reason = "none were on the other side";
  p.prediction.reason = "one class alone";
  shared_damage& pair = c.pairs.emplace_back();
  pair.a = "a";
  pair.b = "b";
  pair.worst.worst = 5;
  pair.worst.common = 0.75;
  pair.like_survival.null_odds_ratio = std::numeric_limits<double>::infinity();
  c.transfers.emplace_back();
  c.variants.push_back(
      {"without BOS", 7, 0.5, {{.policy = "rtn:bits=4", .survived = {}, .mean_r = {}}}, variant_kind::bos});
  c.rows = 160;
  c.groups = c.groups_before = 8;
  c.group_length = check_group_length(row_groups(160, 8), 40.0);
  const report_json j = to_json(c);
  qfa_test::keep_json("qfa-report-1#controls", j);
  CHECK(j["reference_against_itself"]["holds"] == false);
  CHECK(j["reference_against_itself"]["kl"]["value"].is_null());
  CHECK(j["policies"][0]["reason"] == "it changes activations too");
  CHECK(j["policies"][0]["beyond_numerics"][0]["floor"] == "weights rounded");
  CHECK(j["policies"][0]["random_pruning"][0]["within_tolerance"] == false);
  CHECK(j["policies"][0]["random_pruning"][0]["sparsity_across"].is_null());
  CHECK(j["policies"][0]["random_pruning"][0]["sparsity_at_equal_loss"]["reason"] == "none were on the other side");
  CHECK(j["policies"][0]["random_pruning"][1]["sparsity_at_equal_loss"]["value"] == 0.375);
  CHECK(j["policies"][0]["random_pruning"][1]["place"] == 0.5);
  CHECK(j["policies"][0]["random_pruning"][1]["tolerance"] == 0.25);
  const report_json& prediction = j["policies"][0]["prediction"];
  CHECK(prediction["reason"] == "one class alone");
  CHECK(prediction["verdict"] == "no fit");
  CHECK(prediction["baseline"] == "nu_iso");
  CHECK(prediction["auc_isotropic_noise_with_flips"]["value"].is_null());
  CHECK(!prediction.contains("average_precision"));
  honest_prediction& fitted = c.policies[0].prediction.fitted.emplace();
  fitted.average_precision = 0.625;
  fitted.minority = 30;
  CHECK(to_json(c)["policies"][0]["prediction"]["average_precision"] == 0.625);
  CHECK(to_json(c)["policies"][0]["prediction"]["minority"] == 30);
  c.policies[0].prediction.flips_auc.emplace().value = 0.75;
  CHECK(to_json(c)["policies"][0]["prediction"]["baseline"] == "nu_iso with flips");
  CHECK(to_json(c)["policies"][0]["prediction"]["auc_isotropic_noise_with_flips"]["value"] == 0.75);
  CHECK(j["numerics_floors"][0]["tau_null_of_even_groups"] == 0.25);
  CHECK(j["numerics_floors"][0]["tau_null_of_odd_groups"] == 0.5);
  CHECK(j["shared_damage"][0]["jaccard_ceiling"]["value"].is_null());
  CHECK(j["shared_damage"][0]["verdict"] == "nothing failed");
  CHECK(j["shared_damage"][0]["partial_spearman_null"]["reason"] == "there is no control");
  CHECK(j["shared_damage"][0]["odds_ratio_null"]["reason"] == "no control gives a finite one");
  CHECK(j["shared_damage"][0]["worst_5_percent_shared"]["value"] == 0.75);
  CHECK(j["shared_damage"][0]["worst_5_percent"] == 5);
  CHECK(j["shared_damage"][0]["rank_biased_overlap"]["value"].is_null());
  CHECK(j["transfer"][0]["auc"]["value"].is_null());
  CHECK(j["variants"][0]["counted"] == 7);
  CHECK(j["variants"][0]["kind"] == "bos");
  CHECK(j["variants"][0]["conditions"][0]["decision"] == "undetermined");
  CHECK(j["variants"][0]["conditions"][0]["counted_by_both"] == 0);
  CHECK(j["sae_activation"] == "relu");
  CHECK(j["group_length"]["block_length"]["value"] == 40.0);
  CHECK(j["group_length"]["groups_advised"] == 2);
  CHECK(j["group_length"]["rows_long_enough"] == 1280.0);
  CHECK(j["groups_before"] == 8);
  CHECK(j["in_words"].size() == controls_in_words(c).size());
  CHECK(to_json(control_findings{})["group_length"]["rows_long_enough"].is_null());
  CHECK(to_json(control_findings{})["group_length"]["block_length"]["reason"] == "the audit's series have none");
}

}  // namespace report_controls_json_test
