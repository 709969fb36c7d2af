// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_ROUNDING_HPP
#define QFA_COMPRESS_ROUNDING_HPP

#include <array>
#include <bit>
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "qfa/core/half.hpp"

namespace qfa {

static_assert(FLT_EVAL_METHOD == 0, "half_even needs float additions that are rounded to float");

/// The bits of |x|.  They order as the magnitudes do, and every NaN and infinity stands at or above `infinity_bits`.
constexpr std::uint32_t magnitude_bits(float x) noexcept { return std::bit_cast<std::uint32_t>(x) & 0x7fffffffU; }
inline constexpr std::uint32_t infinity_bits = 0x7f800000U;

/// The nearest integer, ties to even; the sign of zero is kept, as by torch.round.
///
/// A float of 2^23 or more has no fraction bits; below, adding 2^23 leaves the sum none, so that the hardware's own
/// rounding of the addition (to nearest, ties to even, unless somebody changed the mode) does the work.  Unlike
/// std::nearbyint it is constexpr, and no call where SSE4.1 is missing.
constexpr float half_even(float x) noexcept {
  constexpr float no_fraction = 8388608.0f;
  const std::uint32_t bits = magnitude_bits(x);
  const float magnitude = std::bit_cast<float>(bits);
  const float rounded = (magnitude + no_fraction) - no_fraction;
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) & 0x80000000U;
  const float with_sign = std::bit_cast<float>(std::bit_cast<std::uint32_t>(rounded) | sign);
  return magnitude < no_fraction ? with_sign : x;
}

static_assert(half_even(0.5f) == 0.0f && half_even(1.5f) == 2.0f && half_even(2.5f) == 2.0f);
static_assert(half_even(-0.5f) == 0.0f && half_even(-1.5f) == -2.0f && half_even(-2.5f) == -2.0f);

/// What a binary16 register would hold of x: nearest, ties to even; from 65520 on an infinity.
///
/// Below 2^-14 a half counts units of 2^-24, as floats do from 0.5 to 1: adding 0.5 rounds to that unit.
constexpr float round_to_f16(float x) noexcept {
  const std::uint32_t bits = magnitude_bits(x);
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) & 0x80000000U;
  const float subnormal = (std::bit_cast<float>(bits) + 0.5f) - 0.5f;
  const std::uint32_t kept = (bits + 0xfffU + ((bits >> 13) & 1U)) & ~0x1fffU;
  std::uint32_t rounded = bits < 0x38800000U ? std::bit_cast<std::uint32_t>(subnormal) : kept;
  if (bits >= 0x477ff000U) rounded = infinity_bits;
  if (bits > infinity_bits) rounded = bits | 0x400000U;
  return std::bit_cast<float>(rounded | sign);
}

/// The floating-point types that arithmetic can be done in.
enum class float_format : std::uint8_t { fp32, bf16, fp16 };
inline constexpr std::array<std::string_view, 3> float_format_names{"fp32", "bf16", "fp16"};
constexpr const auto& names_of(float_format) noexcept { return float_format_names; }
constexpr std::string_view name_of(float_format format) noexcept {
  return float_format_names[static_cast<std::size_t>(format)];
}

constexpr int bits_of(float_format format) noexcept { return format == float_format::fp32 ? 32 : 16; }

/// Calls `body` with the format as a type, std::integral_constant<float_format, F>: arithmetic is chosen once, ahead of
/// its loops.
template <class Body>
constexpr decltype(auto) with_format(float_format format, Body body) {
  switch (format) {
    case float_format::bf16:
      return body(std::integral_constant<float_format, float_format::bf16>{});
    case float_format::fp16:
      return body(std::integral_constant<float_format, float_format::fp16>{});
    case float_format::fp32:
      break;
  }
  return body(std::integral_constant<float_format, float_format::fp32>{});
}

/// What a register of type F would hold of x: nearest, ties to even.
template <float_format F>
constexpr float round_to(float x) noexcept {
  if constexpr (F == float_format::bf16)
    return round_to_bf16(x);
  else if constexpr (F == float_format::fp16)
    return round_to_f16(x);
  else
    return x;
}
constexpr float round_to(float_format format, float x) noexcept {
  switch (format) {
    case float_format::bf16: return round_to_bf16(x);
    case float_format::fp16: return round_to_f16(x);
    case float_format::fp32: break;
  }
  return x;
}

}  // namespace qfa

#endif
