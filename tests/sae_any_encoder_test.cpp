// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/any_encoder.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "sae_made_up.hpp"

namespace sae_any_encoder_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("any_encoder: without dispatch it is the encoder of the compiler's widest set") {
  const std::vector<float> x = random_floats(13 * 37, 1);
  const matrix_view<const float> view(x.data(), 13, 37);
  for (const activation_kind activation : all_activations) {
    const sae s = random_sae(activation, 37, 70);
    const any_encoder encode(s);
    CHECK(encode.d_in() == 37);
    CHECK(encode.width() == 70);
    CHECK(encode.runs_on() == simd::instruction_set{simd::best_arch::name(), simd::has_fma<simd::best_arch>});
    const sparse_codes codes = encode(view);
    CHECK(codes == encoder<>(s)(view));
    CHECK(codes.firings() > 13);
    const any_encoder copy = encode;
    CHECK(copy(view) == codes);
  }
}

TEST_CASE("any_encoder: takes what encoders may be asked for") {
  const std::vector<float> x = random_floats(13 * 37, 1);
  const matrix_view<const float> view(x.data(), 13, 37);
  const sae s = random_sae(activation_kind::relu, 37, 70);
  const encode_options options{.screen = screen_kind::int8, .first_feature = 20, .last_feature = 50};
  const any_encoder any(s, options);
  const encoder<> plain(s, options);
  CHECK(any(view) == plain(view));
  CHECK_FALSE(any(view) == any_encoder(s)(view));
  CHECK((any.screened().products == 0) == !simd::byte_dot<simd::best_byte_dot<simd::best_arch>>);
  plain(view);
  CHECK(any.screened().products == plain.screened().products);
  CHECK(any.screened().exact == plain.screened().exact);
}

TEST_CASE("any_encoder: decodes as decode does, each token in its frame") {
  const std::vector<float> x = random_floats(13 * 37, 1);
  const matrix_view<const float> view(x.data(), 13, 37);
  for (const input_norm norm : all_norms) {
    sae s = random_sae(activation_kind::relu, 37, 70);
    s.norm = norm;
    const any_encoder encode(s);
    const sparse_codes codes = encode(view);
    const std::vector<input_frame> frames = frames_of(s, view);
    std::vector<float> expected(x.size()), got(x.size());
    decode(s, codes, frames, matrix_view<float>(expected.data(), 13, 37));
    encode.decode(s, codes, frames, {got.data(), 13, 37});
    CHECK(got == expected);
    CHECK(got[0] != 0.0f);
  }
}

TEST_CASE("any_encoder: refuses what encoder refuses") {
  sae s = random_sae(activation_kind::relu, 6, 9);
  const std::vector<float> x(10, 1.0f);
  CHECK_THROWS_WITH_AS(any_encoder{s}(matrix_view<const float>(x.data(), 2, 5)),
                       "the activations are 5 wide, the SAE takes 6", error);
  s.b_enc.pop_back();
  CHECK_THROWS_AS(any_encoder{s}, error);
}

}  // namespace sae_any_encoder_test
