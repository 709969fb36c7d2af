// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_k_search.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

namespace compress_ggml_k_search_test {

namespace ggml = qfa::ggml;
using codes = std::vector<std::uint8_t>;

namespace {

constexpr ggml::affine_search fifteen{.highest = 15, .first = -1.0f, .step = 0.1f, .last = 20, .absolute = false};

float squared_error(const std::vector<float>& x, const codes& q, float scale, float minimum) {
  float sum = 0.0f;
  for (std::size_t i = 0; i < x.size(); ++i)
    sum += std::pow(scale * static_cast<float>(q[i]) - minimum - x[i], 2.0f);
  return sum;
}

/// Two large elements and many small ones: the plain scale suits the small ones badly.
std::vector<float> skewed() {
  std::vector<float> x(32);
  for (std::size_t i = 0; i < 32; ++i)
    x[i] = std::sin(static_cast<float>(i * i)) * (i % 16 == 5 ? 4.0f : 1.0f);
  return x;
}

}  // namespace

TEST_CASE("make_qkx2: evenly spaced numbers are met exactly") {
  std::vector<float> x(16);
  for (std::size_t i = 0; i < 16; ++i)
    x[i] = 0.5f * static_cast<float>(i) - 3.0f;
  codes q(16, 99);
  const auto found = ggml::make_qkx2(x, std::vector<float>(16, 1.0f), q, fifteen);
  CHECK(found.scale == 0.5f);
  CHECK(found.minimum == 3.0f);
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(q[i] == i);
}

TEST_CASE("make_qkx2: a minimum above zero counts as zero, and equal numbers below it need no scale") {
  codes q(4, 99);
  auto found = ggml::make_qkx2(std::vector<float>(4, 6.0f), std::vector<float>(4, 1.0f), q, fifteen);
  CHECK(found.minimum == 0.0f);
  CHECK(found.scale * static_cast<float>(q[0]) == doctest::Approx(6.0));
  found = ggml::make_qkx2(std::vector<float>(4, -6.0f), std::vector<float>(4, 1.0f), q, fifteen);
  CHECK(found.scale == 0.0f);
  CHECK(found.minimum == 6.0f);
  CHECK(q == codes(4, 0));
}

TEST_CASE("make_qkx2: the search finds less error than the plain scale, and weights move it") {
  const std::vector<float> x = skewed();
  const std::vector<float> even(32, 1.0f);
  const ggml::affine_search plain{.highest = 15, .last = -1};
  codes q(32), q_plain(32);
  const auto found = ggml::make_qkx2(x, even, q, fifteen);
  const auto first = ggml::make_qkx2(x, even, q_plain, plain);
  CHECK(squared_error(x, q, found.scale, found.minimum) <
        0.99f * squared_error(x, q_plain, first.scale, first.minimum));
  std::vector<float> heavy = even;
  heavy[7] = 1000.0f;
  const auto moved = ggml::make_qkx2(x, heavy, q, fifteen);
  CHECK(std::fabs(moved.scale * static_cast<float>(q[7]) - moved.minimum - x[7]) < 1e-3f);
}

TEST_CASE("make_qkx2: absolute errors lead elsewhere than squares") {
  const std::vector<float> x = skewed();
  ggml::affine_search search{.highest = 3, .first = -0.5f, .step = 0.1f, .last = 15, .absolute = false};
  codes squares(32), magnitudes(32);
  const auto a = ggml::make_qkx2(x, std::vector<float>(32, 1.0f), squares, search);
  search.absolute = true;
  const auto b = ggml::make_qkx2(x, std::vector<float>(32, 1.0f), magnitudes, search);
  CHECK(a.scale != b.scale);
}

TEST_CASE("make_qx: multiples of a scale are met exactly, the peak at the lowest code") {
  std::vector<float> x(16, 0.0f);
  x[2] = 8.0f;
  x[3] = -7.75f;
  x[4] = 0.25f;
  codes q(16);
  const float scale = ggml::make_qx(x, 32, q);
  CHECK(scale == -0.25f);
  CHECK(q[2] == 0);
  CHECK(q[3] == 63);
  CHECK(q[4] == 31);
  CHECK(q[0] == 32);
}

TEST_CASE("make_qx and make_q3: nothing above 1e-15 means scale 0 and codes 0") {
  codes q(16, 7);
  CHECK(ggml::make_qx(std::vector<float>(16, 0.9e-15f), 32, q) == 0.0f);
  CHECK(q == codes(16, 0));
  q.assign(16, 7);
  CHECK(ggml::make_q3(std::vector<float>(16, -0.9e-15f), 4, q) == 0.0f);
  CHECK(q == codes(16, 0));
  CHECK(ggml::make_qx(std::vector<float>(16, 1.1e-15f), 32, q) != 0.0f);
}

TEST_CASE("make_q3: no single move of a code would leave less error") {
  const std::vector<float> x = skewed();
  codes q(32);
  ggml::make_q3(x, 4, q);
  const auto share = [&](const codes& c) {  // (Swqx)^2 / Swqq, which grows as the error shrinks
    double qx = 0.0, qq = 0.0;
    for (std::size_t i = 0; i < 32; ++i) {
      const double w = static_cast<double>(x[i]) * static_cast<double>(x[i]);
      const double code = c[i] - 4.0;
      qx += w * static_cast<double>(x[i]) * code;
      qq += w * code * code;
    }
    return qx * qx / qq;
  };
  for (std::size_t i = 0; i < 32; ++i)
    for (std::uint8_t to = 0; to < 8; ++to) {
      codes moved = q;
      moved[i] = to;
      CHECK(share(moved) <= share(q) * (1.0 + 1e-5));  // the search decides in float
    }
}

}  // namespace compress_ggml_k_search_test
