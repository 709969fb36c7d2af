// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/locate_json.hpp"

#include <doctest/doctest.h>

#include "report_made_location.hpp"

namespace report_locate_json_test {

using namespace qfa;

TEST_CASE("locate json: the finding, how it was made, and every unit with its interval or why it has none") {
  const damage_location found = qfa_test::made_location();
  const report_json j = to_json(found, {.hook = "blocks.1.hook_resid_post", .warnings = {"beware"}});
  CHECK(j["format"] == "qfa-location-1");
  CHECK(j["made"]["hook"] == "blocks.1.hook_resid_post");
  CHECK(j["made"]["warnings"][0] == "beware");
  CHECK(j["policy"] == "rtn:bits=4");
  CHECK(j["units"] == "layers");
  CHECK(j["feature_weights"] == "uniform");
  CHECK(j["noise_limit"] == 99.0);
  CHECK(j["noise"]["sum"]["features_at_limit"] == 3);
  CHECK(j["noise"]["sum"]["features_lost"] == 1);
  CHECK(j["worst"]["name"] == "layer 1");
  CHECK(j["worst"]["share_on_odd_groups"]["interval"]["scale"] == "logit");
  CHECK(j["additivity"]["holds"] == true);
  CHECK(j["additivity"]["undefined"] == 2);
  CHECK(j["ranking"]["units"] == 3);
  CHECK(j["by_depth"]["depths"].size() == 3);
  CHECK(j["by_depth"]["depths"][0]["enters_in"] == "embedding");
  CHECK(j["by_depth"]["depths"][2]["enters_in"] == 1);
  REQUIRE(j["located"].size() == 4);
  CHECK(j["located"][1]["share"]["value"] == 0.5);
  CHECK(j["located"][1]["stored_bits"]["value"] == 4096.0);
  CHECK(j["located"][0]["stored_bits"]["value"].is_null());
  CHECK(j["located"][3]["reaches_hook"] == false);
  CHECK(j["located"][3]["share"]["interval"].is_null());
  CHECK(j["located"][0]["isolated_kl"]["value"] == 0.25);
  damage_location without = found;
  without.depths.reset();
  CHECK(to_json(without, {})["by_depth"].is_null());
}

}  // namespace report_locate_json_test
