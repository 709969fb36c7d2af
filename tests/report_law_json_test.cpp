// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/law_json.hpp"

#include <doctest/doctest.h>

#include <string>

#include "report_made_findings.hpp"

namespace report_law_json_test {

TEST_CASE("law report: every number with its interval, what was left out, and where it extrapolates") {
  const qfa::precision_findings found = qfa_test::made_findings();
  const qfa::report_json out = qfa::to_json(found);
  CHECK(out["format"] == "qfa-law-1");
  const auto& d = out["degradation"];
  CHECK(d["rows"] == 71);
  CHECK(d["left_out"] == 1);
  CHECK(d["parameters"]["gamma_D"]["value"] == found.degradation->law.gamma_d);
  CHECK(d["parameters"]["gamma_D"]["interval"]["degrees_of_freedom"] == 11.0);
  CHECK(d["identifiability"]["sizes"] == 3);
  CHECK(d["leave_one_size_out"]["sizes"][2]["refitted"]["gamma_N"].is_number());
  CHECK(d["predictions"][0]["extrapolated"] == false);
  CHECK(d["predictions"][1]["extrapolated"] == true);
  CHECK(d["warnings"].size() == 4);
  CHECK(out["loss"]["alpha"] == found.loss->law.alpha);
  CHECK(out["loss"]["parameters"]["B"]["value"] == found.loss->law.b);
  CHECK(out["loss"]["parameters"]["alpha"]["interval"]["degrees_of_freedom"] == 11.0);
  CHECK_FALSE(out["degradation"].contains("trained_in_no_more_bits"));
  CHECK(out["critical_tokens"].size() == 18);
  CHECK(out["critical_tokens"][0]["value"] == found.critical[0].tokens.value);
  CHECK_FALSE(out.contains("feature_noise"));
  CHECK(out["missing"][0] == "feature noise: no column");
}

}  // namespace report_law_json_test
