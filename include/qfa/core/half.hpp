// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_HALF_HPP
#define QFA_CORE_HALF_HPP

#include <bit>
#include <cmath>
#include <cstdint>

#include "qfa/core/ieee.hpp"

namespace qfa {

/// bfloat16 is the upper half of a float: decoding appends sixteen zero bits.
constexpr float from_bf16(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Nearest bfloat16, ties to even; NaN stays NaN (quiet), overflow becomes infinity.
constexpr std::uint16_t to_bf16(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  // Half a unit in the last place, less one bit where the kept part is even, so that a tie goes to even.
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

/// What a bfloat16 register would hold of x.
constexpr float round_to_bf16(float x) noexcept { return from_bf16(to_bf16(x)); }

/// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits; exact, since every half is a float.
inline float from_f16(std::uint16_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fU;
  const std::uint32_t fraction = bits & 0x3ffU;
  if (exponent == 0) {  // zero or subnormal: fraction 2^-24
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000U | (fraction << 13));
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (fraction << 13));
}

/// Nearest IEEE 754 binary16, ties to even; from 65520 on an infinity, NaN stays NaN (quiet).
constexpr std::uint16_t to_f16(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);
  if (magnitude >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);
  if (magnitude < 0x38800000U) {
    // Below 2^-14 a half counts units of 2^-24, as floats do from 0.5 to 1: the addition rounds to that unit.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
  }
  // The exponent moves by 112; a carry out of the fraction moves it further, as it should.
  const std::uint32_t rounded = magnitude - (112U << 23) + 0xfffU + ((magnitude >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

}  // namespace qfa

#endif
