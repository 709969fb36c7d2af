// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/audit_json.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "audit_made_up.hpp"
#include "kept_json.hpp"
#include "qfa/compress/rtn.hpp"

namespace report_audit_json_test {

using namespace qfa;

TEST_CASE("report json: the whole report of an audit, from the protocol block to the tensors") {
  model_audit audit = qfa_test::tiny_audit({.paired = true, .token_damage = true, .loss_batch_rows = 4});
  audit.run(rtn{.bits = 4});
  audit_protocol made;
  made.inputs.push_back({"model.safetensors", 12, "cbf43926"});
  made.inputs.push_back({"tokens.npy", 9, "cbf43926", "tokens"});
  made.warnings.push_back("mind the step");
  const audit_result result = audit.result(made);
  const report_json j = to_json(result);
  qfa_test::keep_json("report", j);
  CHECK(j.begin().key() == "format");
  CHECK(j["format"] == "qfa-report-1");
  CHECK(j["protocol"]["library"] == std::string("qfa ") + version);
  CHECK(j["protocol"]["rows"] == 40);
  CHECK(j["protocol"]["inputs"][0]["crc32"] == "cbf43926");
  CHECK_FALSE(j["protocol"]["inputs"][0].contains("role"));
  CHECK(j["protocol"]["inputs"][1]["role"] == "tokens");
  CHECK(j["protocol"]["warnings"][0] == "mind the step");
  CHECK(j["protocol"]["published"]["tag"] == "protocol: arXiv 2606.03002");
  CHECK(j["protocol"]["published"]["warnings"][0] == "the paper adds no BOS, and here none is added");
  CHECK(j["sae"]["activation"] == "relu");
  REQUIRE(j["conditions"].size() == 2);
  const report_json& c = j["conditions"][1];
  CHECK(c["policy"] == "rtn:bits=4");
  for (const char* key : {"loss", "sae_fit", "first_position", "shift", "tokens", "published", "honest", "dead", "born",
                          "prediction_published", "prediction_honest", "distortion", "tensors"}) {
    CAPTURE(key);
    CHECK(c.contains(key));
  }
  CHECK(c["loss"].contains("batch_mean_loss"));
  CHECK_FALSE(j["conditions"][0]["loss"].contains("by_token"));
  const report_json& spread = c["loss"]["by_token"];
  CHECK(spread["tokens"] == 40 * 11);
  CHECK(spread["percentiles"].size() == 13);
  CHECK(spread["kl"].size() == 13);
  // The mean lies among the tokens' values, and the ends are exact.
  CHECK(spread["excess_loss"][0] < c["loss"]["excess_loss"]["value"]);
  CHECK(spread["excess_loss"][12] > c["loss"]["excess_loss"]["value"]);
  CHECK(spread["kl"][12] > c["loss"]["kl"]["value"]);
  std::size_t classed = 0;
  for (const auto& [kind, count] : c["damage_classes"].items())
    classed += count.get<std::size_t>();
  CHECK(classed == c["honest"]["counted"]);
  CHECK(c["damage_classes"].size() == 7);
  for (const char* key : {"fvu_interval", "l0_interval"})
    CHECK(c["sae_fit"][key].contains("interval"));
  CHECK(c["flip_share"].contains("interval"));
  CHECK(j["conditions"][0]["flip_share"]["reason"] == "nothing changed");
  condition_result uncounted = result.conditions[0];
  uncounted.by_honest.counted.clear();
  CHECK(to_json(uncounted)["flip_share"]["reason"] == "no feature is counted");
  CHECK(c["dead_rate_at_most"]["value"].is_null());
  for (const char* key : {"mass_survival", "shift_energy_survival", "logit_survival"}) {
    CAPTURE(key);
    CHECK(c["honest"][key]["value"].is_number());
  }
  CHECK(j["conditions"][0]["honest"]["shift_energy_survival"]["value"].is_null());
  CHECK(j["conditions"][0]["honest"]["shift_energy_survival"]["reason"].is_string());
  const report_json& groups = c["honest"]["effective_groups"];
  CHECK(groups["least"].get<double>() >= honest.minimum_effective_groups);
  CHECK(groups["median"].get<double>() <= groups["most"].get<double>());
  CHECK(c["tensors"].size() == 18);  // three layers of q, k, v, o, up, down
  CHECK(j["conditions"][0]["bits_per_weight"]["value"] == 32.0);
  CHECK(c["bits_per_weight"]["value"].get<double>() > 4.0);
  CHECK(c["tensors"][0]["bits_per_weight"]["value"] == 4.5);  // a float for each row of 64
  CHECK(j["protocol"]["calibration"].is_null());
  pruning_match match;
  CHECK(detail::match_json(match)["tolerance"].is_null());
  CHECK(detail::match_json(match)["reference"].is_null());
  CHECK(detail::match_json(match)["across"] == false);
  match.tolerance = 0.25;
  CHECK(detail::match_json(match)["tolerance"] == 0.25);
  CHECK_FALSE(j["conditions"][0].contains("prediction_honest"));
  // Text that reads back: no NaN gets through.
  CHECK(nlohmann::json::parse(j.dump()).is_object());
}

TEST_CASE("report json: damage at equal loss has a reason where it has no numbers, and only there") {
  equal_loss_damage d;
  CHECK(!detail::equal_loss_json(d).contains("reason"));
  d.reason = "no pruning is near";
  CHECK(detail::equal_loss_json(d)["reason"] == "no pruning is near");
}

TEST_CASE("report json: bits that nobody knows are null with a reason, and calibration says its rows") {
  language_model model = qfa_test::tiny_model();
  for (auto& [name, tensor] : model.tensors)
    tensor.bits = std::numeric_limits<double>::quiet_NaN();
  model_audit audit(model, qfa_test::lossless_sae(64), qfa_test::random_rows(40, 12, 97), qfa_test::tiny_settings());
  audit.run(magnitude_pruner{.sparsity = 0.5});
  audit_protocol made;
  made.calibration = "rows 3 to 4";
  made.calibration_tokens = 24;
  const report_json j = to_json(audit.result(made));
  for (const report_json& bits : {j["conditions"][0]["bits_per_weight"], j["conditions"][1]["bits_per_weight"],
                                  j["conditions"][1]["tensors"][0]["bits_per_weight"]}) {
    CHECK(bits["value"].is_null());
    CHECK(bits["reason"].is_string());
  }
  CHECK(j["protocol"]["calibration"] == "rows 3 to 4");
  CHECK(j["protocol"]["calibration_tokens"] == 24);
}

}  // namespace report_audit_json_test
