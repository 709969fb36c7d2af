// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/json_prediction.hpp"

#include <doctest/doctest.h>

namespace report_json_prediction_test {

using namespace qfa;

TEST_CASE("report json: a prediction that could not be made is null with its reason") {
  survival_prediction<published_prediction> p;
  p.reason = "all features survived";
  p.features = p.survived = 7;
  const report_json j = to_json(p);
  CHECK(j["auc"]["value"].is_null());
  CHECK(j["auc"]["reason"] == "all features survived");
  CHECK(j["features"] == 7);
  CHECK_FALSE(j.contains("coefficients"));
}

TEST_CASE("report json: coefficients and marginal AUCs stand under their predictors' names") {
  survival_prediction<published_prediction> p;
  p.result.emplace();
  p.result->all_rows.model.coefficients = {1.0, 2.0, 3.0, 4.0};
  p.result->marginal_auc = {0.1, 0.2, 0.3, 0.4};
  p.auc.value = 0.9;
  const report_json j = to_json(p);
  CHECK(j["coefficients"]["rarity"] == 1.0);
  CHECK(j["coefficients"]["log_concentration"] == 4.0);
  CHECK(j["marginal_auc"]["log_max"] == 0.3);

  survival_prediction<honest_prediction> h;
  h.result.emplace();
  h.result->refusal = "too few";
  h.result->marginal_auc = {0.1, 0.2, 0.3, 0.4, 0.5};
  h.result->predictor_reliability = {0.9, 0.8, 0.7, 0.6, 0.5};
  h.result->over_families.range.reason = "too small";
  h.result->families = 11;
  CHECK(to_json(h)["auc"]["reason"] == "too few");
  CHECK(to_json(h)["marginal_auc"]["log_mean_when_active"] == 0.5);
  CHECK(to_json(h)["predictor_reliability"]["log_max"] == 0.7);
  CHECK(to_json(h)["auc_over_families"]["reason"] == "too small");
  CHECK(to_json(h)["families"] == 11);
  CHECK_FALSE(to_json(h).contains("roc"));  // refused, as the AUC is
  h.result->coefficients = {1.0, 2.0, 3.0, 4.0, 5.0};
  h.result->roc.assign(roc_points, 0.75);
  CHECK(to_json(h)["coefficients"]["log_mean_when_active"] == 5.0);
  CHECK(to_json(h)["roc"]["rows"].size() == 101);
  CHECK(to_json(h)["roc"]["rows"][50].dump() == "[0.5,0.75]");
}

}  // namespace report_json_prediction_test
