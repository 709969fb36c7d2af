// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_IQ4_NL_HPP
#define QFA_COMPRESS_GGML_IQ4_NL_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "qfa/compress/ggml_block.hpp"
#include "qfa/compress/ggml_legacy.hpp"
#include "qfa/core/exact.hpp"

namespace qfa {

namespace ggml {

/// The sixteen levels of IQ4_NL, denser around zero.
inline constexpr std::array<int, 16> iq4_nl_levels{-127, -104, -83, -65, -49, -35, -22, -10,
                                                   1,    13,   25,  38,  53,  69,  89,  113};

/// The level nearest to `x`, the upper one where two are equally near.
inline std::size_t nearest_iq4_nl(float x) noexcept {
  const auto level = [](std::size_t i) { return static_cast<float>(iq4_nl_levels[i]); };
  if (x <= level(0)) return 0;
  if (!(x < level(15))) return 15;
  std::size_t upper = 1;
  while (!(x < level(upper)))
    ++upper;
  return x - level(upper - 1) < level(upper) - x ? upper - 1 : upper;
}

/// 32 codes into a table.  A half d, then the codes as Q4_0 has them; y = d level(q).
///
/// Codes by 1 / d = -127 / peak; then d = Swvx / Swvv over the chosen levels v, w = x^2, and the codes stay.  This is
/// what the reference does for caches; its tool for files tries fourteen more scales.  Where no element reaches
/// smallest_peak, d is 0 and every code 8, whose level is positive, so that zeros come back without a sign; the
/// reference leaves the codes of the block before.
struct iq4_nl {
  static constexpr std::string_view name = "iq4_nl";
  static constexpr std::size_t elements = 32;
  static constexpr std::size_t bytes = 18;

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    std::array<std::uint8_t, 32> codes{};
    codes.fill(8);
    float d = 0.0f;
    const signed_peak peak = peak_of(x);
    if (!(peak.magnitude < smallest_peak)) {
      const float inverse = 1.0f / (peak.value / static_cast<float>(iq4_nl_levels[0]));
      float sum_wvx = 0.0f, sum_wvv = 0.0f;
      for (std::size_t j = 0; j < 32; ++j) {
        const std::size_t code = nearest_iq4_nl(rounded_product(inverse, x[j]));
        codes[j] = static_cast<std::uint8_t>(code);
        const auto v = static_cast<float>(iq4_nl_levels[code]);
        const float wv = x[j] * x[j] * v;
        sum_wvx += rounded_product(wv, x[j]);
        sum_wvv += rounded_product(wv, v);
      }
      d = sum_wvx / sum_wvv;
    }
    put_half(octets(block), d);
    half_and_half<4>::put(codes, octets(block) + 2);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const float d = half_at(octets(block));
    const auto codes = half_and_half<4>::read(octets(block) + 2);
    for (std::size_t j = 0; j < 32; ++j)
      y[j] = d * static_cast<float>(iq4_nl_levels[codes[j]]);
  }
};

}  // namespace ggml

static_assert(ggml_block_format<ggml::iq4_nl>);

}  // namespace qfa

#endif
