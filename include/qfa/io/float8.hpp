// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_FLOAT8_HPP
#define QFA_IO_FLOAT8_HPP

#include <bit>
#include <cstdint>

namespace qfa {

/// What a stored byte of F8_E4M3 stands for, exactly: 1 sign, 4 exponent bits of bias 7, 3 fraction bits (OCP OFP8,
/// 2023).  There are no infinities, the largest number is 448, and only S.1111.111 is NaN.
constexpr float from_e4m3(std::uint8_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x80U) << 24;
  const std::uint32_t exponent = (bits >> 3) & 15U;
  const std::uint32_t fraction = bits & 7U;
  if (exponent == 0) {  // zero or subnormal: fraction 2^-9
    const float magnitude = static_cast<float>(fraction) * 0x1p-9f;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 15 && fraction == 7) return std::bit_cast<float>(sign | 0x7fc00000U);
  return std::bit_cast<float>(sign | ((exponent + 120U) << 23) | (fraction << 20));
}

/// The same for F8_E5M2: 5 exponent bits of bias 15, 2 fraction bits.  The upper half of a binary16, with its
/// infinities and NaNs.
constexpr float from_e5m2(std::uint8_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x80U) << 24;
  const std::uint32_t exponent = (bits >> 2) & 31U;
  const std::uint32_t fraction = bits & 3U;
  if (exponent == 0) {  // zero or subnormal: fraction 2^-16
    const float magnitude = static_cast<float>(fraction) * 0x1p-16f;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000U | (fraction << 21));
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (fraction << 21));
}

}  // namespace qfa

#endif
