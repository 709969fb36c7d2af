// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/flip_share.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace report_flip_share_test {

using namespace qfa;

TEST_CASE("flip_share: energies add up over the counted features, and nothing changed is no share") {
  condition_result c;
  CHECK(std::isnan(flip_share_of(c)));
  c.features.resize(3);
  c.features[0].flip_energy = 3.0;
  c.features[1].flip_energy = 100.0;  // not counted
  c.features[2].on_energy = 9.0;
  c.by_honest.counted = {0, 2};
  CHECK(flip_share_of(c) == 0.25);
}

}  // namespace report_flip_share_test
