// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_STORED_SCALE_HPP
#define QFA_COMPRESS_STORED_SCALE_HPP

#include <array>
#include <cstdint>
#include <string_view>

#include "qfa/compress/minifloat.hpp"
#include "qfa/compress/rounding.hpp"

namespace qfa {

/// The types that a checkpoint stores scales in, by their names.
///   fp32, fp16, bf16   nearest, ties to even
///   e8m0               the power of two at or above: 2^ceil(log2 s), exponents -127 to 127 (the scales of OCP MX)
///   e4m3               OCP's 8-bit float: nearest, ties to even, subnormals of 2^-9, saturating at 448
enum class stored_scale : std::uint8_t { fp32, fp16, bf16, e8m0_scale, e4m3_scale };
inline constexpr std::array<std::string_view, 5> stored_scale_names{"fp32", "fp16", "bf16", "e8m0", "e4m3"};
constexpr const auto& names_of(stored_scale) noexcept { return stored_scale_names; }

constexpr int bits_of(stored_scale format) noexcept {
  switch (format) {
    case stored_scale::fp32:
      break;
    case stored_scale::fp16:
    case stored_scale::bf16:
      return 16;
    case stored_scale::e8m0_scale:
    case stored_scale::e4m3_scale:
      return 8;
  }
  return 32;
}

/// The power of two at or above a finite s > 0, no less than 2^-127 and no more than 2^127.
constexpr float round_up_to_e8m0(float s) noexcept { return e8m0::decode(e8m0::encode(ceil_log2(s))); }

/// The least positive number of the type.
constexpr float least_positive(stored_scale format) noexcept {
  switch (format) {
    case stored_scale::fp32:
      break;
    case stored_scale::fp16:
      return power_of_two(-24);
    case stored_scale::bf16:
      return power_of_two(-133);
    case stored_scale::e8m0_scale:
      return e8m0::decode(0);
    case stored_scale::e4m3_scale:
      return e4m3::decode(1);
  }
  return power_of_two(-149);
}

/// What is read back of a finite scale, 0 of 0; fp16 may make others infinite, and fp16, bf16 and e4m3 may make them 0.
constexpr float as_stored(stored_scale format, float s) noexcept {
  switch (format) {
    case stored_scale::fp32:
      break;
    case stored_scale::fp16:
      return round_to_f16(s);
    case stored_scale::bf16:
      return round_to_bf16(s);
    case stored_scale::e8m0_scale:
      return s == 0.0f ? 0.0f : round_up_to_e8m0(s);
    case stored_scale::e4m3_scale:
      return e4m3::round(s);
  }
  return s;
}

static_assert(round_up_to_e8m0(1.0f) == 1.0f && round_up_to_e8m0(1.1f) == 2.0f);
static_assert(as_stored(stored_scale::e4m3_scale, 464.0f) == 448.0f &&
              as_stored(stored_scale::e4m3_scale, 0x1p-10f) == 0.0f);

}  // namespace qfa

#endif
