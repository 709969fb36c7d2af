// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/numerics_floor.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "controls_made_up.hpp"

namespace controls_numerics_floor_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("numerics_floor: a model is rounded to bfloat16 once, and what is so already stays shared") {
  language_model m;
  m.tensors["a"] = share({2}, {1.0f, 1.00390625f}, 32.0);  // 1 + 2^-8 is halfway, and goes to the even 1
  m.tensors["b"] = share({2}, {0.5f, -3.0f}, 16.0);
  const language_model rounded = rounded_to_bf16(m);
  CHECK(*rounded.at("a").values == std::vector<float>{1.0f, 1.0f});
  CHECK(rounded.at("b").values == m.at("b").values);
  CHECK((*m.at("a").values)[1] == 1.00390625f);
}

TEST_CASE("numerics_floor: the residual stream is rounded behind every block up to the last") {
  const std::vector<activation_edit> edits = residual_in_bf16(2);
  REQUIRE(edits.size() == 3);
  CHECK(edits[2].at == hook_point{2, hook_kind::resid_post});
  std::vector<float> x{1.00390625f, 3.0f, 1.01171875f, 0.0f};
  edits[0].change(0, {x.data(), 2, 2});
  CHECK(x == std::vector<float>{1.0f, 3.0f, 1.015625f, 0.0f});
}

TEST_CASE("numerics_floor: tau is the 1 % quantile of r, and what lies below is beyond numerics") {
  damage_sample floor = lossy_sample(std::vector<float>(101, 0.01f), 1);
  for (std::size_t f = 0; f < 101; ++f)
    floor.r[f] = 1.0 - 0.001 * static_cast<double>(f);
  floor.even = floor.odd = floor.r;
  const numerics_floor found = floor_of("weights", floor);
  CHECK(found.tau == doctest::Approx(0.901));
  CHECK(found.least == doctest::Approx(0.9));
  CHECK(!found.exact);
  const damage_sample hurt = lossy_sample(losses(100, [](std::size_t f) { return f < 30; }), 2);
  CHECK(found.beyond(hurt).value == doctest::Approx(0.3));
  CHECK(floor_of("nothing", lossy_sample(std::vector<float>(10, 0.0f), 1)).exact);
}

TEST_CASE("numerics_floor: a threshold that half of the rows chose is applied to the other half") {
  damage_sample floor = lossy_sample(std::vector<float>(20, 0.01f), 1), s = floor;
  floor.even.assign(20, 0.9);
  floor.odd.assign(20, 0.8);
  s.even.assign(20, 0.95);
  s.odd.assign(20, 0.85);
  // 0.85 on the odd rows lies below the even rows' 0.9; no half lies below its own.
  CHECK(floor_of("weights", floor).beyond(s).value == 0.5);
}

}  // namespace controls_numerics_floor_test
