// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/relaxed.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "qfa/sae/encode.hpp"

namespace sae_relaxed_test {

using namespace qfa;

namespace {

sae one_input(activation_kind kind) {
  sae s;
  s.activation = kind;
  s.apply_b_dec_to_input = false;
  s.d_in = 1;
  s.d_sae = 2;
  s.w_enc = {1.0f, 2.0f};
  s.w_dec = {1.0f, 1.0f};
  s.b_enc = {0.5f, -1.0f};
  s.b_dec = {0.0f};
  return s;
}

std::vector<float> codes_of(const sae& s, float x) {
  const std::vector<float> in{x};
  const sparse_codes codes = encoder<>(s)(matrix_view<const float>(in.data(), 1, 1));
  std::vector<float> out(2, 0.0f);
  for (std::size_t i = 0; i < codes[0].features.size(); ++i)
    out[codes[0].features[i]] = codes[0].values[i];
  return out;
}

}  // namespace

TEST_CASE("relaxed: thresholds and ranks are ignored, f = max(z, 0)") {
  sae jump = one_input(activation_kind::jump_relu);
  jump.threshold = {10.0f, 10.0f};
  sae top = one_input(activation_kind::top_k);
  top.k = 1;
  for (const sae* s : {&jump, &top}) {
    CHECK(has_threshold(*s));
    CHECK(codes_of(relaxed(*s), 2.0f) == std::vector<float>{2.5f, 3.0f});
    CHECK(codes_of(relaxed(*s), 0.25f) == std::vector<float>{0.75f, 0.0f});
    CHECK(!has_threshold(relaxed(*s)));
  }
}

TEST_CASE("relaxed: of a gated SAE the magnitude is left") {
  sae gated = one_input(activation_kind::gated);
  gated.r_mag = {0.0f, 1.0f};
  gated.b_mag = {0.25f, -0.5f};
  gated.b_enc = {-100.0f, -100.0f};
  const std::vector<float> codes = codes_of(relaxed(gated), 1.0f);
  CHECK(codes[0] == 1.25f);
  CHECK(codes[1] == doctest::Approx(2.0 * 2.718281828 - 0.5).epsilon(1e-6));
}

}  // namespace sae_relaxed_test
