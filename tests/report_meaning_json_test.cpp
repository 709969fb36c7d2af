// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/meaning_json.hpp"

#include <doctest/doctest.h>

#include "report_meaning.hpp"

namespace report_meaning_json_test {

TEST_CASE("meaning in report.json: counts by change and r, the changed features, and bounds of what is bounded") {
  const qfa::report_json out = qfa::to_json(*qfa_test::changed_condition().meaning);
  CHECK(out["current_token"]["threshold_bits"]["value"] == 0.25);
  CHECK(out["current_token"]["by_common_support_r"]["changed_high"] == 1);
  CHECK(out["current_token"]["by_common_support_r"]["unchanged_low"] == 1);
  CHECK(out["current_token"]["by_common_support_r"]["changed_low"] == 0);
  CHECK(out["previous_token"]["threshold_bits"]["value"].is_null());
  CHECK(out["floor"] == "cast:to=bf16");
  CHECK(out["current_token_beyond_floor"]["changed"] == 2);
  const auto& counts = out["current_token_beyond_floor"]["by_common_support_r"];
  CHECK(counts["unchanged_low"] == 1);
  CHECK(counts["unchanged_high"] == 2);
  CHECK(counts["changed_low"] == 3);
  CHECK(counts["changed_high"] == 4);
  CHECK(out["chosen_on"] == "even groups");
  CHECK(out["changed_on_even_groups"] == 2);
  CHECK(out["changed_on_odd_groups_too"] == 1);
  REQUIRE(out["changed"].size() == 2);
  CHECK(out["changed"][0]["divergence_bits"]["value"] == 0.75);
  CHECK(out["changed"][0]["divergence_bits_on_even_groups"] == 0.8125);
  CHECK(out["changed"][1]["divergence_bits"]["reason"] == "a side does not fire on the odd groups");
  CHECK(out["moved_on_even_groups"] == 2);
  CHECK(out["moved_on_odd_groups_too"] == 1);
  CHECK(out["moved"][0]["to"] == 0);
  CHECK(out["moved"][0]["share"]["value"] == 0.75);
  CHECK(out["moved"][0]["share_on_even_groups"] == 1.0);
  CHECK(out["moved"][0]["missed"] == 60);
  CHECK(out["moved"][1]["share"]["value"].is_null());
  const auto& changed = out["changed"][0];
  CHECK(changed["feature"] == 0);
  CHECK(changed["moved_to"] == 2);
  CHECK(changed["reference_tokens"].dump() == "[[4,0.75],[1,0.25]]");
  CHECK(changed["born_instead"][0]["tokens_at_most"] == 9);
  CHECK(changed["born_instead"][0]["tokens_at_least"] == 7);
  CHECK(out["families"]["icc_without_families_of_one"]["value"].is_null());
}

}  // namespace report_meaning_json_test
