// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/decode.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "qfa/sae/encode.hpp"
#include "sae_made_up.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace sae_decode_test {

using namespace qfa_test;
using qfa::activation_kind;
using qfa::matrix_view;

TEST_CASE_TEMPLATE("decode: equals the definition in double, in every frame", Arch, QFA_TEST_ARCHS) {
  const std::size_t tokens = 70, d_in = 19, d_sae = 60;
  const auto x = random_floats(tokens * d_in, 20);
  const matrix_view<const float> view(x.data(), tokens, d_in);
  for (qfa::input_norm norm : all_norms) {
    CAPTURE(qfa::input_norm_names[static_cast<std::size_t>(norm)]);
    auto s = random_sae(activation_kind::top_k, d_in, d_sae);
    s.norm = norm;
    const auto codes = qfa::encoder<Arch>(s)(view);
    std::vector<float> out(tokens * d_in, 777.0f);
    qfa::decode<Arch>(s, codes, qfa::frames_of(s, view), matrix_view<float>(out.data(), tokens, d_in));
    double worst = 0.0, largest = 0.0;
    for (std::size_t t = 0; t < tokens; ++t) {
      double sum = 0.0, squares = 0.0, around = 0.0;
      for (float v : view.row(t))
        sum += static_cast<double>(v), squares += static_cast<double>(v) * static_cast<double>(v);
      for (float v : view.row(t))
        around += std::pow(static_cast<double>(v) - sum / 19.0, 2);
      for (std::size_t i = 0; i < d_in; ++i) {
        double y = static_cast<double>(s.b_dec[i]);
        for (std::size_t e = 0; e < codes[t].features.size(); ++e)
          y += static_cast<double>(codes[t].values[e]) * static_cast<double>(s.w_dec[codes[t].features[e] * d_in + i]);
        if (norm == qfa::input_norm::constant_norm_rescale) y = y / (std::sqrt(19.0) / std::sqrt(squares));
        if (norm == qfa::input_norm::layer_norm) y = y * std::sqrt(around / 18.0) + sum / 19.0;
        worst = std::max(worst, std::fabs(y - static_cast<double>(out[t * d_in + i])));
        largest = std::max(largest, std::fabs(y));
      }
    }
    CHECK(worst <= 1e-6 * largest);
  }
}

TEST_CASE("decode: adds each decoder row in order with one rounding, b_dec last") {
  qfa::sae s = random_sae(activation_kind::relu, 3, 4);
  qfa::sparse_codes codes(4);
  codes.push(1, 0.3f);
  codes.push(3, 1.7f);
  codes.end_token();
  codes.end_token();  // fires nothing: b_dec alone
  std::vector<float> out(6);
  qfa::decode(s, codes, matrix_view<float>(out.data(), 2, 3));
  for (std::size_t i = 0; i < 3; ++i) {
    if (qfa::simd::has_fma<qfa::simd::best_arch>)
      CHECK(out[i] == std::fma(1.7f, s.w_dec[9 + i], std::fma(0.3f, s.w_dec[3 + i], 0.0f)) + s.b_dec[i]);
    CHECK(out[3 + i] == s.b_dec[i]);
  }
}

TEST_CASE("decode: gives the same bits on 1, 2, 3 and 8 threads, and at every width with FMA") {
#ifdef _OPENMP
  const std::size_t tokens = 200, d_in = 37;
  const auto s = random_sae(activation_kind::relu, d_in, 90);
  const auto x = random_floats(tokens * d_in, 20);
  const auto codes = qfa::encoder<>(s)(matrix_view<const float>(x.data(), tokens, d_in));
  const int before = omp_get_max_threads();
  std::vector<float> first;
  for (int threads : {1, 2, 3, 8}) {
    omp_set_num_threads(threads);
    std::vector<float> out(tokens * d_in);
    qfa::decode(s, codes, matrix_view<float>(out.data(), tokens, d_in));
    if (first.empty()) first = out;
    CHECK(out == first);
#if XSIMD_WITH_AVX512F
    qfa::decode<xsimd::fma3<xsimd::avx2>>(s, codes, matrix_view<float>(out.data(), tokens, d_in));
    CHECK(out == first);
#endif
  }
  omp_set_num_threads(before);
#endif
}

TEST_CASE("decode: refuses codes, frames and room that do not fit") {
  auto s = random_sae(activation_kind::relu, 3, 4);
  qfa::sparse_codes codes(4);
  codes.end_token();
  std::vector<float> out(6);
  CHECK_THROWS_AS(qfa::decode(s, codes, matrix_view<float>(out.data(), 2, 3)), qfa::error);
  CHECK_THROWS_AS(qfa::decode(s, codes, matrix_view<float>(out.data(), 1, 2)), qfa::error);
  CHECK_THROWS_AS(qfa::decode(s, codes, {}, matrix_view<float>(out.data(), 1, 3)), qfa::error);
  CHECK_THROWS_AS(qfa::decode(s, qfa::sparse_codes(5), matrix_view<float>(out.data(), 0, 3)), qfa::error);
  s.norm = qfa::input_norm::layer_norm;
  CHECK_THROWS_WITH_AS(qfa::decode(s, codes, matrix_view<float>(out.data(), 1, 3)),
                       "decode needs the input frames of an SAE that normalizes its input", qfa::error);
}

}  // namespace sae_decode_test
