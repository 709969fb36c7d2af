// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_LEGACY_HPP
#define QFA_COMPRESS_GGML_LEGACY_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "qfa/compress/ggml_block.hpp"

namespace qfa {

namespace ggml {

/// 32 codes of four or five bits.  Of sixteen bytes, byte j holds the low four bits of codes j (low) and j + 16 (high);
/// of five bits the fifth one stands before them, that of code j as bit j of a little-endian 32-bit number.
template <int Bits>
struct half_and_half {
  static_assert(Bits == 4 || Bits == 5);
  static constexpr std::size_t high_bytes = Bits == 5 ? 4 : 0;
  static constexpr std::size_t bytes = high_bytes + 16;

  static void put(const std::array<std::uint8_t, 32>& codes, std::uint8_t* at) noexcept {
    if constexpr (Bits == 5)
      for (std::size_t i = 0; i < 4; ++i) {
        unsigned high = 0;
        for (std::size_t j = 0; j < 8; ++j)
          high |= (codes[8 * i + j] >> 4U & 1U) << j;
        at[i] = static_cast<std::uint8_t>(high);
      }
    for (std::size_t j = 0; j < 16; ++j)
      at[high_bytes + j] = static_cast<std::uint8_t>((codes[j] & 15U) | (codes[j + 16] & 15U) << 4U);
  }
  static std::array<std::uint8_t, 32> read(const std::uint8_t* at) noexcept {
    std::array<std::uint8_t, 32> codes{};
    for (std::size_t j = 0; j < 32; ++j) {
      const unsigned low = at[high_bytes + j % 16] >> (j < 16 ? 0U : 4U) & 15U;
      const unsigned high = Bits == 5 ? at[j / 8] >> (j % 8) & 1U : 0U;
      codes[j] = static_cast<std::uint8_t>(low | high << 4U);
    }
    return codes;
  }
};

/// Codes around zero: d = peak / -2^(Bits - 1), where the peak is the first element of the largest magnitude with its
/// sign, so that it meets the lowest code exactly; q = trunc(x / d + 2^(Bits - 1) + 1/2), at most 2^Bits - 1.
/// A half d, then the codes.  Quantized by d in float, unpacked by the half.
template <int Bits>
struct centered {
  using codes = half_and_half<Bits>;
  static constexpr std::size_t elements = 32;
  static constexpr std::size_t bytes = 2 + codes::bytes;
  static constexpr int middle = 1 << (Bits - 1);

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    const float d = peak_of(x).value / static_cast<float>(-middle);
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    std::array<std::uint8_t, 32> q{};
    for (std::size_t j = 0; j < 32; ++j)
      q[j] = static_cast<std::uint8_t>(
          clamp(cut_to_byte(twice_rounded(x[j], inverse, static_cast<float>(middle) + 0.5f)), 0, 2 * middle - 1));
    put_half(octets(block), d);
    codes::put(q, octets(block) + 2);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const float d = half_at(octets(block));
    const auto q = codes::read(octets(block) + 2);
    for (std::size_t j = 0; j < 32; ++j)
      y[j] = static_cast<float>(q[j] - middle) * d;
  }
};

/// Codes from the minimum up: d = (max - min) / (2^Bits - 1), q = trunc((x - min) / d + 1/2), y = q d + min.
/// Halves d and min, then the codes.
template <int Bits>
struct from_minimum {
  using codes = half_and_half<Bits>;
  static constexpr std::size_t elements = 32;
  static constexpr std::size_t bytes = 4 + codes::bytes;
  static constexpr int highest = (1 << Bits) - 1;

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    float low = x[0], high = x[0];
    for (const float v : x) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    const float d = (high - low) / static_cast<float>(highest);
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    std::array<std::uint8_t, 32> q{};
    for (std::size_t j = 0; j < 32; ++j)
      q[j] = static_cast<std::uint8_t>(clamp(cut_to_byte(twice_rounded(x[j] - low, inverse, 0.5f)), 0, highest));
    put_half(octets(block), d);
    put_half(octets(block) + 2, low);
    codes::put(q, octets(block) + 4);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const float d = half_at(octets(block));
    const float low = half_at(octets(block) + 2);
    const auto q = codes::read(octets(block) + 4);
    for (std::size_t j = 0; j < 32; ++j)
      y[j] = twice_rounded(static_cast<float>(q[j]), d, low);
  }
};

struct q4_0 : centered<4> {
  static constexpr std::string_view name = "q4_0";
};
struct q5_0 : centered<5> {
  static constexpr std::string_view name = "q5_0";
};
struct q4_1 : from_minimum<4> {
  static constexpr std::string_view name = "q4_1";
};
struct q5_1 : from_minimum<5> {
  static constexpr std::string_view name = "q5_1";
};

/// d = peak / 127, q = x / d to the nearest, halves away from zero.  A half d, then 32 signed bytes.
///
/// The reference's portable code; its x86 code takes halves to even and 127 / peak instead, for activations.
struct q8_0 {
  static constexpr std::string_view name = "q8_0";
  static constexpr std::size_t elements = 32;
  static constexpr std::size_t bytes = 34;

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    const float d = peak_of(x).magnitude / 127.0f;
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    std::uint8_t* const out = octets(block);
    put_half(out, d);
    for (std::size_t j = 0; j < 32; ++j)
      out[2 + j] = static_cast<std::uint8_t>(cut_to_byte(std::round(x[j] * inverse)));
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const std::uint8_t* const in = octets(block);
    const float d = half_at(in);
    for (std::size_t j = 0; j < 32; ++j)
      y[j] = static_cast<float>(static_cast<std::int8_t>(in[2 + j])) * d;
  }
};

}  // namespace ggml

static_assert(ggml_block_format<ggml::q4_0> && ggml_block_format<ggml::q4_1> && ggml_block_format<ggml::q5_0> &&
              ggml_block_format<ggml::q5_1> && ggml_block_format<ggml::q8_0>);

}  // namespace qfa

#endif
