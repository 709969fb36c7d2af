// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/control_audit.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace controls_control_audit_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("control_audit: damage of a policy that does nothing is that of its controls, none") {
  const control_material with{.model = tiny_model(),
                              .dictionary = lossless_sae(64),
                              .rows = random_rows(40, 12, 97),
                              .matching = {},
                              .calibration = {},
                              .settings = tiny_settings(),
                              .options = {},
                              .policies = {any_policy{}},
                              .targets = {}};
  control_audit audit(with, {.seeds = 1});
  CHECK(audit.firing_rates().size() == 128);
  const control_findings found = audit.run();
  CHECK(found.self.holds());
  REQUIRE(found.policies.size() == 1);
  CHECK(found.policies[0].survivors == found.counted);
  CHECK(found.policies[0].error_energy == 0.0);
  for (const control_contrast& c : found.policies[0].contrasts) {
    CHECK(c.survived.value == 1.0);
    CHECK(c.mean_r.value == 1.0);
  }
  CHECK(!found.policies[0].prediction.reason.empty());
  CHECK(found.pairs.empty());
}

}  // namespace controls_control_audit_test
