// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/input_frame.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "sae_made_up.hpp"

namespace sae_input_frame_test {

TEST_CASE("frame_of: none changes nothing, and the others have the moments they name") {
  const std::vector<float> x{1.0f, 2.0f, 6.0f};
  CHECK(qfa::frame_of(qfa::input_norm::none, x, 0) == qfa::input_frame{0.0f, 1.0f});
  const auto rescaled = qfa::frame_of(qfa::input_norm::constant_norm_rescale, x, 0);
  CHECK(rescaled.center == 0.0f);
  CHECK(rescaled.scale == static_cast<float>(std::sqrt(41.0 / 3.0)));
  const auto normed = qfa::frame_of(qfa::input_norm::layer_norm, x, 0);
  CHECK(normed.center == 3.0f);
  CHECK(normed.scale == static_cast<float>(std::sqrt(7.0)));  // 14 / (3 - 1)
}

TEST_CASE("enter_frame: constant_norm_rescale gives every token the norm sqrt(d)") {
  qfa::sae s;
  s.norm = qfa::input_norm::constant_norm_rescale;
  s.apply_b_dec_to_input = false;
  const auto x = qfa_test::random_floats(40, 1);
  std::vector<float> u(40);
  qfa::enter_frame(s, x, qfa::frame_of(s.norm, x, 0), u);
  double squares = 0.0;
  for (float v : u)
    squares += static_cast<double>(v) * static_cast<double>(v);
  CHECK(squares == doctest::Approx(40.0).epsilon(1e-6));
}

TEST_CASE("enter_frame: b_dec is subtracted after the norm") {
  qfa::sae s;
  s.norm = qfa::input_norm::layer_norm;
  s.b_dec = {0.5f, 0.0f, -0.5f};
  const std::vector<float> x{1.0f, 2.0f, 6.0f};
  std::vector<float> u(3);
  qfa::enter_frame(s, x, qfa::frame_of(s.norm, x, 0), u);
  const double sd = std::sqrt(7.0) + 1e-5;
  CHECK(static_cast<double>(u[0]) == doctest::Approx(-2.0 / sd - 0.5).epsilon(1e-6));
  CHECK(static_cast<double>(u[2]) == doctest::Approx(3.0 / sd + 0.5).epsilon(1e-6));
}

}  // namespace sae_input_frame_test
