// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INTEGER_ROUND_HPP
#define QFA_COMPRESS_INTEGER_ROUND_HPP

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "qfa/compress/rounding.hpp"

namespace qfa {

/// How a quotient becomes an integer.
///   half_even    nearest, ties to even: torch.round, rint, ggml's nearest_int
///   half_away    nearest, ties away from zero: roundf, microxcaling's nearest
///   trunc        toward zero: a float stored into an integer, as vLLM's int8 cache does
///   trunc_half   x + (0.5 - qmin) in fp32, then toward zero, then qmin added back, so that what is truncated is never
///                negative and ties go up: ggml's Q4_0 and Q5_0 (x + 8.5, x + 16.5); Q4_1 and Q5_1, whose codes start
///                at 0, have qmin = 0
enum class integer_rounding : std::uint8_t { half_even, half_away, trunc, trunc_half };
inline constexpr std::array<std::string_view, 4> integer_rounding_names{"half_even", "half_away", "trunc",
                                                                        "trunc_half"};
constexpr const auto& names_of(integer_rounding) noexcept { return integer_rounding_names; }

/// The integer between 0 and x that is nearest to x; the sign of zero is kept.  constexpr and vectorized, unlike
/// std::trunc where SSE4.1 is missing.
constexpr float toward_zero(float x) noexcept {
  const float magnitude = std::bit_cast<float>(magnitude_bits(x));
  const float nearest = half_even(magnitude);
  const float below = nearest > magnitude ? nearest - 1.0f : nearest;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(below) | (std::bit_cast<std::uint32_t>(x) & 0x80000000U));
}

/// The nearest integer, ties away from zero; the sign of zero is kept.  The fraction that is compared is exact, as
/// |x| + 0.5 would not be: the float below 0.5 goes to 0.
constexpr float half_away(float x) noexcept {
  const float magnitude = std::bit_cast<float>(magnitude_bits(x));
  const float below = toward_zero(magnitude);
  const float rounded = magnitude - below >= 0.5f ? below + 1.0f : below;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(rounded) | (std::bit_cast<std::uint32_t>(x) & 0x80000000U));
}

static_assert(half_away(0.5f) == 1.0f && half_away(-2.5f) == -3.0f && half_away(0.49999997f) == 0.0f);
static_assert(toward_zero(2.9f) == 2.0f && toward_zero(-2.9f) == -2.0f);

/// trunc_half on a grid whose lowest code is `lowest`, an integer.
constexpr float truncate_half(float x, float lowest) noexcept { return toward_zero(x + (0.5f - lowest)) + lowest; }

static_assert(truncate_half(-0.7f, -8.0f) == -1.0f && truncate_half(-0.5f, -8.0f) == 0.0f);

/// `lowest` is the grid's lowest code, from which trunc_half counts; the others do without.
constexpr float round_to_integer(integer_rounding how, float x, float lowest = 0.0f) noexcept {
  switch (how) {
    case integer_rounding::half_even:
      break;
    case integer_rounding::half_away:
      return half_away(x);
    case integer_rounding::trunc:
      return toward_zero(x);
    case integer_rounding::trunc_half:
      return truncate_half(x, lowest);
  }
  return half_even(x);
}

}  // namespace qfa

#endif
