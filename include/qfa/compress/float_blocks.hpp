// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_FLOAT_BLOCKS_HPP
#define QFA_COMPRESS_FLOAT_BLOCKS_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// The largest |w| of each row.  Throws, naming the tensor, unless every weight is finite and at most a quarter of the
/// largest float: a floating-point format may round a weight up, at most to twice what it was (OCP's MXFP4 with scales
/// rounded up takes 1.9 2^127 for 2^128), and the result must be finite as well.
inline std::vector<float> roundable_row_peaks(matrix_view<const float> weights, const tensor_info& info) {
  std::vector<float> peaks = finite_row_peaks(weights, info);
  for (std::size_t r = 0; r < peaks.size(); ++r)
    if (peaks[r] > (std::numeric_limits<float>::max)() / 4.0f)
      fail("row " + std::to_string(r) + " of " + quoted(info) +
           " holds a weight beyond a quarter of the largest float, which might be rounded to infinity");
  return peaks;
}

/// 1 / x of a nonnegative x; 0 of 0 and of a subnormal x below about 2^-128, whose reciprocal is no float.
constexpr float reciprocal_or_zero(float x) noexcept {
  return x > 1.0f / (std::numeric_limits<float>::max)() ? 1.0f / x : 0.0f;
}

/// Calls `body(members)` for each `size` neighboring columns of each row, on all threads, in no order.  A short last
/// block of a row is a block like any other.
template <class Body>
void for_each_row_block(matrix_view<float> weights, std::size_t size, Body body) {
  for_each_row(weights, [&](std::size_t, std::span<float> row) {
    for (std::size_t first = 0; first < row.size(); first += (std::min)(size, row.size() - first))
      body(row.subspan(first, (std::min)(size, row.size() - first)));
  });
}

/// Calls `body(b, members)` for block b of each `size` weights of the matrix laid out row after row, on all threads, in
/// no order.  Blocks cross from row to row; the last may be shorter.  `members` may be a copy, written back afterwards.
///
/// Threads take blocks by about 16384 weights.
template <class Body>
void for_each_flat_block(matrix_view<float> weights, std::size_t size, Body body) {
  const std::size_t blocks = block_count(weights.size(), size);
  const std::size_t together = std::max<std::size_t>(1, 16384 / size);
  parallel_for(block_count(blocks, together), [&](std::size_t share) {
    std::vector<float> copy;
    const std::size_t last_block = (std::min)(blocks, (share + 1) * together);
    for (std::size_t b = share * together; b < last_block; ++b) {
      const std::size_t first = b * size, last = (std::min)(weights.size(), first + size);
      const std::size_t columns = weights.columns();
      if (first / columns == (last - 1) / columns) {
        body(b, weights.row(first / columns).subspan(first % columns, last - first));
        continue;
      }
      const auto for_each_piece = [&](auto piece) {  // the parts of the block that lie in one row each
        for (std::size_t i = first, n = 0; i < last; i += n) {
          n = (std::min)(last - i, columns - i % columns);
          piece(weights.row(i / columns).subspan(i % columns, n), i - first);
        }
      };
      copy.resize(last - first);
      for_each_piece([&](std::span<float> part, std::size_t at) {
        std::copy(part.begin(), part.end(), copy.begin() + static_cast<std::ptrdiff_t>(at));
      });
      body(b, std::span<float>(copy));
      for_each_piece([&](std::span<float> part, std::size_t at) {
        std::copy_n(copy.begin() + static_cast<std::ptrdiff_t>(at), part.size(), part.begin());
      });
    }
  });
}

}  // namespace qfa

#endif
