// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_NVFP4_BLOCKS_HPP
#define QFA_CACHE_NVFP4_BLOCKS_HPP

#include <array>
#include <cstddef>
#include <span>

#include "qfa/compress/float_blocks.hpp"
#include "qfa/compress/minifloat.hpp"
#include "qfa/compress/nvfp4.hpp"
#include "qfa/core/exact.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// What NVFP4's block scale makes of a block's largest magnitude: 6, E2M1's largest number; or that or 4, whichever has
/// the smaller error ("4 over 6": between 4 and 6 E2M1 has nothing, so that 4 often rounds the rest better).
enum class nvfp4_peak : unsigned char { six, four_or_six };

/// The scale of a block whose largest magnitude shall become `target`, by ModelOpt's rule under a tensor scale that is
/// given: s t, s = E4M3(peak / (target t)), saturating, 1 where that is 0.
inline float nvfp4_block_scale(float peak, float target, float tensor_scale) noexcept {
  const float s = e4m3::round(peak / (target * tensor_scale));
  return (s == 0.0f ? 1.0f : s) * tensor_scale;
}

/// A block of at most 16 numbers: x <- E2M1(x / scale) scale.  Of four or six, that with the smaller sum of squared
/// errors in double; six where they are equal.
inline void round_nvfp4_block(std::span<float> x, float tensor_scale, nvfp4_peak rule) noexcept {
  const float peak = absmax(x);
  float scale = nvfp4_block_scale(peak, 6.0f, tensor_scale);
  if (rule == nvfp4_peak::four_or_six) {
    const auto squared_error = [&](float by) {
      double sum = 0.0;
      for (const float v : x) {
        const double error = static_cast<double>(v) - static_cast<double>(e2m1::round(v / by) * by);
        sum += rounded_product(error, error);
      }
      return sum;
    };
    const float other = nvfp4_block_scale(peak, 4.0f, tensor_scale);
    if (squared_error(other) < squared_error(scale)) scale = other;
  }
  for (float& v : x)
    v = e2m1::round(v / scale) * scale;
}

/// Every 16 neighboring columns of each row; a row's last block may be shorter.
inline void round_nvfp4_blocks(matrix_view<float> x, float tensor_scale, nvfp4_peak rule = nvfp4_peak::six) {
  for_each_row_block(x, nvfp4_block, [=](std::span<float> block) { round_nvfp4_block(block, tensor_scale, rule); });
}

/// The bits of so many rows: four a number, eight for each block, 32 for the tensor scale; none of none.
constexpr double nvfp4_bits(std::size_t rows, std::size_t columns) noexcept {
  if (rows == 0 || columns == 0) return 0.0;
  return 4.0 * static_cast<double>(rows * columns) +
         8.0 * static_cast<double>(rows * block_count(columns, nvfp4_block)) + 32.0;
}

}  // namespace qfa

#endif
