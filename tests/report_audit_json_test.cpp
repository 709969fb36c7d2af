// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/audit_json.hpp"

#include <doctest/doctest.h>

#include <string>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace report_audit_json_test {

using namespace qfa;

TEST_CASE("report json: the whole report of an audit, from the protocol block to the tensors") {
  model_audit audit = qfa_test::tiny_audit({.paired = true, .loss_batch_rows = 4});
  audit.run(rtn{.bits = 4});
  audit_protocol made;
  made.inputs.push_back({"model.safetensors", 12, "cbf43926"});
  made.warnings.push_back("mind the step");
  const report_json j = to_json(audit.result(made));
  CHECK(j["protocol"]["library"] == std::string("qfa ") + version);
  CHECK(j["protocol"]["rows"] == 40);
  CHECK(j["protocol"]["inputs"][0]["crc32"] == "cbf43926");
  CHECK(j["protocol"]["warnings"][0] == "mind the step");
  CHECK(j["sae"]["activation"] == "relu");
  REQUIRE(j["conditions"].size() == 2);
  const report_json& c = j["conditions"][1];
  CHECK(c["policy"] == "rtn:bits=4");
  for (const char* key : {"loss", "sae_fit", "first_position", "activation_shift", "published", "honest", "dead",
                          "born", "prediction_published", "prediction_honest", "distortion", "tensors"}) {
    CAPTURE(key);
    CHECK(c.contains(key));
  }
  CHECK(c["loss"].contains("batch_mean_loss"));
  CHECK(c["tensors"].size() == 18);  // three layers of q, k, v, o, up, down
  CHECK_FALSE(j["conditions"][0].contains("prediction_honest"));
  // Text that reads back: no NaN gets through.
  CHECK(nlohmann::json::parse(j.dump()).is_object());
}

}  // namespace report_audit_json_test
