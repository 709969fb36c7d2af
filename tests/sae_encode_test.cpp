// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/encode.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "sae_made_up.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace sae_encode_test {

using namespace qfa_test;
using qfa::activation_kind;
using qfa::matrix_view;

namespace {

/// The same codes; without FMA the same dense values up to rounding.
template <class Arch>
bool agree(const qfa::sparse_codes& got, const qfa::sparse_codes& expected) {
  if (qfa::simd::has_fma<Arch>) return got == expected;
  if (got.tokens() != expected.tokens() || got.width() != expected.width()) return false;
  for (std::size_t t = 0; t < got.tokens(); ++t) {
    std::vector<float> difference(got.width(), 0.0f);
    for (std::size_t i = 0; i < got[t].features.size(); ++i)
      difference[got[t].features[i]] += got[t].values[i];
    for (std::size_t i = 0; i < expected[t].features.size(); ++i)
      difference[expected[t].features[i]] -= expected[t].values[i];
    for (float d : difference)
      if (std::fabs(d) > 0.05f) return false;  // values are of the order of thousands
  }
  return true;
}

/// An SAE with one input whose products are its input: z_j = x w_j + b_j.
qfa::sae one_input(activation_kind activation, std::vector<float> w) {
  qfa::sae s;
  s.activation = activation;
  s.d_in = 1;
  s.d_sae = w.size();
  s.apply_b_dec_to_input = false;
  s.w_enc = std::move(w);
  s.w_dec.assign(s.d_sae, 1.0f);
  s.b_enc.assign(s.d_sae, 0.0f);
  s.b_dec.assign(1, 0.0f);
  return s;
}

qfa::sparse_codes encode_one(const qfa::sae& s, float x) {
  const auto codes = qfa::encoder<>(s)(matrix_view<const float>(&x, 1, 1));
  CHECK(codes == qfa::ref::encode(s, matrix_view<const float>(&x, 1, 1)));
  return codes;
}

std::vector<std::uint32_t> features_of(const qfa::sparse_codes& codes, std::size_t token = 0) {
  return {codes[token].features.begin(), codes[token].features.end()};
}

}  // namespace

TEST_CASE_TEMPLATE("encoder: equals its scalar twin for every activation, norm and shape", Arch, QFA_TEST_ARCHS) {
  struct shape {
    std::size_t tokens, d_in, d_sae;
  };
  for (activation_kind activation : all_activations)
    for (qfa::input_norm norm : all_norms)
      for (bool subtract : {false, true})
        for (const shape& size : {shape{1, 5, 3}, shape{13, 17, 70}, shape{50, 8, 129}, shape{26, 33, 32}}) {
          const std::size_t tokens = size.tokens, d_in = size.d_in, d_sae = size.d_sae;
          CAPTURE(qfa::activation_names[static_cast<std::size_t>(activation)]);
          CAPTURE(qfa::input_norm_names[static_cast<std::size_t>(norm)]);
          CAPTURE(subtract);
          CAPTURE(d_sae);
          auto s = random_sae(activation, d_in, d_sae);
          s.norm = norm;
          s.apply_b_dec_to_input = subtract;
          const auto x = random_floats(tokens * d_in, 100);
          const matrix_view<const float> view(x.data(), tokens, d_in);
          const auto codes = qfa::encoder<Arch>(s)(view);
          CHECK(codes.tokens() == tokens);
          CHECK(codes.firings() > 0);
          CHECK(agree<Arch>(codes, qfa::ref::encode(s, view)));
        }
}

TEST_CASE("encoder: gives the same bits on 1, 2, 3 and 8 threads") {
#ifdef _OPENMP
  const std::size_t tokens = 300, d_in = 24;
  const auto x = random_floats(tokens * d_in, 3);
  const int before = omp_get_max_threads();
  for (activation_kind activation : all_activations) {
    const qfa::encoder<> encode(random_sae(activation, d_in, 200));
    qfa::sparse_codes first;
    for (int threads : {1, 2, 3, 8}) {
      omp_set_num_threads(threads);
      const auto codes = encode(matrix_view<const float>(x.data(), tokens, d_in));
      if (threads == 1) first = codes;
      CHECK(codes == first);
    }
  }
  omp_set_num_threads(before);
#endif
}

TEST_CASE("encoder: no tokens have no codes, and a token may fire nothing") {
  const auto s = one_input(activation_kind::relu, {1.0f, 2.0f});
  const auto none = qfa::encoder<>(s)(matrix_view<const float>(nullptr, 0, 1));
  CHECK(none.tokens() == 0);
  CHECK(none.width() == 2);
  CHECK(encode_one(s, -1.0f).tokens() == 1);
  CHECK(encode_one(s, -1.0f).firings() == 0);
}

TEST_CASE("relu: zero does not fire") {
  auto s = one_input(activation_kind::relu, {1.0f, 0.0f, -1.0f, 2.0f});
  CHECK(features_of(encode_one(s, 1.0f)) == std::vector<std::uint32_t>{0, 3});
  s.b_enc = {-1.0f, 0.0f, 1.0f, -1.5f};  // z = 0, 0, 0, 0.5
  CHECK(features_of(encode_one(s, 1.0f)) == std::vector<std::uint32_t>{3});
}

TEST_CASE("jump_relu: the threshold itself does not fire, and a negative one lets nothing negative through") {
  auto s = one_input(activation_kind::jump_relu, {1.0f, 2.0f, 2.0f, -1.0f, 0.5f});
  s.threshold = {1.0f, 1.9999999f, 2.0f, -3.0f, -1.0f};
  const auto codes = encode_one(s, 1.0f);
  CHECK(features_of(codes) == std::vector<std::uint32_t>{1, 4});
  CHECK(codes[0].values[0] == 2.0f);  // the value is z, not z less the threshold
  s.threshold[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(features_of(encode_one(s, 1.0f)) == std::vector<std::uint32_t>{1, 4});
}

TEST_CASE("top_k: ties at the cut go to the lower feature, wherever the vector registers end") {
  for (std::size_t high : {0u, 3u, 16u, 31u, 32u, 40u, 69u}) {
    std::vector<float> w(70, 1.0f);
    w[high] = 2.0f;
    auto s = one_input(activation_kind::top_k, w);
    s.k = 3;
    std::vector<std::uint32_t> expected{0, 1};
    if (high > 1)
      expected.push_back(static_cast<std::uint32_t>(high));
    else
      expected = {0, 1, 2};
    CHECK(features_of(encode_one(s, 1.0f)) == expected);
  }
}

TEST_CASE("top_k: what is chosen but negative does not fire, and k may exceed the features") {
  auto s = one_input(activation_kind::top_k, {-1.0f, 3.0f, -2.0f, 0.0f, 1.0f});
  s.k = 4;
  CHECK(features_of(encode_one(s, 1.0f)) == std::vector<std::uint32_t>{1, 4});
  s.k = 100;
  CHECK(features_of(encode_one(s, 1.0f)) == std::vector<std::uint32_t>{1, 4});
  s.k = 1;
  CHECK(features_of(encode_one(s, 1.0f)) == std::vector<std::uint32_t>{1});
}

TEST_CASE("gated: the gate decides who fires, the magnitude how strongly, and both must be positive") {
  auto s = one_input(activation_kind::gated, {1.0f, 1.0f, 1.0f, 1.0f});
  s.b_enc = {0.0f, -1.0f, 0.0f, -0.5f};  // gates: 1, 0, 1, 0.5
  s.r_mag = {0.0f, 0.0f, 0.0f, std::log(2.0f)};
  s.b_mag = {0.5f, 9.0f, -1.0f, 0.0f};  // magnitudes: 1.5, 10, 0, 2
  const auto codes = encode_one(s, 1.0f);
  CHECK(features_of(codes) == std::vector<std::uint32_t>{0, 3});
  CHECK(codes[0].values[0] == 1.5f);
  CHECK(codes[0].values[1] == doctest::Approx(2.0).epsilon(1e-6));
}

TEST_CASE("encoder: subtracts b_dec once, after the norm, and only where told") {
  auto s = one_input(activation_kind::relu, {1.0f});
  s.b_dec = {0.25f};
  CHECK(encode_one(s, 1.0f)[0].values[0] == 1.0f);
  s.apply_b_dec_to_input = true;
  CHECK(encode_one(s, 1.0f)[0].values[0] == 0.75f);
  s.norm = qfa::input_norm::constant_norm_rescale;  // one input: its norm is its magnitude
  CHECK(encode_one(s, 8.0f)[0].values[0] == 0.75f);
}

TEST_CASE("layer_norm: takes n - 1 and adds its epsilon to the deviation") {
  qfa::sae s = one_input(activation_kind::relu, {1.0f});
  s.d_in = 3;
  s.norm = qfa::input_norm::layer_norm;
  s.w_enc = {0.0f, 0.0f, 1.0f};
  s.w_dec = {0.0f, 0.0f, 1.0f};
  s.b_dec = {0.0f, 0.0f, 0.0f};
  // 1, 2, 6: mean 3, squares around it 4 + 1 + 9 = 14, sd = sqrt(14 / 2).
  const std::vector<float> x{1.0f, 2.0f, 6.0f};
  const auto codes = qfa::encoder<>(s)(matrix_view<const float>(x.data(), 1, 3));
  CHECK(static_cast<double>(codes[0].values[0]) == doctest::Approx(3.0 / (std::sqrt(7.0) + 1e-5)).epsilon(1e-7));
  // A deviation so small that the epsilon counts: 1e-5 beside a sd of 1e-5.
  const std::vector<float> y{-1e-5f, 0.0f, 1e-5f};
  CHECK(static_cast<double>(qfa::encoder<>(s)(matrix_view<const float>(y.data(), 1, 3))[0].values[0]) ==
        doctest::Approx(0.5).epsilon(1e-6));
}

TEST_CASE("encoder: a token that is not finite is named, never silent") {
  const auto s = random_sae(activation_kind::relu, 6, 40);
  const qfa::encoder<> encode(s);
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto x = random_floats(100 * 6, 3);
    x[57 * 6 + 5] = bad;
    x[93 * 6] = bad;  // the first is named, on any number of threads
    CHECK_THROWS_WITH_AS(encode(matrix_view<const float>(x.data(), 100, 6)),
                         "token row 57 of the activations holds an infinity or a NaN", qfa::error);
  }
}

TEST_CASE("encoder: refuses what has no meaning") {
  const auto s = random_sae(activation_kind::jump_relu, 6, 40);
  const std::vector<float> x(12, 0.0f);
  CHECK_THROWS_WITH_AS(qfa::encoder<>{s}(matrix_view<const float>(x.data(), 2, 5)),
                       "the activations are 5 wide, the SAE takes 6", qfa::error);
  auto rescaled = s;
  rescaled.norm = qfa::input_norm::constant_norm_rescale;
  CHECK_THROWS_WITH_AS(qfa::encoder<>{rescaled}(matrix_view<const float>(x.data(), 2, 6)),
                       "token row 0 of the activations is all zeros, which constant_norm_rescale cannot rescale",
                       qfa::error);
  auto broken = s;
  broken.w_enc[17] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(qfa::encoder<>{broken}, "W_enc of the SAE holds an infinity or a NaN", qfa::error);
  broken = s;
  broken.threshold.pop_back();
  CHECK_THROWS_AS(qfa::encoder<>{broken}, qfa::error);
  broken = s;
  broken.b_dec.pop_back();
  CHECK_THROWS_WITH_AS(qfa::encoder<>{broken}, "b_dec of the SAE holds 5 values where 6 were expected", qfa::error);
  broken = random_sae(activation_kind::top_k, 6, 40);
  broken.k = 0;
  CHECK_THROWS_AS(qfa::encoder<>{broken}, qfa::error);
}

}  // namespace sae_encode_test
