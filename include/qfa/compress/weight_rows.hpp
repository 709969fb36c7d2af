// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_WEIGHT_ROWS_HPP
#define QFA_COMPRESS_WEIGHT_ROWS_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "qfa/compress/rounding.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// Calls `body(r, row)` once for every row, on all threads, in no order.
///
/// Threads take rows by blocks of about 16384 weights, which is some microseconds of work.
template <class T, class Body>
void for_each_row(matrix_view<T> weights, Body body) {
  if (weights.empty()) return;
  const std::size_t block = std::max<std::size_t>(1, 16384 / weights.columns());
  parallel_for(block_count(weights.rows(), block), [&](std::size_t b) {
    const std::size_t last = (std::min)(weights.rows(), (b + 1) * block);
    for (std::size_t r = b * block; r < last; ++r) body(r, weights.row(r));
  });
}

/// The largest |x|, 0 of none; a NaN counts as larger than infinity.  As integers the maximum is exact in any order,
/// and compilers vectorize it without -ffast-math.
inline float absmax(std::span<const float> xs) noexcept {
  std::uint32_t largest = 0;
  for (const float x : xs) largest = (std::max)(largest, magnitude_bits(x));
  return std::bit_cast<float>(largest);
}

/// The largest |w| of each row.  Throws, naming the tensor, unless every weight is finite and stays so in `format`.
inline std::vector<float> finite_row_peaks(matrix_view<const float> weights, const tensor_info& info,
                                           float_format format = float_format::fp32) {
  std::vector<float> peaks(weights.rows(), 0.0f);
  for_each_row(weights, [&](std::size_t r, std::span<const float> row) { peaks[r] = absmax(row); });
  for (std::size_t r = 0; r < peaks.size(); ++r)
    if (magnitude_bits(round_to(format, peaks[r])) >= infinity_bits)
      fail("row " + std::to_string(r) + " of " + quoted(info) + " holds a weight that is not finite" +
           (magnitude_bits(peaks[r]) >= infinity_bits ? std::string() : " in " + std::string(name_of(format))) +
           "; compressing needs finite weights");
  return peaks;
}

}  // namespace qfa

#endif
