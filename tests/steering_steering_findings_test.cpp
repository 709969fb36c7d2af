// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/steering_findings.hpp"

#include <doctest/doctest.h>

namespace steering_steering_findings_test {

using namespace qfa;

TEST_CASE("steered_condition: r predicts where both intervals say so") {
  const auto between = [](double lower, double upper) {
    estimate out;
    out.range.kind = interval_kind::two_sided;
    out.range.lower = lower;
    out.range.upper = upper;
    return out;
  };
  steered_condition c;
  CHECK(!c.r_predicts());
  c.predicted_by_r = between(0.2, 0.4);
  CHECK(!c.r_predicts());
  c.over_features = between(-0.1, 0.6);
  CHECK(!c.r_predicts());
  c.over_features = between(0.1, 0.5);
  CHECK(c.r_predicts());
  c.predicted_by_r = between(-0.4, -0.2);
  CHECK(!c.r_predicts());
}

}  // namespace steering_steering_findings_test
