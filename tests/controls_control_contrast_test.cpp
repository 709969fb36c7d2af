// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/control_contrast.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "controls_made_up.hpp"

namespace controls_control_contrast_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("contrast: a control that hurts more is told from the compression, by the mean of its runs") {
  const damage_sample policy = lossy_sample(losses(60, [](std::size_t f) { return f < 10; }), 1);
  const std::vector<damage_sample> runs{lossy_sample(losses(60, [](std::size_t f) { return f < 20; }), 2),
                                        lossy_sample(losses(60, [](std::size_t f) { return f < 30; }), 3)};
  const control_contrast c = contrast("noise", policy, runs);
  CHECK(c.seeds == 2);
  CHECK(c.survived.value == doctest::Approx(35.0 / 60.0));
  CHECK(c.more_survived.value == doctest::Approx(15.0 / 60.0));
  CHECK(c.more_mean_r.range.lower > 0.0);
  CHECK(c.mean_r.value + c.more_mean_r.value == doctest::Approx(mean_correlation(policy.r)));
  CHECK_THROWS_AS(contrast("none", policy, {}), error);
}

TEST_CASE("contrast: two draws of one size are not told apart") {
  const std::vector<float> loss(60, 0.5f);
  const std::vector<damage_sample> runs{lossy_sample(loss, 2)};
  const control_contrast c = contrast("noise", lossy_sample(loss, 1), runs);
  CHECK(c.more_mean_r.range.lower < 0.0);
  CHECK(c.more_mean_r.range.upper > 0.0);
}

TEST_CASE("check_selection: features chosen for what noise did to them on some rows are ordinary on others") {
  const std::vector<float> loss(100, 0.65f);  // r is about 0.9
  const selection_check alike = check_selection(lossy_sample(loss, 1), 0.9);
  CHECK(alike.worst_again.value > alike.chosen_worst + 0.005);
  CHECK(alike.worst_again.range.kind == interval_kind::two_sided);
  CHECK(alike.worst_again.range.lower > alike.chosen_worst);
  CHECK(alike.survivors_again.value < 1.0);
  const selection_check apart =
      check_selection(lossy_sample(losses(100, [](std::size_t f) { return f < 50; }), 1), 0.9);
  CHECK(apart.survivors_again.value == 1.0);
  CHECK(apart.chosen_worst < 0.7);
}

}  // namespace controls_control_contrast_test
