// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_legacy.hpp"

#include <array>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "ggml_blocks.hpp"

namespace compress_ggml_legacy_test {

namespace ggml = qfa::ggml;
using qfa_test::as_bytes;
using qfa_test::packed;
using qfa_test::round_trip;
using qfa_test::row_of;

namespace {

template <class F>
unsigned byte_at(const std::vector<float>& x, std::size_t at) {
  return static_cast<unsigned>(packed<F>(x)[at]);
}

}  // namespace

TEST_CASE("q4_0: a block by hand") {
  // peak -8 gives d = 1, a half of 0x3c00; the codes are x + 8.
  const auto x = row_of(32, {{0, -8.0f}, {1, 7.0f}, {16, 1.0f}, {31, -3.0f}});
  auto expected = as_bytes({0x00, 0x3c, 0x90, 0x8f});
  for (int i = 0; i < 13; ++i)
    expected.push_back(std::byte{0x88});
  expected.push_back(std::byte{0x58});
  CHECK(packed<ggml::q4_0>(x) == expected);
  CHECK(round_trip<ggml::q4_0>(x) == x);
}

TEST_CASE("q4_0: the peak's sign leads, so that minus the peak is clipped to 7/8 of it") {
  CHECK(round_trip<ggml::q4_0>(row_of(32, {{3, 8.0f}, {4, -8.0f}})) == row_of(32, {{3, 8.0f}, {4, -7.0f}}));
  CHECK(round_trip<ggml::q4_0>(row_of(32, {{3, -8.0f}, {4, 8.0f}})) == row_of(32, {{3, -8.0f}, {4, 7.0f}}));
}

TEST_CASE("q4_0: halves go up in code, not to even or away from zero") {
  const auto y = round_trip<ggml::q4_0>(row_of(32, {{0, -8.0f}, {1, 0.5f}, {2, -0.5f}, {3, -1.5f}, {4, 1.5f}}));
  CHECK(y[1] == 1.0f);
  CHECK(y[2] == 0.0f);
  CHECK(y[3] == -1.0f);
  CHECK(y[4] == 2.0f);
}

TEST_CASE("q4_1: sixteen steps from the minimum to the maximum, stored beside each other") {
  std::vector<float> x(32);
  for (std::size_t i = 0; i < 32; ++i)
    x[i] = 2.0f + static_cast<float>(i % 16);
  CHECK(byte_at<ggml::q4_1>(x, 1) == 0x3c);  // d = 1
  CHECK(byte_at<ggml::q4_1>(x, 3) == 0x40);  // min = 2
  CHECK(byte_at<ggml::q4_1>(x, 4) == 0x00);
  CHECK(byte_at<ggml::q4_1>(x, 4 + 7) == 0x77);
  CHECK(round_trip<ggml::q4_1>(x) == x);
}

TEST_CASE("q5_0 and q5_1: the fifth bits of all elements stand in their order") {
  std::vector<float> x(32);
  for (std::size_t i = 0; i < 32; ++i)
    x[i] = static_cast<float>(static_cast<int>(i) - 16);
  const auto five = packed<ggml::q5_0>(x);  // d = 1, code i
  CHECK(std::vector<std::byte>(five.begin(), five.begin() + 8) ==
        as_bytes({0x00, 0x3c, 0x00, 0x00, 0xff, 0xff, 0x00, 0x11}));
  CHECK(round_trip<ggml::q5_0>(x) == x);
  const auto one = packed<ggml::q5_1>(x);  // d = 1, min = -16
  CHECK(std::vector<std::byte>(one.begin(), one.begin() + 9) ==
        as_bytes({0x00, 0x3c, 0x00, 0xcc, 0x00, 0x00, 0xff, 0xff, 0x00}));
  CHECK(round_trip<ggml::q5_1>(x) == x);
  CHECK(byte_at<ggml::q5_0>(row_of(32, {{0, -16.0f}, {9, -9.0f}}), 3) == 0xfd);  // code 7 has no fifth bit
}

TEST_CASE("q8_0: 127 steps to each side, halves away from zero") {
  const auto x = row_of(32, {{0, 127.0f}, {1, -127.0f}, {2, 2.5f}, {3, -2.5f}, {4, 0.4999f}});
  CHECK(round_trip<ggml::q8_0>(x) == row_of(32, {{0, 127.0f}, {1, -127.0f}, {2, 3.0f}, {3, -3.0f}}));
  CHECK(byte_at<ggml::q8_0>(x, 2 + 1) == 0x81);
}

TEST_CASE("ggml legacy blocks: codes come from the float scale, values from the half of it") {
  // d = 0.1 in float is 0.0999755859375 as a half.
  const float half_of_tenth = qfa::from_f16(qfa::to_f16(0.1f));
  CHECK(half_of_tenth != 0.1f);
  const auto y = round_trip<ggml::q8_0>(row_of(32, {{0, 12.7f}, {1, 5.0f}}));
  CHECK(y[0] == 127.0f * half_of_tenth);
  CHECK(y[1] == 50.0f * half_of_tenth);
}

}  // namespace compress_ggml_legacy_test
