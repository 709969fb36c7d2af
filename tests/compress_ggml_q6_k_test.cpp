// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_q6_k.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "ggml_blocks.hpp"

namespace compress_ggml_q6_k_test {

namespace ggml = qfa::ggml;
using qfa_test::packed;
using qfa_test::round_trip;
using qfa_test::unpacked;

TEST_CASE("q6_K: each element has its place among the bytes") {
  // Scale 1, d = 1, all codes 0 but one: -32 everywhere, but code - 32 there.
  const auto value_with = [](std::size_t byte, unsigned bits, std::size_t element) {
    std::vector<std::byte> block(210, std::byte{0});
    for (std::size_t j = 0; j < 16; ++j)
      block[192 + j] = std::byte{1};
    block[209] = std::byte{0x3c};
    block[byte] = static_cast<std::byte>(bits);
    const auto y = unpacked<ggml::q6_K>(block);
    for (std::size_t e = 0; e < 256; ++e)
      if (e != element) CHECK(y[e] == -32.0f);
    return y[element] + 32.0f;
  };
  CHECK(value_with(0, 0x0f, 0) == 15.0f);
  CHECK(value_with(0, 0x70, 64) == 7.0f);
  CHECK(value_with(33, 0x05, 33) == 5.0f);
  CHECK(value_with(33, 0x50, 97) == 5.0f);
  CHECK(value_with(64 + 63, 0x10, 128 + 127) == 1.0f);
  CHECK(value_with(128, 0x03, 0) == 48.0f);
  CHECK(value_with(128, 0x0c, 32) == 48.0f);
  CHECK(value_with(128 + 2, 0x20, 66) == 32.0f);
  CHECK(value_with(128 + 32 + 31, 0x40, 128 + 127) == 16.0f);
}

TEST_CASE("q6_K: sub-blocks of sixteen have scales with a sign, 127 at most") {
  std::vector<float> x(256);
  for (std::size_t e = 0; e < 256; ++e)
    x[e] =
        (static_cast<float>((7 * e) % 61) - 30.0f) * static_cast<float>(1 + e / 16) * (e / 16 % 2 == 0 ? 1.0f : -1.0f);
  const auto y = round_trip<ggml::q6_K>(x);
  for (std::size_t e = 0; e < 256; ++e)
    CHECK(std::fabs(y[e] - x[e]) <= 0.5f * static_cast<float>(1 + e / 16) + 1.0f);
  // Equal and opposite peaks: the scales are -128 and +128, which is held at 127.
  std::vector<float> two(256, 0.0f);
  two[0] = 32.0f;
  two[16] = -32.0f;
  const auto bytes = packed<ggml::q6_K>(two);
  CHECK(bytes[192] == std::byte{0x80});
  CHECK(bytes[193] == std::byte{0x7f});
}

TEST_CASE("q6_K: a block without anything above 1e-15 is all zero bytes") {
  CHECK(packed<ggml::q6_K>(std::vector<float>(256, 0.9e-15f)) == std::vector<std::byte>(210, std::byte{0}));
}

}  // namespace compress_ggml_q6_k_test
