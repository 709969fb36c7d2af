// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/token_head_rules.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

namespace cache_token_head_rules_test {

using floats = std::vector<float>;
using qfa::int8_rounding;

namespace {

floats int8(floats x, int8_rounding rounding) {
  qfa::round_int8_token_head(x, rounding);
  return x;
}
floats int4(floats x) {
  qfa::round_int4_token_head(x);
  return x;
}
floats fp8(floats x) {
  qfa::round_fp8_token_head(x);
  return x;
}

}  // namespace

TEST_CASE("round_int8_token_head: cuts off toward zero, or rounds half to even") {
  const floats x{127.0f, 2.5f, -2.5f, 0.75f, -0.75f, 3.5f, -126.999f};
  CHECK(int8(x, int8_rounding::trunc) == floats{127, 2, -2, 0, 0, 3, -126});
  CHECK(int8(x, int8_rounding::half_even) == floats{127, 2, -2, 1, -1, 4, -127});
  CHECK_FALSE(std::signbit(int8(x, int8_rounding::trunc)[4]));
}

TEST_CASE("round_int8_token_head: no scale is below 1e-6") {
  CHECK(int8({1e-5f, 1e-6f}, int8_rounding::half_even) == floats{10 * 1e-6f, 1e-6f});
  CHECK(int8({1e-7f, 0.0f}, int8_rounding::half_even) == floats{0, 0});
}

TEST_CASE("round_fp8_token_head: the largest number meets 448") {
  CHECK(fp8({448.0f, 17.0f, 0.0009f}) == floats{448, 16, 0});
  CHECK(fp8({-896.0f, 34.0f, 38.0f}) == floats{-896, 32, 40});
  CHECK(fp8({0.0f}) == floats{0});
}

TEST_CASE("round_int4_token_head: ties away from zero, and the zero point sits in the scale's lowest bits") {
  // min -2, max 13: scale 1, zero 2.  Numbers come back by a scale whose last four bits are 2.
  const float stored = std::bit_cast<float>(std::bit_cast<std::uint32_t>(1.0f) | 2U);
  CHECK(int4({-2.0f, 13.0f, 0.5f, -0.5f, 2.5f, 2.49f}) ==
        floats{-2 * stored, 13 * stored, 1 * stored, 0, 3 * stored, 2 * stored});
  // A scale whose last bits are not 0 loses them: 15.3 / 15 with zero 0.
  const float s = 15.3f / 15.0f;
  const float cleared = std::bit_cast<float>(std::bit_cast<std::uint32_t>(s) & ~15U);
  CHECK(cleared != s);
  CHECK(int4({0.0f, 15.3f}) == floats{0, 15 * cleared});
}

TEST_CASE("round_int4_token_head: zero point and codes are clamped, so that all positive numbers saturate") {
  // min 10, max 25: scale 1, -10 would be the zero point; 0 is, and codes end at 15.
  CHECK(int4({10.0f, 25.0f, 12.0f}) == floats{10, 15, 12});
  // min -25, max -10: 25 would be the zero point; 15 is.
  const float stored = std::bit_cast<float>(std::bit_cast<std::uint32_t>(1.0f) | 15U);
  CHECK(int4({-25.0f, -10.0f, -12.0f}) == floats{-15 * stored, -10 * stored, -12 * stored});
  // A constant has the smallest scale, of which there are 15 at most.
  CHECK(int4({5.0f, 5.0f})[0] == doctest::Approx(15e-6));
  CHECK(int4({0.0f, 0.0f}) == floats{0, 0});
}

}  // namespace cache_token_head_rules_test
