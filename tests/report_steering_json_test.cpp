// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/steering_json.hpp"

#include <doctest/doctest.h>

#include "report_steering.hpp"

namespace report_steering_json_test {

TEST_CASE("steering json: what was steered where, the verdict, the doses and every feature's curve") {
  qfa::steering_findings s = qfa_test::made_up_steering();
  const qfa::report_json out = qfa::to_json(s);
  CHECK(out["tokens"] == 2048);
  CHECK(out["doses"] == std::vector<double>{0.5, 1.0});
  const auto& c = out["conditions"][0];
  CHECK(c["r_predicts_fidelity"] == true);
  CHECK(c["spearman_r_fidelity"]["value"] == 0.625);
  CHECK(c["spearman_over_features"]["interval"]["lower"] == 0.25);
  CHECK(c["partial_spearman_given_random_fidelity"]["value"] == 0.375);
  CHECK(c["mean_fidelity"]["survived"]["features"] == 1);
  CHECK(c["mean_fidelity"]["survived"]["value"] == 0.875);
  CHECK(c["mean_fidelity"]["blurred"]["reason"] == "no steered feature has this outcome");
  CHECK(c["mean_fidelity"]["survivors_lead"]["value"] == 0.25);
  CHECK(c["least_faithful"]["feature"] == 9);
  CHECK(c["least_faithful"]["halves_of_groups"].is_null());
  CHECK(c["least_faithful"]["fidelity_on_odd_groups"]["value"] == 0.625);
  CHECK(c["doses"][1]["unreached"] == 1);
  CHECK(c["doses"][1]["exchange_rate"]["value"] == 1.125);
  CHECK(c["doses"][1]["fidelity_over_random"]["value"] == 0.5);
  CHECK(c["directions"][0]["name"] == "refusal");
  CHECK(c["directions"][0]["doses"][0]["exchange_rate"]["value"] == 1.25);
  CHECK(c["features"][1]["feature"] == 9);
  CHECK(c["features"][1]["outcome"] == "destroyed");
  CHECK(c["features"][0]["own"]["exchange_rate"] == qfa::report_json({1.1, nullptr}));
  CHECK(c["features"][0]["own"]["reference_shift"][1] == 2.0);
}

}  // namespace report_steering_json_test
