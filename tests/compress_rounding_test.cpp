// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/rounding.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string_view>

#include <doctest/doctest.h>

namespace compress_rounding_test {

using qfa::half_even;

TEST_CASE("half_even: every halfway point goes to the even neighbor, on both sides of zero") {
  for (int n = -70000; n <= 70000; ++n) {
    const float x = static_cast<float>(n) + 0.5f;
    const float expected = static_cast<float>(n % 2 == 0 ? n : n + 1);
    if (half_even(x) != expected) FAIL_CHECK(x, " went to ", half_even(x));
  }
}

TEST_CASE("half_even: the floats next to a halfway point go to their own side") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (int n = 0; n <= 70000; ++n) {
    const float half = static_cast<float>(n) + 0.5f;
    if (half_even(std::nextafter(half, 0.0f)) != static_cast<float>(n)) FAIL_CHECK("below ", half);
    if (half_even(std::nextafter(half, infinity)) != static_cast<float>(n + 1)) FAIL_CHECK("above ", half);
  }
}

TEST_CASE("half_even: it agrees with nearbyint to the bit, the sign of zero included, over floats of every exponent") {
  std::size_t wrong = 0;
  for (std::uint64_t bits = 0; bits <= 0xffffffffU; bits += 4099) {  // a prime, so that the low bits vary
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isnan(x)) {
      wrong += std::isnan(half_even(x)) ? 0U : 1U;
      continue;
    }
    wrong += std::bit_cast<std::uint32_t>(half_even(x)) == std::bit_cast<std::uint32_t>(std::nearbyint(x)) ? 0U : 1U;
  }
  CHECK(wrong == 0);
  CHECK(std::signbit(half_even(-0.0f)));
  CHECK(std::signbit(half_even(-0.3f)));
  CHECK_FALSE(std::signbit(half_even(0.3f)));
}

TEST_CASE("half_even: where floats have no fraction nothing changes") {
  for (const float x : {8388607.0f, 8388608.0f, 8388609.0f, 16777217.0f, std::numeric_limits<float>::max()}) {
    CHECK(half_even(x) == x);
    CHECK(half_even(-x) == -x);
  }
  CHECK(half_even(8388607.5f) == 8388608.0f);
  CHECK(half_even(8388606.5f) == 8388606.0f);
  CHECK(std::isinf(half_even(std::numeric_limits<float>::infinity())));
  CHECK(std::isnan(half_even(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("magnitude_bits: they order as magnitudes do") {
  float last = 0.0f;
  for (const float x : {std::numeric_limits<float>::denorm_min(), 1e-40f, 1e-20f, 0.5f, 1.0f, 3e38f}) {
    CHECK(qfa::magnitude_bits(x) > qfa::magnitude_bits(last));
    CHECK(qfa::magnitude_bits(-x) == qfa::magnitude_bits(x));
    last = x;
  }
  CHECK(qfa::magnitude_bits(std::numeric_limits<float>::max()) < qfa::infinity_bits);
  CHECK(qfa::magnitude_bits(-std::numeric_limits<float>::infinity()) == qfa::infinity_bits);
  CHECK(qfa::magnitude_bits(std::numeric_limits<float>::quiet_NaN()) > qfa::infinity_bits);
}

TEST_CASE("round_to: fp32 changes nothing, bf16 keeps eight significant bits") {
  for (const float x : {0.1f, -1.0f / 3.0f, 1.00390625f, 1.01171875f}) {
    CHECK(qfa::round_to(qfa::float_format::fp32, x) == x);
    CHECK(qfa::round_to<qfa::float_format::fp32>(x) == x);
    CHECK(qfa::round_to<qfa::float_format::bf16>(x) == qfa::round_to(qfa::float_format::bf16, x));
  }
  CHECK(qfa::round_to<qfa::float_format::bf16>(1.00390625f) == 1.0f);  // halfway, to even
  CHECK(qfa::round_to<qfa::float_format::bf16>(1.01171875f) == 1.015625f);
}

TEST_CASE("round_to_f16: every half stays, ties go to the even neighbor, and floats next to a tie to their own side") {
  unsigned wrong = 0;
  for (unsigned bits = 0; bits < 0x7c00; ++bits) {
    const float low = qfa::from_f16(static_cast<std::uint16_t>(bits));
    // Past the largest half the next would be 65536.
    const float high = bits == 0x7bff ? 65536.0f : qfa::from_f16(static_cast<std::uint16_t>(bits + 1));
    const float tie = low + (high - low) / 2.0f;
    const float up = bits == 0x7bff ? std::numeric_limits<float>::infinity() : high;
    for (const float sign : {1.0f, -1.0f}) {
      wrong += qfa::round_to_f16(sign * low) == sign * low ? 0U : 1U;
      wrong += qfa::round_to_f16(sign * tie) == sign * (bits % 2 == 0 ? low : up) ? 0U : 1U;
      wrong += qfa::round_to_f16(sign * std::nextafter(tie, 0.0f)) == sign * low ? 0U : 1U;
      wrong += qfa::round_to_f16(sign * std::nextafter(tie, 1e9f)) == sign * up ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
  CHECK(std::signbit(qfa::round_to_f16(-0.0f)));
  CHECK(std::signbit(qfa::round_to_f16(-1e-30f)));
  CHECK(qfa::round_to_f16(std::numeric_limits<float>::max()) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(qfa::round_to_f16(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isnan(qfa::round_to_f16(std::bit_cast<float>(0x7f800001U))));
  CHECK(qfa::round_to<qfa::float_format::fp16>(0.1f) == qfa::round_to(qfa::float_format::fp16, 0.1f));
  CHECK(qfa::round_to(qfa::float_format::fp16, 0.1f) == 0.0999755859375f);
}

TEST_CASE("float_format: each has a name of its own") {
  const std::set<std::string_view> distinct(qfa::float_format_names.begin(), qfa::float_format_names.end());
  CHECK(distinct.size() == 3);
  CHECK(name_of(qfa::float_format::fp16) == "fp16");
  CHECK(qfa::float_format_names[static_cast<std::size_t>(qfa::float_format::bf16)] == "bf16");
}

}  // namespace compress_rounding_test
