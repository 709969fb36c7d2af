// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_TOKEN_HEAD_RULES_HPP
#define QFA_CACHE_TOKEN_HEAD_RULES_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

#include "qfa/compress/minifloat.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/weight_rows.hpp"

namespace qfa {

/// How vLLM's int8 codes are rounded: its Triton kernels store a float as int8 without rounding, which cuts it off
/// toward zero; its tests' reference rounds half to even.
enum class int8_rounding : std::uint8_t { trunc, half_even };
inline constexpr std::array<std::string_view, 2> int8_rounding_names{"trunc", "half_even"};
constexpr const auto& names_of(int8_rounding) noexcept { return int8_rounding_names; }

/// vLLM gives no token-head a smaller scale.
inline constexpr float smallest_token_head_scale = 1e-6f;

/// fp8_per_token_head, on one head's vector of one token: s = max(absmax / 448, 1e-6); x <- E4M3(x (1 / s)) s.
inline void round_fp8_token_head(std::span<float> x) noexcept {
  const float s = (std::max)(absmax(x) / e4m3::limit(), smallest_token_head_scale);
  const float inverse = 1.0f / s;
  for (float& v : x)
    v = e4m3::round(v * inverse) * s;
}

/// int8_per_token_head: s = max(absmax / 127, 1e-6); q = x (1 / s), clamped to [-128, 127] and rounded; x <- q s.
inline void round_int8_token_head(std::span<float> x, int8_rounding rounding) noexcept {
  const float s = (std::max)(absmax(x) / 127.0f, smallest_token_head_scale);
  const float inverse = 1.0f / s;
  for (float& v : x) {
    const float q = std::clamp(v * inverse, -128.0f, 127.0f);
    // As an integer, so that no zero has a sign.
    v = static_cast<float>(static_cast<int>(rounding == int8_rounding::trunc ? q : half_even(q))) * s;
  }
}

/// int4_per_token_head, after its rotation: s = max((max - min) / 15, 1e-6); z = clamp(round(-min / s), 0, 15);
/// q = clamp(round(x / s + z), 0, 15), ties away from zero.  The lowest four bits of s are given to z, so that numbers
/// come back by another scale than they were quantized by: x <- (q - z) s'.
inline void round_int4_token_head(std::span<float> x) noexcept {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const float s = (std::max)((*high - *low) / 15.0f, smallest_token_head_scale);
  const float zero = std::clamp(std::round(-*low / s), 0.0f, 15.0f);
  const auto z = static_cast<std::uint32_t>(zero);
  const float stored = std::bit_cast<float>((std::bit_cast<std::uint32_t>(s) & ~std::uint32_t{15}) | z);
  for (float& v : x)
    v = (std::clamp(std::round(v / s + zero), 0.0f, 15.0f) - zero) * stored;
}

}  // namespace qfa

#endif
