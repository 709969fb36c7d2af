// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_DOUBLE_QUANT_HPP
#define QFA_COMPRESS_DOUBLE_QUANT_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/compress/code_table.hpp"
#include "qfa/compress/float_blocks.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/exact.hpp"

namespace qfa {

/// The 256 levels of bitsandbytes' signed 8-bit dynamic map (Dettmers, 2016, arXiv 1511.04561): 0, 1, and for each
/// i = 0 .. 6 the middles of 2^i equal parts of [0.1, 1], times 10^(i - 6), with both signs.
///
/// The ends of the parts are found as by torch.linspace in fp32, from both sides to the middle.
constexpr std::array<float, 256> dynamic_map_levels() noexcept {
  constexpr std::array powers{1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
  constexpr std::size_t zero = 127;
  constexpr float low = 0.1f, high = 1.0f;
  std::array<float, 256> levels{};
  std::size_t found = zero;
  for (std::size_t i = 0; i < powers.size(); ++i) {
    const std::size_t parts = std::size_t{1} << i;
    const float step = (high - low) / static_cast<float>(parts);
    const auto end_of = [&](std::size_t k) {
      return k < (parts + 1) / 2 ? rounded_product(step, static_cast<float>(k)) + low
                                 : high - rounded_product(step, static_cast<float>(parts - k));
    };
    for (std::size_t k = 0; k < parts; ++k) {
      const float level = powers[i] * ((end_of(k) + end_of(k + 1)) / 2.0f);
      ++found;
      levels[found] = level;
      levels[2 * zero - found] = -level;
    }
  }
  levels[255] = 1.0f;
  return levels;
}
inline constexpr code_table<256> dynamic_map = midpoint_table(dynamic_map_levels());
static_assert(std::is_sorted(dynamic_map.levels.begin(), dynamic_map.levels.end()));
static_assert(dynamic_map.levels[127] == 0.0f && dynamic_map.levels[255] == 1.0f);

/// How many scales share a scale of the second level.
inline constexpr std::size_t double_quant_block = 256;

/// Quantizes a tensor's scales in place, as bitsandbytes' double quantization (Dettmers et al., 2023, arXiv
/// 2305.14314):
///
///   m = mean(scales),  a = max|scales - m| of each 256,  scale <- map[nearest of the map to (scale - m) / a] a + m
///
/// The mean is summed in order in double; the quotient is a product with 1 / a.  Where all scales of a block are m, or
/// 1 / a is no float, they become m.
inline void double_quantize(std::span<float> scales) {
  if (scales.empty()) return;
  double sum = 0.0;
  for (const float s : scales)
    sum += static_cast<double>(s);
  const float mean = static_cast<float>(sum / static_cast<double>(scales.size()));
  for (std::size_t first = 0; first < scales.size(); first += double_quant_block) {
    const auto block = scales.subspan(first, (std::min)(double_quant_block, scales.size() - first));
    for (float& s : block)
      s -= mean;
    const float peak = absmax(block);
    const float inverse = reciprocal_or_zero(peak);
    for (float& s : block)
      s = rounded_product(dynamic_map.round(s * inverse), peak) + mean;
  }
}

/// Bits that `scales` scales take: a byte each, a float for each 256, and the mean.
constexpr double double_quant_bits(std::size_t scales) noexcept {
  return 8.0 * static_cast<double>(scales) + 32.0 * static_cast<double>(block_count(scales, double_quant_block)) + 32.0;
}

}  // namespace qfa

#endif
