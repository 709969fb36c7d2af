// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/byte_dot.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <random>

namespace simd_byte_dot_test {

namespace {

template <class Dot>
std::array<float, 16> product(const std::array<std::int32_t, 16>& start, const std::array<std::uint8_t, 4>& left,
                              const std::array<std::int8_t, 64>& right) {
  std::array<float, 16> out;
  Dot::store_as_floats(Dot::add(Dot::start(start.data()), left.data(), Dot::load(right.data())), out.data());
  return out;
}

}  // namespace

TEST_CASE("portable_bytes: lane i sums the four products of its own bytes") {
  std::array<std::int32_t, 16> start{};
  std::array<std::int8_t, 64> right{};
  start[3] = 1000;
  right[12] = 1, right[13] = 2, right[14] = -3, right[15] = -128;
  const auto out = product<qfa::simd::portable_bytes>(start, {255, 10, 20, 1}, right);
  CHECK(out[3] == 1000.0f + 255.0f + 20.0f - 60.0f - 128.0f);
  CHECK(out[2] == 0.0f);
  CHECK(out[4] == 0.0f);
}

#if QFA_SIMD_HAS_VNNI
TEST_CASE("vnni_bytes: means what portable_bytes means, at the ends of both ranges too") {
  std::mt19937 bits(1);
  for (int trial = 0; trial < 200; ++trial) {
    std::array<std::int32_t, 16> start{};
    std::array<std::uint8_t, 4> left{};
    std::array<std::int8_t, 64> right{};
    for (auto& s : start)
      s = static_cast<std::int32_t>(bits() >> 3) - (1 << 28);
    for (auto& l : left)
      l = trial < 4 ? static_cast<std::uint8_t>(trial % 2 * 255) : static_cast<std::uint8_t>(bits());
    for (auto& r : right)
      r = static_cast<std::int8_t>(trial < 4 ? (trial / 2 * 255 - 128) : static_cast<int>(bits() % 256) - 128);
    CHECK(product<qfa::simd::vnni_bytes>(start, left, right) == product<qfa::simd::portable_bytes>(start, left, right));
  }
}
#endif

}  // namespace simd_byte_dot_test
