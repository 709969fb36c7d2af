// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_Q6_K_HPP
#define QFA_COMPRESS_GGML_Q6_K_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "qfa/compress/ggml_block.hpp"
#include "qfa/compress/ggml_k_search.hpp"

namespace qfa::ggml {

/// 16 x 16, scales of eight bits with a sign, codes -32 .. 31.  Low four bits, high two bits, scales[16], a half d;
/// y = d sc q.
///
/// Of each 128 elements, low byte l holds l and l + 64, low byte l + 32 holds l + 32 and l + 96 (l < 32), and high byte
/// l the high bits of l, l + 32, l + 64 and l + 96.
struct q6_K {
  static constexpr std::string_view name = "q6_K";
  static constexpr std::size_t elements = 256;
  static constexpr std::size_t bytes = 210;

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    std::uint8_t* const out = octets(block);
    std::fill_n(out, bytes, std::uint8_t{0});
    std::array<std::uint8_t, elements> codes{};
    std::array<float, 16> scales{};
    for (std::size_t j = 0; j < 16; ++j)
      scales[j] = make_qx(x.subspan(16 * j, 16), 32, std::span(codes).subspan(16 * j, 16));
    const signed_peak largest = peak_of(scales);
    if (largest.magnitude < smallest_peak) return;
    const float inverse = -128.0f / largest.value;
    put_half(out + 208, 1.0f / inverse);
    for (std::size_t j = 0; j < 16; ++j) {
      const int scale = (std::min)(127, nearest_int(inverse, scales[j]));
      out[192 + j] = static_cast<std::uint8_t>(static_cast<std::int8_t>(scale));
      const float d = half_at(out + 208) * static_cast<float>(static_cast<std::int8_t>(scale));
      if (d == 0.0f) continue;
      for (std::size_t e = 16 * j; e < 16 * j + 16; ++e)
        codes[e] = static_cast<std::uint8_t>(clamp(nearest_int(x[e] / d), -32, 31) + 32);
    }
    for (std::size_t e = 0; e < elements; ++e) {
      std::uint8_t& low = out[low_byte(e)];
      low = static_cast<std::uint8_t>(low | (codes[e] & 15U) << low_shift(e));
      std::uint8_t& high = out[high_byte(e)];
      high = static_cast<std::uint8_t>(high | (codes[e] >> 4U) << high_shift(e));
    }
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const std::uint8_t* const in = octets(block);
    for (std::size_t e = 0; e < elements; ++e) {
      const float d = half_at(in + 208) * static_cast<float>(static_cast<std::int8_t>(in[192 + e / 16]));
      const unsigned low = in[low_byte(e)], high = in[high_byte(e)];
      const unsigned code = (low >> low_shift(e) & 15U) | (high >> high_shift(e) & 3U) << 4U;
      y[e] = d * static_cast<float>(static_cast<int>(code) - 32);
    }
  }

 private:
  static constexpr std::size_t low_byte(std::size_t e) noexcept { return e / 128 * 64 + e % 64; }
  static constexpr std::size_t low_shift(std::size_t e) noexcept { return e % 128 / 64 * 4; }
  static constexpr std::size_t high_byte(std::size_t e) noexcept { return 128 + e / 128 * 32 + e % 32; }
  static constexpr std::size_t high_shift(std::size_t e) noexcept { return e % 128 / 32 * 2; }
};

}  // namespace qfa::ggml

namespace qfa {

static_assert(ggml_block_format<ggml::q6_K>);

}  // namespace qfa

#endif
