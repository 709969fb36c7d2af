// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_K_HPP
#define QFA_COMPRESS_GGML_K_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "qfa/compress/ggml_block.hpp"
#include "qfa/compress/ggml_k_search.hpp"
#include "qfa/core/exact.hpp"

// ggml's K-quants: 256 elements in sub-blocks of 16 or 32, each with a scale of 4, 6 or 8 bits, which a half scales in
// turn.  A search finds each sub-block's float scale (ggml_k_search.hpp); the codes are then taken anew by the scale as
// it is stored, except where that is zero.

namespace qfa::ggml {

inline constexpr std::size_t super_block = 256;
using super_codes = std::array<std::uint8_t, super_block>;

/// Codes of two bits, four a byte: of each 128 elements, byte l holds those of l, l + 32, l + 64 and l + 96.
inline void put_two_bits(const super_codes& codes, std::uint8_t* at) noexcept {
  for (std::size_t b = 0; b < super_block / 4; ++b) {
    const std::size_t e = b / 32 * 128 + b % 32;
    at[b] = static_cast<std::uint8_t>((codes[e] & 3U) | (codes[e + 32] & 3U) << 2U | (codes[e + 64] & 3U) << 4U |
                                      (codes[e + 96] & 3U) << 6U);
  }
}
inline unsigned two_bits_at(const std::uint8_t* at, std::size_t e) noexcept {
  return at[e / 128 * 32 + e % 32] >> (e / 32 % 4 * 2) & 3U;
}

/// One bit of each element: that of element e is bit e / 32 of byte e % 32.
inline void put_single_bits(const super_codes& codes, unsigned bit, std::uint8_t* at) noexcept {
  std::fill_n(at, 32, std::uint8_t{0});
  for (std::size_t e = 0; e < super_block; ++e)
    at[e % 32] = static_cast<std::uint8_t>(at[e % 32] | (codes[e] >> bit & 1U) << (e / 32));
}
inline unsigned single_bit_at(const std::uint8_t* at, std::size_t e) noexcept { return at[e % 32] >> (e / 32) & 1U; }

/// The low four bits of each element: of each 64 elements, byte l holds those of l and l + 32.
inline void put_nibbles(const super_codes& codes, std::uint8_t* at) noexcept {
  for (std::size_t b = 0; b < super_block / 2; ++b) {
    const std::size_t e = b / 32 * 64 + b % 32;
    at[b] = static_cast<std::uint8_t>((codes[e] & 15U) | (codes[e + 32] & 15U) << 4U);
  }
}
inline unsigned nibble_at(const std::uint8_t* at, std::size_t e) noexcept {
  return at[e / 64 * 32 + e % 32] >> (e / 32 % 2 * 4) & 15U;
}

/// The largest of some scales that are not negative; 0 of none.
inline float largest_of(std::span<const float> scales) noexcept {
  float largest = 0.0f;
  for (const float s : scales)
    if (s > largest) largest = s;
  return largest;
}

/// 16 x 16, w = |x|, scales and minima of four bits (scale low, minimum high).  scales[16], codes, halves d and dmin;
/// y = d sc q - dmin m.
struct q2_K {
  static constexpr std::string_view name = "q2_K";
  static constexpr std::size_t elements = super_block;
  static constexpr std::size_t bytes = 84;

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    std::uint8_t* const out = octets(block);
    super_codes codes{};
    std::array<float, 16> scales{}, minima{};
    for (std::size_t j = 0; j < 16; ++j) {
      const auto part = x.subspan(16 * j, 16);
      std::array<float, 16> weights{};
      for (std::size_t i = 0; i < 16; ++i)
        weights[i] = std::fabs(part[i]);
      const auto found = make_qkx2(part, weights, std::span(codes).subspan(16 * j, 16),
                                   {.highest = 3, .first = -0.5f, .step = 0.1f, .last = 15, .absolute = true});
      scales[j] = found.scale;
      minima[j] = found.minimum;
    }
    std::fill_n(out, 16, std::uint8_t{0});
    const auto store = [&](const std::array<float, 16>& values, unsigned shift, std::uint8_t* half) {
      const float largest = largest_of(values);
      put_half(half, largest > 0.0f ? largest / 15.0f : 0.0f);
      if (!(largest > 0.0f)) return;
      const float inverse = 15.0f / largest;
      for (std::size_t j = 0; j < 16; ++j)
        out[j] =
            static_cast<std::uint8_t>(out[j] | (static_cast<unsigned>(nearest_int(inverse, values[j])) & 15U) << shift);
    };
    store(scales, 0, out + 80);
    store(minima, 4, out + 82);
    for (std::size_t j = 0; j < 16; ++j) {
      const float d = half_at(out + 80) * static_cast<float>(out[j] & 15U);
      if (d == 0.0f) continue;
      const float m = rounded_product(half_at(out + 82), static_cast<float>(out[j] >> 4U));
      for (std::size_t e = 16 * j; e < 16 * j + 16; ++e)
        codes[e] = static_cast<std::uint8_t>(clamp(nearest_int((x[e] + m) / d), 0, 3));
    }
    put_two_bits(codes, out + 16);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const std::uint8_t* const in = octets(block);
    for (std::size_t e = 0; e < super_block; ++e) {
      const unsigned scale = in[e / 16];
      const float d = half_at(in + 80) * static_cast<float>(scale & 15U);
      const float m = rounded_product(half_at(in + 82), static_cast<float>(scale >> 4U));
      y[e] = twice_rounded(d, static_cast<float>(two_bits_at(in + 16, e)), -m);
    }
  }
};

/// 16 x 16, scales of six bits with 32 added, codes -4 .. 3.  Third bits, low two bits, scales[12], a half d;
/// y = d sc q.
struct q3_K {
  static constexpr std::string_view name = "q3_K";
  static constexpr std::size_t elements = super_block;
  static constexpr std::size_t bytes = 110;

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    std::uint8_t* const out = octets(block);
    super_codes codes{};
    std::array<float, 16> scales{};
    for (std::size_t j = 0; j < 16; ++j)
      scales[j] = make_q3(x.subspan(16 * j, 16), 4, std::span(codes).subspan(16 * j, 16));
    const float largest = peak_of(scales).value;
    std::fill_n(out + 96, 12, std::uint8_t{0});
    put_half(out + 108, 0.0f);
    if (largest != 0.0f) {
      const float inverse = -32.0f / largest;
      for (std::size_t j = 0; j < 16; ++j)
        put_scale(out + 96, j, static_cast<unsigned>(clamp(nearest_int(inverse, scales[j]), -32, 31) + 32));
      put_half(out + 108, 1.0f / inverse);
    }
    for (std::size_t j = 0; j < 16; ++j) {
      const float d = half_at(out + 108) * static_cast<float>(scale_at(out + 96, j));
      if (d == 0.0f) continue;
      for (std::size_t e = 16 * j; e < 16 * j + 16; ++e)
        codes[e] = static_cast<std::uint8_t>(clamp(nearest_int(x[e] / d), -4, 3) + 4);
    }
    put_single_bits(codes, 2, out);
    put_two_bits(codes, out + 32);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const std::uint8_t* const in = octets(block);
    for (std::size_t e = 0; e < super_block; ++e) {
      const float d = half_at(in + 108) * static_cast<float>(scale_at(in + 96, e / 16));
      const unsigned code = two_bits_at(in + 32, e) | single_bit_at(in, e) << 2U;
      y[e] = d * static_cast<float>(static_cast<int>(code) - 4);
    }
  }

 private:
  /// Low four bits: bytes 0 to 7, scales 0 to 7 low and 8 to 15 high.  High two bits: bytes 8 to 11, byte j % 4 at
  /// 2 (j / 4).
  static void put_scale(std::uint8_t* at, std::size_t j, unsigned scale) noexcept {
    at[j % 8] = static_cast<std::uint8_t>(at[j % 8] | (scale & 15U) << (j < 8 ? 0U : 4U));
    at[8 + j % 4] = static_cast<std::uint8_t>(at[8 + j % 4] | (scale >> 4U) << (j / 4 * 2));
  }
  static int scale_at(const std::uint8_t* at, std::size_t j) noexcept {
    const unsigned low = at[j % 8] >> (j < 8 ? 0U : 4U) & 15U;
    const unsigned high = at[8 + j % 4] >> (j / 4 * 2) & 3U;
    return static_cast<int>(low | high << 4U) - 32;
  }
};

/// What Q4_K and Q5_K share: 8 x 32, w = rms + |x|, scales and minima of six bits in twelve bytes, y = d sc q - dmin m.
/// Halves d and dmin, scales[12], fifth bits (Q5_K), low four bits.
template <int Bits>
struct affine_k {
  static constexpr std::size_t elements = super_block;
  static constexpr std::size_t high_bytes = Bits == 5 ? 32 : 0;
  static constexpr std::size_t bytes = 4 + 12 + high_bytes + 128;
  static constexpr int highest = (1 << Bits) - 1;
  static constexpr affine_search search = {.highest = highest,
                                           .first = Bits == 4 ? -1.0f : -0.5f,
                                           .step = 0.1f,
                                           .last = Bits == 4 ? 20 : 15,
                                           .absolute = false};

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    std::uint8_t* const out = octets(block);
    super_codes codes{};
    std::array<float, 8> scales{}, minima{};
    for (std::size_t j = 0; j < 8; ++j) {
      const auto part = x.subspan(32 * j, 32);
      float squares = 0.0f;
      for (const float v : part)
        squares += rounded_product(v, v);
      const float rms = std::sqrt(squares / 32.0f);
      std::array<float, 32> weights{};
      for (std::size_t i = 0; i < 32; ++i)
        weights[i] = rms + std::fabs(part[i]);
      const auto found = make_qkx2(part, weights, std::span(codes).subspan(32 * j, 32), search);
      scales[j] = found.scale;
      minima[j] = found.minimum;
    }
    const float largest_scale = largest_of(scales), largest_minimum = largest_of(minima);
    const float per_scale = largest_scale > 0.0f ? 63.0f / largest_scale : 0.0f;
    const float per_minimum = largest_minimum > 0.0f ? 63.0f / largest_minimum : 0.0f;
    put_half(out, largest_scale / 63.0f);
    put_half(out + 2, largest_minimum / 63.0f);
    std::fill_n(out + 4, 12, std::uint8_t{0});
    for (std::size_t j = 0; j < 8; ++j)
      put_scales(out + 4, j, static_cast<unsigned>(clamp(nearest_int(per_scale, scales[j]), 0, 63)),
                 static_cast<unsigned>(clamp(nearest_int(per_minimum, minima[j]), 0, 63)));
    for (std::size_t j = 0; j < 8; ++j) {
      const float d = half_at(out) * static_cast<float>(scale_at(out + 4, j));
      if (d == 0.0f) continue;
      const float m = rounded_product(half_at(out + 2), static_cast<float>(minimum_at(out + 4, j)));
      for (std::size_t e = 32 * j; e < 32 * j + 32; ++e)
        codes[e] = static_cast<std::uint8_t>(clamp(nearest_int((x[e] + m) / d), 0, highest));
    }
    if constexpr (Bits == 5) put_single_bits(codes, 4, out + 16);
    put_nibbles(codes, out + 16 + high_bytes);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const std::uint8_t* const in = octets(block);
    for (std::size_t e = 0; e < super_block; ++e) {
      const float d = half_at(in) * static_cast<float>(scale_at(in + 4, e / 32));
      const float m = rounded_product(half_at(in + 2), static_cast<float>(minimum_at(in + 4, e / 32)));
      unsigned code = nibble_at(in + 16 + high_bytes, e);
      if constexpr (Bits == 5) code |= single_bit_at(in + 16, e) << 4U;
      y[e] = twice_rounded(d, static_cast<float>(code), -m);
    }
  }

 private:
  /// Bytes 0 to 3 begin with the scales 0 to 3, bytes 4 to 7 with the minima 0 to 3, six bits each; of scale and
  /// minimum j = 4 .. 7 byte j + 4 holds the low four bits each, the high two stand on top of bytes j - 4 and j.
  static void put_scales(std::uint8_t* at, std::size_t j, unsigned scale, unsigned minimum) noexcept {
    if (j < 4) {
      at[j] = static_cast<std::uint8_t>(scale);
      at[j + 4] = static_cast<std::uint8_t>(minimum);
    } else {
      at[j + 4] = static_cast<std::uint8_t>((scale & 15U) | (minimum & 15U) << 4U);
      at[j - 4] = static_cast<std::uint8_t>(at[j - 4] | (scale >> 4U) << 6U);
      at[j] = static_cast<std::uint8_t>(at[j] | (minimum >> 4U) << 6U);
    }
  }
  static unsigned scale_at(const std::uint8_t* at, std::size_t j) noexcept {
    if (j < 4) return at[j] & 63U;
    const unsigned low = at[j + 4], high = at[j - 4];
    return (low & 15U) | (high >> 6U) << 4U;
  }
  static unsigned minimum_at(const std::uint8_t* at, std::size_t j) noexcept {
    if (j < 4) return at[j + 4] & 63U;
    const unsigned low = at[j + 4], high = at[j];
    return low >> 4U | (high >> 6U) << 4U;
  }
};

struct q4_K : affine_k<4> {
  static constexpr std::string_view name = "q4_K";
};
struct q5_K : affine_k<5> {
  static constexpr std::string_view name = "q5_K";
};

}  // namespace qfa::ggml

namespace qfa {

static_assert(ggml_block_format<ggml::q2_K> && ggml_block_format<ggml::q3_K> && ggml_block_format<ggml::q4_K> &&
              ggml_block_format<ggml::q5_K>);

}  // namespace qfa

#endif
