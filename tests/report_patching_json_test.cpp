// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/patching_json.hpp"

#include <doctest/doctest.h>

#include "report_steering.hpp"

namespace report_patching_json_test {

TEST_CASE("patching json: what every set recovers, beside its controls") {
  const qfa::report_json out = qfa::to_json(qfa_test::made_up_patching());
  CHECK(out["tokens"] == 4096);
  CHECK(out["tokens_for_choosing"] == 8192);
  const auto& c = out["conditions"][0];
  CHECK(c["kl"]["value"] == 0.0125);
  CHECK(c["whole_activations"]["value"] == 0.75);
  CHECK(c["everything"]["value"] == 0.5);
  CHECK(c["destroyed"] == 5);
  const auto& p = c["points"][0];
  CHECK(p["set"] == "destroyed");
  CHECK(p["worst_r"]["value"] == 0.0625);
  CHECK(p["all_but_worst_r"]["value"] == 0.4375);
  CHECK(p["top_energy"]["value"] == 0.25);
  CHECK(p["random"]["value"] == 0.03125);
  CHECK(p["random_of_equal_energy"]["value"] == 0.125);
  CHECK(p["features_of_equal_energy"] == 12.0);
  CHECK(p["worst_r_over_random"]["interval"]["lower"] == 0.02);
  CHECK(p["worst_r_over_random_of_equal_energy"]["value"] == -0.0625);
}

}  // namespace report_patching_json_test
