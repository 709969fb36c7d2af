// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/control_findings.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace controls_control_findings_test {

using namespace qfa;

TEST_CASE("self_check: holds to the bit or not at all, and without losses by the codes alone") {
  const self_check good{.changed_features = 0, .least_r = 1.0, .kl = 0.0, .excess_loss = 0.0};
  CHECK(good.holds());
  self_check bad = good;
  bad.kl = 1e-300;
  CHECK(!bad.holds());
  bad = good;
  bad.excess_loss = -1e-17;
  CHECK(!bad.holds());
  bad = good;
  bad.changed_features = 1;
  CHECK(!bad.holds());
  bad = good;
  bad.least_r = 1.0 - std::numeric_limits<double>::epsilon();
  CHECK(!bad.holds());
  CHECK(self_check{.least_r = 1.0}.holds());
  CHECK(!self_check{}.holds());
}

}  // namespace controls_control_findings_test
