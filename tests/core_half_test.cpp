// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/half.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace core_half_test {

namespace {

/// A small float by its definition, one bit at a time, in double: an oracle that shares no trick with the header.
double decode(unsigned bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const bool negative = ((bits >> (exponent_bits + fraction_bits)) & 1U) != 0;
  int exponent = 0;
  for (int i = 0; i < exponent_bits; ++i)
    if (((bits >> (fraction_bits + i)) & 1U) != 0) exponent += 1 << i;
  double fraction = 0.0;
  for (int i = 0; i < fraction_bits; ++i)
    if (((bits >> i) & 1U) != 0) fraction += std::pow(2.0, i - fraction_bits);
  double magnitude = 0.0;
  if (exponent == (1 << exponent_bits) - 1) {
    magnitude = fraction == 0.0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = fraction * std::pow(2.0, 1 - bias);
  } else {
    magnitude = (1.0 + fraction) * std::pow(2.0, exponent - bias);
  }
  return negative ? -magnitude : magnitude;
}

/// The same number, its sign included; or both NaN.
bool same(float a, double b) {
  const double x = static_cast<double>(a);
  if (std::isnan(x) || std::isnan(b)) return std::isnan(x) && std::isnan(b);
  return x == b && std::signbit(x) == std::signbit(b);
}

float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

}  // namespace

TEST_CASE("half: all 65536 binary16 numbers decode by their definition") {
  unsigned wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits)
    if (!same(qfa::from_f16(static_cast<std::uint16_t>(bits)), decode(bits, 5, 10))) ++wrong;
  CHECK(wrong == 0);
}

TEST_CASE("half: all 65536 bfloat16 numbers decode by their definition") {
  unsigned wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits)
    if (!same(qfa::from_bf16(static_cast<std::uint16_t>(bits)), decode(bits, 8, 7))) ++wrong;
  CHECK(wrong == 0);
}

TEST_CASE("half: known binary16 numbers") {
  CHECK(qfa::from_f16(0x3c00) == 1.0f);
  CHECK(qfa::from_f16(0xc000) == -2.0f);
  CHECK(qfa::from_f16(0x7bff) == 65504.0f);                // the largest
  CHECK(qfa::from_f16(0x0001) == std::ldexp(1.0f, -24));   // the smallest
  CHECK(qfa::from_f16(0x0400) == std::ldexp(1.0f, -14));   // the smallest normal one
  CHECK(qfa::from_f16(0x3555) == 0.333251953125f);
}

TEST_CASE("half: binary16 and bfloat16 read the same bits differently") {
  CHECK(qfa::from_bf16(0x3f80) == 1.0f);
  CHECK(qfa::from_f16(0x3f80) == 1.875f);
}

TEST_CASE("half: every bfloat16 survives the way to float and back") {
  unsigned wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto stored = static_cast<std::uint16_t>(bits);
    const float x = qfa::from_bf16(stored);
    if (std::isnan(x) ? !std::isnan(qfa::round_to_bf16(x)) : qfa::to_bf16(x) != stored) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("half: to_bf16 takes the nearest, and of two the even one") {
  CHECK(qfa::to_bf16(from_bits(0x3f808000)) == 0x3f80);  // a tie above an even one stays
  CHECK(qfa::to_bf16(from_bits(0x3f818000)) == 0x3f82);  // a tie above an odd one goes up
  CHECK(qfa::to_bf16(from_bits(0x3f807fff)) == 0x3f80);
  CHECK(qfa::to_bf16(from_bits(0x3f808001)) == 0x3f81);
  CHECK(qfa::to_bf16(from_bits(0x3f817fff)) == 0x3f81);
  CHECK(qfa::to_bf16(from_bits(0x3f818001)) == 0x3f82);
  CHECK(qfa::to_bf16(from_bits(0xbf808000)) == 0xbf80);
  CHECK(qfa::to_bf16(from_bits(0xbf818000)) == 0xbf82);
  CHECK(qfa::to_bf16(from_bits(0x3fff8000)) == 0x4000);  // the carry runs into the exponent
  CHECK(qfa::to_bf16(from_bits(0x00008000)) == 0x0000);  // half the smallest subnormal is a tie above zero
  CHECK(qfa::to_bf16(from_bits(0x00018000)) == 0x0002);
}

TEST_CASE("half: to_bf16 of every tie between neighbors is the even neighbor") {
  unsigned wrong = 0;
  for (unsigned bits = 0; bits < 0x7f80; ++bits) {
    const auto even = static_cast<std::uint16_t>(bits + (bits & 1U));
    if (qfa::to_bf16(from_bits((bits << 16) | 0x8000U)) != even) ++wrong;
    if (qfa::to_bf16(from_bits((bits << 16) | 0x7fffU)) != bits) ++wrong;
    if (qfa::to_bf16(from_bits((bits << 16) | 0x8001U)) != bits + 1) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("half: to_bf16 keeps zeros' signs, infinities and NaN") {
  CHECK(qfa::to_bf16(0.0f) == 0x0000);
  CHECK(qfa::to_bf16(-0.0f) == 0x8000);
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(qfa::to_bf16(inf) == 0x7f80);
  CHECK(qfa::to_bf16(-inf) == 0xff80);
  CHECK(qfa::to_bf16((std::numeric_limits<float>::max)()) == 0x7f80);  // nearer to infinity than to the largest
  CHECK(std::isnan(qfa::round_to_bf16(std::numeric_limits<float>::quiet_NaN())));
  // A NaN all of whose fraction lies in the bits that are cut off must not become an infinity.
  CHECK(std::isnan(qfa::round_to_bf16(from_bits(0x7f800001))));
  CHECK(std::isnan(qfa::round_to_bf16(from_bits(0xffffffff))));
  CHECK(std::signbit(qfa::round_to_bf16(from_bits(0xff800001))));
}

static_assert(qfa::round_to_bf16(1.0f) == 1.0f);
static_assert(qfa::to_bf16(3.14159265f) == 0x4049);

TEST_CASE("half: every binary16 number is its own nearest one") {
  unsigned wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float x = qfa::from_f16(static_cast<std::uint16_t>(bits));
    if (std::isnan(x)) {
      if (!std::isnan(qfa::from_f16(qfa::to_f16(x)))) ++wrong;
    } else if (qfa::to_f16(x) != bits) {
      ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("half: between two binary16 numbers the nearer one is taken, and the even one halfway") {
  unsigned wrong = 0;
  for (unsigned bits = 0; bits < 0x7bff; ++bits) {
    const float low = qfa::from_f16(static_cast<std::uint16_t>(bits));
    const float high = qfa::from_f16(static_cast<std::uint16_t>(bits + 1));
    const float middle = 0.5f * (low + high);
    const unsigned even = bits % 2 == 0 ? bits : bits + 1;
    if (qfa::to_f16(middle) != even || qfa::to_f16(-middle) != (even | 0x8000U)) ++wrong;
    if (qfa::to_f16(std::nextafter(middle, 0.0f)) != bits) ++wrong;
    if (qfa::to_f16(std::nextafter(middle, 1e9f)) != bits + 1) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("half: beyond the largest binary16 number lies infinity") {
  CHECK(qfa::to_f16(65504.0f) == 0x7bff);
  CHECK(qfa::to_f16(std::nextafter(65520.0f, 0.0f)) == 0x7bff);
  CHECK(qfa::to_f16(65520.0f) == 0x7c00);
  CHECK(qfa::to_f16(-std::numeric_limits<float>::infinity()) == 0xfc00);
}

}  // namespace core_half_test
