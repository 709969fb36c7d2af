// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_k.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "ggml_blocks.hpp"

namespace compress_ggml_k_test {

namespace ggml = qfa::ggml;
using qfa_test::packed;
using qfa_test::round_trip;
using qfa_test::row_of;
using qfa_test::unpacked;

namespace {

ggml::super_codes one_code(std::size_t at, std::uint8_t code) {
  ggml::super_codes codes{};
  codes[at] = code;
  return codes;
}

std::uint8_t checked_byte(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (i != at) CHECK(bytes[i] == 0);
  return bytes[at];
}

}  // namespace

TEST_CASE("ggml K codes: each element has its place among the bytes") {
  std::vector<std::uint8_t> bytes(64);
  ggml::put_two_bits(one_code(0, 3), bytes.data());
  CHECK(checked_byte(bytes, 0) == 0x03);
  ggml::put_two_bits(one_code(33, 2), bytes.data());
  CHECK(checked_byte(bytes, 1) == 0x08);
  ggml::put_two_bits(one_code(255, 1), bytes.data());
  CHECK(checked_byte(bytes, 63) == 0x40);
  bytes.assign(32, 0xff);
  ggml::put_single_bits(one_code(100, 4), 2, bytes.data());
  CHECK(checked_byte(bytes, 4) == 0x08);
  bytes.assign(128, 0xff);
  ggml::put_nibbles(one_code(64 + 32 + 5, 9), bytes.data());
  CHECK(checked_byte(bytes, 32 + 5) == 0x90);
  for (std::size_t e = 0; e < 256; ++e) {
    std::vector<std::uint8_t> two(64), one(32), four(128);
    ggml::put_two_bits(one_code(e, 2), two.data());
    ggml::put_single_bits(one_code(e, 1), 0, one.data());
    ggml::put_nibbles(one_code(e, 11), four.data());
    for (std::size_t other = 0; other < 256; ++other) {
      CHECK(ggml::two_bits_at(two.data(), other) == (other == e ? 2U : 0U));
      CHECK(ggml::single_bit_at(one.data(), other) == (other == e ? 1U : 0U));
      CHECK(ggml::nibble_at(four.data(), other) == (other == e ? 11U : 0U));
    }
  }
}

TEST_CASE("q4_K and q5_K: scales and minima of sub-blocks are told apart in their twelve bytes") {
  // Sub-block j spans [-a_j, b_j] so that every scale and every minimum differs from the others.
  std::vector<float> x(256);
  for (std::size_t e = 0; e < 256; ++e) {
    const auto j = static_cast<float>(e / 32);
    const float t = static_cast<float>(e % 32) / 31.0f;
    x[e] = -(1.0f + j) + t * (9.0f + 3.0f * std::fmod(5.0f * j, 8.0f));
  }
  const auto y4 = round_trip<ggml::q4_K>(x), y5 = round_trip<ggml::q5_K>(x);
  for (std::size_t e = 0; e < 256; ++e) {
    CAPTURE(e);
    const float span = 9.0f + 3.0f * static_cast<float>((5 * (e / 32)) % 8);
    CHECK(std::fabs(y4[e] - x[e]) < span / 15.0f * 0.75f);  // half a step and what six bits of scale leave
    CHECK(std::fabs(y5[e] - x[e]) < span / 31.0f * 1.25f);
  }
}

TEST_CASE("q2_K and q3_K: sub-blocks of sixteen have scales of their own") {
  std::vector<float> x(256);
  for (std::size_t e = 0; e < 256; ++e)
    x[e] = (static_cast<float>(e % 4) - 1.0f) * static_cast<float>(1 + e / 16);
  const auto y2 = round_trip<ggml::q2_K>(x), y3 = round_trip<ggml::q3_K>(x);
  for (std::size_t e = 0; e < 256; ++e) {
    CAPTURE(e);
    const auto scale = static_cast<float>(1 + e / 16);
    CHECK(std::fabs(y2[e] - x[e]) < 0.5f + 0.1f * scale);  // the largest scale has 15 steps, the largest minimum too
    CHECK(std::fabs(y3[e] - x[e]) < 0.5f * scale);
  }
}

TEST_CASE("ggml K blocks: where the first bytes stand") {
  const auto x = row_of(256, {{0, 15.0f}, {1, -3.0f}});
  const auto q2 = packed<ggml::q2_K>(x);
  CHECK(q2[1] == std::byte{0});  // no scale, no minimum in the second sub-block
  CHECK(q2[0] != std::byte{0});
  CHECK(q2[81] != std::byte{0});  // d
  const auto q4 = packed<ggml::q4_K>(x);
  CHECK(q4[4] == std::byte{63});  // the largest scale
  CHECK(q4[8] == std::byte{63});  // the largest minimum
  CHECK(q4[5] == std::byte{0});
  const auto q5 = packed<ggml::q5_K>(x);
  CHECK((q5[16] & std::byte{1}) == std::byte{1});  // the fifth bit of the largest code
  const auto q3 = packed<ggml::q3_K>(row_of(256, {{0, 4.0f}}));
  CHECK(q3[96] == std::byte{0});      // scale -32, stored as 0
  CHECK(q3[97] == std::byte{0});      // scale 0, stored as 32, whose low bits are none
  CHECK(q3[104] == std::byte{0xa8});  // the high bits 2 of scales 4, 8 and 12, none of scale 0
  CHECK(q3[105] == std::byte{0xaa});
}

TEST_CASE("q4_K: codes are taken anew by the stored scale, and stay where that is zero") {
  // The second sub-block's scale is under half a 63rd of the first's: no scale is left for it.
  std::vector<float> x(256, 0.0f);
  for (std::size_t e = 0; e < 64; ++e)
    x[e] = (e < 32 ? 1000.0f : 1.0f) * static_cast<float>(e % 16);
  const auto bytes = packed<ggml::q4_K>(x);
  CHECK(bytes[5] == std::byte{0});
  const auto y = unpacked<ggml::q4_K>(bytes);
  CHECK(y[40] == 0.0f);
  CHECK(bytes[16 + 8] == std::byte{0x88});  // the search's code, which nothing multiplies
}

TEST_CASE("q2_K, q4_K and q5_K: each searches as its reference does, by the weights that it gives") {
  // ggml's quantize_row_q2_K_ref: |x|, absolute errors, 15 steps from -0.5; q4_K and q5_K: the root mean square more,
  // squares, 20 steps from -1 and 15 from -0.5.  The first half of the block, or the one behind its codes, tells the
  // largest scale of the sub-blocks.
  std::mt19937 bits(3);
  std::normal_distribution<float> normal;
  for (int block = 0; block < 20; ++block) {
    std::vector<float> x(256);
    for (float& v : x)
      v = normal(bits);
    const auto largest = [&](std::size_t width, bool with_rms, const ggml::affine_search& search) {
      float scale = 0.0f;
      for (std::size_t first = 0; first < 256; first += width) {
        const std::vector<float> part(x.begin() + static_cast<std::ptrdiff_t>(first),
                                      x.begin() + static_cast<std::ptrdiff_t>(first + width));
        float squares = 0.0f;
        for (const float v : part)
          squares += v * v;
        std::vector<float> weights;
        for (const float v : part)
          weights.push_back((with_rms ? std::sqrt(squares / static_cast<float>(width)) : 0.0f) + std::fabs(v));
        std::vector<std::uint8_t> q(width);
        scale = std::max(scale, ggml::make_qkx2(part, weights, q, search).scale);
      }
      return scale;
    };
    const auto half = [](const std::vector<std::byte>& bytes, std::size_t at) {
      return ggml::half_at(reinterpret_cast<const std::uint8_t*>(bytes.data()) + at);
    };
    CHECK(half(packed<ggml::q2_K>(x), 80) == qfa::round_to_f16(largest(16, false, {3, -0.5f, 0.1f, 15, true}) / 15.0f));
    CHECK(half(packed<ggml::q4_K>(x), 0) == qfa::round_to_f16(largest(32, true, {15, -1.0f, 0.1f, 20, false}) / 63.0f));
    CHECK(half(packed<ggml::q5_K>(x), 0) == qfa::round_to_f16(largest(32, true, {31, -0.5f, 0.1f, 15, false}) / 63.0f));
  }
}

}  // namespace compress_ggml_k_test
