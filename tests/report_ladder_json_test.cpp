// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/ladder_json.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "made_up_ladder_audit.hpp"

namespace report_ladder_json_test {

using namespace qfa;

TEST_CASE("ladder json: rungs, counts, needs, curves and the ordinal model, with intervals") {
  audit_result audit = qfa_test::made_ladder_audit();
  measure_by_ladder(audit);
  const report_json j = to_json(*audit.ladder, audit);
  CHECK(j["family"] == "rtn");
  CHECK(j["rungs"].size() == 6);
  CHECK(j["rungs"][0]["policy"] == "rtn:bits=3");
  CHECK(j["rungs"][0]["bits"] == 3.0);
  CHECK(j["rungs"][5]["effective_bits_by_its_own_ladder"]["median"]["value"].get<double>() ==
        doctest::Approx(8.0).epsilon(1e-6));
  CHECK(j["features"]["counted"] == 39);
  CHECK(j["features"]["fitted"] == 39);
  CHECK(j["features"]["gone"] == 0);
  CHECK(j["bits_to_break"]["median"]["interval"]["lower"].is_number());
  CHECK(j["survival_over_bits"]["by_quartile_of"]["rarity"].size() == 4);
  CHECK(j["survival_over_bits"]["by_quartile_of"]["rarity"][0]["survive"].size() == 6);
  CHECK(j["ordinal_model"]["coefficients"].size() == 7);
  CHECK(j["ordinal_model"]["coefficients"][0]["column"] == "bits");
  CHECK(j["ordinal_model"]["coefficients"][4]["column"] == "bits x rarity");
  CHECK(j["ordinal_model"]["coefficients"][4]["coefficient"].get<double>() ==
        audit.ladder->survey.bands.model->coefficients[4]);
  // Two thresholds stand before the coefficients among the parameters.
  CHECK(j["ordinal_model"]["coefficients"][4]["standard_error"].get<double>() ==
        clustered_error(*audit.ladder->survey.bands.model, 6));
  CHECK(j["ordinal_model"]["odds_ratio_per_bit"]["lower"].get<double>() > 1.0);
  CHECK(nlohmann::json::parse(j.dump()).is_object());
}

TEST_CASE("ladder json: a condition's bits, censored ones said to be, and no model has a reason") {
  audit_result audit = qfa_test::made_ladder_audit();
  for (double& r : audit.conditions[7].by_honest.correlations.r)
    r = 1.0;
  std::ranges::fill(audit.conditions[7].by_honest.correlations.shift, 0.0f);
  measure_by_ladder(audit);
  const report_json j = to_json(*audit.conditions[7].effective);
  CHECK(j["features"] == 39);
  CHECK(j["features_at_least_highest_rung"] == 39);
  CHECK(j["median"]["value"] == 8.0);
  CHECK(j["median"]["censored"] == "at_least");
  CHECK(j["median"]["interval"].is_null());
  audit.ladder->survey.bands = {};
  audit.ladder->survey.bands.reason = "fewer than two features";
  const report_json without = to_json(*audit.ladder, audit);
  CHECK(without["ordinal_model"]["odds_ratio_per_bit"]["reason"] == "fewer than two features");
  CHECK(without["ordinal_model"]["separate_fits"]["survived"]["value"].is_null());
}

}  // namespace report_ladder_json_test
