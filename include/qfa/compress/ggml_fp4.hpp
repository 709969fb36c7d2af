// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_FP4_HPP
#define QFA_COMPRESS_GGML_FP4_HPP

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "qfa/compress/ggml_block.hpp"

namespace qfa {

namespace ggml {

/// Twice the numbers of E2M1, so that they are whole; scales are halved instead.  Code 8 is zero without a sign.
inline constexpr std::array<int, 16> doubled_e2m1{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// The code whose number times `half_scale` is nearest to `x`, the first where several are: code 8 is never chosen, and
/// of two magnitudes equally near the smaller one is.
inline std::uint8_t nearest_e2m1(float x, float half_scale) noexcept {
  std::uint8_t best = 0;
  float least = std::fabs(x);
  for (std::uint8_t code = 1; code < 16; ++code) {
    const float error = std::fabs(rounded_product(static_cast<float>(doubled_e2m1[code]), half_scale) - x);
    if (error < least) {
      least = error;
      best = code;
    }
  }
  return best;
}

/// 2^(e - 128), half of what E8M0 means by e.  The reference takes 255, a NaN by the OCP's definition, for a number
/// too.
inline float half_e8m0(std::uint8_t e) noexcept {
  const std::uint32_t bits = e < 2 ? 0x00200000U << e : static_cast<std::uint32_t>(e - 1) << 23U;
  return std::bit_cast<float>(bits);
}

/// ggml's unsigned E4M3.  Not the nearest code: halves of the last place round up, everything from 248 on becomes the
/// largest number, 448, and below 2^-6 the product with 512 is rounded half up, to 7 at most.
inline std::uint8_t to_ue4m3(float x) noexcept {
  if (!(x > 0.0f)) return 0;
  if (x > 448.0f) x = 448.0f;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const int exponent = static_cast<int>(bits >> 23U & 255U) - 127 + 7;
  if (exponent <= 0) return static_cast<std::uint8_t>(clamp(static_cast<int>(twice_rounded(x, 512.0f, 0.5f)), 0, 7));
  const unsigned rounded = (static_cast<unsigned>(exponent) << 3U) + (bits >> 20U & 7U) + (bits >> 19U & 1U);
  return static_cast<std::uint8_t>(rounded < 0x78U ? rounded : 0x7eU);
}

/// Half of the number of a code.  Code 127, NaN elsewhere, is 0, and the highest bit is not looked at.
inline float half_ue4m3(std::uint8_t code) noexcept {
  const int exponent = code >> 3U & 15U;
  const auto fraction = static_cast<float>(code & 7U);
  if (code == 0x7f) return 0.0f;
  return exponent == 0 ? std::ldexp(fraction, -10) : std::ldexp(8.0f + fraction, exponent - 11);
}

/// Codes of E2M1 under a power of two of 32 elements, 2^(floor(log2 peak) - 2).  A byte of E8M0, then the codes as Q4_0
/// has them.
///
/// The logarithm is rounded to float before its floor is taken, as the reference's is, so that a peak one or a few
/// units below a power of two may count as that power.  Exponents below the lowest become the lowest.
struct mxfp4 {
  static constexpr std::string_view name = "mxfp4";
  static constexpr std::size_t elements = 32;
  static constexpr std::size_t bytes = 17;

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    std::uint8_t* const out = octets(block);
    const float peak = peak_of(x).magnitude;
    out[0] = 0;
    if (peak > 0.0f) {
      const auto logarithm = static_cast<float>(std::log2(static_cast<double>(peak)));
      out[0] = static_cast<std::uint8_t>(clamp(static_cast<int>(std::floor(logarithm)) - 2 + 127, 0, 254));
    }
    const float scale = half_e8m0(out[0]);
    for (std::size_t j = 0; j < 16; ++j)
      out[1 + j] = static_cast<std::uint8_t>(nearest_e2m1(x[j], scale) | nearest_e2m1(x[j + 16], scale) << 4U);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const std::uint8_t* const in = octets(block);
    const float scale = half_e8m0(in[0]);
    for (std::size_t j = 0; j < 32; ++j)
      y[j] = static_cast<float>(doubled_e2m1[in[1 + j % 16] >> (j < 16 ? 0U : 4U) & 15U]) * scale;
  }
};

/// Codes of E2M1, each sixteen elements under a scale of UE4M3, peak / 6; no scale of the whole tensor, unlike NVFP4
/// elsewhere.  Four scales, then eight bytes for each sixteen elements: byte j holds elements j (low) and j + 8 (high).
struct nvfp4 {
  static constexpr std::string_view name = "nvfp4";
  static constexpr std::size_t elements = 64;
  static constexpr std::size_t bytes = 36;

  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    std::uint8_t* const out = octets(block);
    for (std::size_t s = 0; s < 4; ++s) {
      const auto part = x.subspan(16 * s, 16);
      out[s] = to_ue4m3(peak_of(part).magnitude / 6.0f);
      const float scale = half_ue4m3(out[s]);
      for (std::size_t j = 0; j < 8; ++j)
        out[4 + 8 * s + j] =
            static_cast<std::uint8_t>(nearest_e2m1(part[j], scale) | nearest_e2m1(part[j + 8], scale) << 4U);
    }
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    const std::uint8_t* const in = octets(block);
    for (std::size_t e = 0; e < 64; ++e) {
      const unsigned both = in[4 + e / 16 * 8 + e % 8];
      y[e] = static_cast<float>(doubled_e2m1[both >> (e % 16 < 8 ? 0U : 4U) & 15U]) * half_ue4m3(in[e / 16]);
    }
  }
};

}  // namespace ggml

static_assert(ggml_block_format<ggml::mxfp4> && ggml_block_format<ggml::nvfp4>);

}  // namespace qfa

#endif
