// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/screened_block.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "qfa/sae/encode.hpp"
#include "sae_made_up.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace sae_screened_block_test {

using namespace qfa_test;
using qfa::activation_kind;
using qfa::matrix_view;

namespace {

constexpr qfa::encode_options with_bytes{.screen = qfa::screen_kind::int8};

template <class Dot>
using screened_encoder = qfa::encoder<qfa::simd::best_arch, Dot>;

// What the processor has, where it has it, and what it means.
#if QFA_SIMD_HAS_VNNI
#define QFA_TEST_DOTS qfa::simd::vnni_bytes, qfa::simd::portable_bytes
#else
#define QFA_TEST_DOTS qfa::simd::portable_bytes
#endif

/// Features that fire about as rarely as those of trained SAEs, on inputs of unit variance.
qfa::sae sparse_sae(activation_kind activation, std::size_t d, std::size_t features) {
  std::mt19937 bits(11);
  std::normal_distribution<float> normal;
  qfa::sae s = random_sae(activation, d, features);
  for (float& w : s.w_enc)
    w = normal(bits) / std::sqrt(static_cast<float>(d));
  for (float& b : s.b_enc)
    b = activation == activation_kind::jump_relu || activation == activation_kind::top_k ? 0.1f * normal(bits) : -2.2f;
  for (float& b : s.b_dec)
    b = 0.0f;
  for (float& t : s.threshold)
    t = 2.2f + 0.1f * normal(bits);
  for (float& m : s.b_mag)
    m = 0.5f * normal(bits);
  return s;
}

std::vector<float> normal_inputs(std::size_t count) {
  std::mt19937 bits(12);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (float& v : x)
    v = normal(bits);
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("screened encoder: equals the scalar twin for every activation, norm and shape", Dot,
                   QFA_TEST_DOTS) {
  if (!qfa::simd::has_fma<qfa::simd::best_arch>) return;
  struct shape {
    std::size_t tokens, d_in, d_sae;
  };
  for (activation_kind activation : all_activations)
    for (qfa::input_norm norm : all_norms)
      for (const shape& size : {shape{1, 5, 3}, shape{13, 17, 70}, shape{50, 8, 129}, shape{26, 33, 32}}) {
        const std::size_t tokens = size.tokens, d_in = size.d_in, d_sae = size.d_sae;
        CAPTURE(qfa::activation_names[static_cast<std::size_t>(activation)]);
        CAPTURE(qfa::input_norm_names[static_cast<std::size_t>(norm)]);
        CAPTURE(d_sae);
        auto s = random_sae(activation, d_in, d_sae);
        s.norm = norm;
        const auto x = random_floats(tokens * d_in, 100);
        const matrix_view<const float> view(x.data(), tokens, d_in);
        const screened_encoder<Dot> encode(s, with_bytes);
        const auto codes = encode(view);
        CHECK(codes == qfa::ref::encode(s, view));
        CHECK(encode.screened().products == tokens * d_sae);
        CHECK(encode.screened().fired >= codes.firings());
      }
}

TEST_CASE_TEMPLATE("screened encoder: most products are never computed", Dot, QFA_TEST_DOTS) {
  if (!qfa::simd::has_fma<qfa::simd::best_arch>) return;
  const std::size_t tokens = 40, d = 96, features = 800;
  const auto x = normal_inputs(tokens * d);
  const matrix_view<const float> view(x.data(), tokens, d);
  for (activation_kind activation : all_activations) {
    CAPTURE(qfa::activation_names[static_cast<std::size_t>(activation)]);
    auto s = sparse_sae(activation, d, features);
    s.k = 10;
    const screened_encoder<Dot> encode(s, with_bytes);
    const auto codes = encode(view);
    CHECK(codes == qfa::ref::encode(s, view));
    CHECK(codes.firings() > 100);
    const qfa::screen_counts counts = encode.screened();
    CHECK(static_cast<double>(counts.undecided) < 0.06 * static_cast<double>(counts.products));
    CHECK(counts.exact < counts.undecided);
    // What is multiplied exactly fires, but for the gate that only looks at one of its two conditions.
    if (activation != activation_kind::gated) CHECK(counts.exact <= codes.firings() + 2);
  }
}

TEST_CASE_TEMPLATE("screened encoder: thresholds within one step of the pre-activation decide as the product does", Dot,
                   QFA_TEST_DOTS) {
  if (!qfa::simd::has_fma<qfa::simd::best_arch>) return;
  const std::size_t d = 200, features = 60;
  auto s = sparse_sae(activation_kind::jump_relu, d, features);
  s.apply_b_dec_to_input = false;
  auto x = normal_inputs(d);
  x[17] = 3000.0f;  // one massive dimension
  const matrix_view<const float> view(x.data(), 1, d);
  s.threshold.assign(features, 0.0f);
  s.b_enc.assign(features, 5000.0f);
  const auto z = qfa::ref::encode(s, view);
  REQUIRE(z.firings() == features);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (std::size_t j = 0; j < features; ++j) {
    const float value = z[0].values[j];
    s.threshold[j] = j % 3 == 0 ? value : std::nextafter(value, j % 3 == 1 ? infinity : -infinity);
  }
  const auto codes = screened_encoder<Dot>(s, with_bytes)(view);
  CHECK(codes.firings() == features / 3);
  CHECK(codes == qfa::ref::encode(s, view));
}

TEST_CASE("screen_counts: merge count by count") {
  qfa::screen_counts sum{.products = 1000, .undecided = 100, .exact = 10, .fired = 1};
  sum += {.products = 2000, .undecided = 300, .exact = 40, .fired = 5};
  CHECK(sum.products == 3000);
  CHECK(sum.undecided == 400);
  CHECK(sum.exact == 50);
  CHECK(sum.fired == 6);
}

TEST_CASE_TEMPLATE("screened encoder: bounds that meet at the k-th value keep it", Dot, QFA_TEST_DOTS) {
  if (!qfa::simd::has_fma<qfa::simd::best_arch>) return;
  // Of a token of zeros every pre-activation is its bias, and so are both of its bounds.
  auto s = sparse_sae(activation_kind::top_k, 16, 100);
  s.k = 4;
  for (std::size_t j = 0; j < s.b_enc.size(); ++j)
    s.b_enc[j] = 1.0f + static_cast<float>(j * 37 % 100);
  const std::vector<float> x(16, 0.0f);
  const matrix_view<const float> view(x.data(), 1, 16);
  const auto codes = screened_encoder<Dot>(s, with_bytes)(view);
  CHECK(codes.firings() == 4);
  CHECK(codes == qfa::ref::encode(s, view));
}

TEST_CASE_TEMPLATE("screened encoder: ties at the k-th place go to the lower feature", Dot, QFA_TEST_DOTS) {
  if (!qfa::simd::has_fma<qfa::simd::best_arch>) return;
  const std::size_t tokens = 5, d = 40, features = 300;
  auto s = sparse_sae(activation_kind::top_k, d, features);
  for (std::size_t j = 1; j < features; j += 2) {  // every feature twice
    s.b_enc[j] = s.b_enc[j - 1];
    for (std::size_t k = 0; k < d; ++k)
      s.w_enc[k * features + j] = s.w_enc[k * features + j - 1];
  }
  const auto x = normal_inputs(tokens * d);
  const matrix_view<const float> view(x.data(), tokens, d);
  for (std::size_t k : {1u, 2u, 7u, 8u, 299u, 500u}) {
    s.k = k;
    CHECK(screened_encoder<Dot>(s, with_bytes)(view) == qfa::ref::encode(s, view));
  }
}

TEST_CASE_TEMPLATE("screened encoder: a threshold that is NaN or infinite, and a token of zeros", Dot, QFA_TEST_DOTS) {
  if (!qfa::simd::has_fma<qfa::simd::best_arch>) return;
  const std::size_t d = 24, features = 40;
  auto s = sparse_sae(activation_kind::jump_relu, d, features);
  s.threshold[3] = std::numeric_limits<float>::quiet_NaN();
  s.threshold[4] = std::numeric_limits<float>::infinity();
  s.threshold[5] = -std::numeric_limits<float>::infinity();
  auto x = normal_inputs(3 * d);
  for (std::size_t k = d; k < 2 * d; ++k)
    x[k] = 0.0f;
  const matrix_view<const float> view(x.data(), 3, d);
  CHECK(screened_encoder<Dot>(s, with_bytes)(view) == qfa::ref::encode(s, view));
}

TEST_CASE_TEMPLATE("screened encoder: denormal and huge inputs and weights", Dot, QFA_TEST_DOTS) {
  if (!qfa::simd::has_fma<qfa::simd::best_arch>) return;
  const std::size_t tokens = 20, d = 24, features = 70;
  for (activation_kind activation : all_activations)
    for (const float inputs : {0x1p-135f, 1.0f, 0x1p110f})
      for (const float weights : {0x1p-130f, 0x1p-20f, 0x1p15f}) {
        CAPTURE(qfa::activation_names[static_cast<std::size_t>(activation)]);
        CAPTURE(inputs);
        CAPTURE(weights);
        auto s = sparse_sae(activation, d, features);
        for (float& b : s.b_enc)
          b = 0.0f;
        for (float& w : s.w_enc)
          w *= weights;
        auto x = normal_inputs(tokens * d);
        for (float& v : x)
          v *= inputs;
        const matrix_view<const float> view(x.data(), tokens, d);
        CHECK(screened_encoder<Dot>(s, with_bytes)(view) == qfa::ref::encode(s, view));
      }
}

#if defined(__SSE2__)
TEST_CASE_TEMPLATE("screened encoder: where subnormals are flushed, decides as the product does then", Dot,
                   QFA_TEST_DOTS) {
  if (!qfa::simd::has_fma<qfa::simd::best_arch>) return;
  const std::size_t tokens = 20, d = 24, features = 70;
  const unsigned before = _mm_getcsr();
  for (const float scale : {0x1p-125f, 0x1p-130f, 0x1p-60f}) {
    auto s = sparse_sae(activation_kind::relu, d, features);
    for (float& b : s.b_enc)
      b = 0.0f;
    for (float& w : s.w_enc)
      w *= scale == 0x1p-60f ? 0x1p-66f : 1.0f;
    auto x = normal_inputs(tokens * d);
    for (float& v : x)
      v *= scale;
    const matrix_view<const float> view(x.data(), tokens, d);
    const screened_encoder<Dot> screened(s, with_bytes);
    const screened_encoder<Dot> plain(s, {.screen = qfa::screen_kind::none});
    qfa::set_thread_count(1);
    _mm_setcsr(before | 0x8040U);  // flush to zero, denormals are zero
    const auto a = screened(view);
    const auto b = plain(view);
    _mm_setcsr(before);
    CHECK(a == b);
  }
}
#endif

}  // namespace sae_screened_block_test
