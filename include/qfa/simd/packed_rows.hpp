// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_PACKED_ROWS_HPP
#define QFA_SIMD_PACKED_ROWS_HPP

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <memory>
#include <new>

#include "qfa/core/matrix_view.hpp"
#include "qfa/simd/batch.hpp"
#include "qfa/simd/packed_matrix.hpp"

namespace qfa::simd {

/// The left factor x (rows, depth) of a product, laid out in the order in which the product reads it: packed once, it
/// may be multiplied with any number of matrices.
///
/// Rows are cut into the fewest tiles of at most `tile_shape::rows`, and those are as even as may be: 13 rows are 7 and
/// 6, not 12 and 1.  Within a tile the elements of one k stand side by side.
template <class Arch = best_arch>
class packed_rows {
 public:
  packed_rows() = default;
  explicit packed_rows(matrix_view<const float> x) { pack(x); }

  /// Takes other rows.  Memory is kept: whoever packs blocks of one size allocates once.
  void pack(matrix_view<const float> x) {
    pack(x.rows(), x.columns(), [&](std::size_t r) { return x.row(r).data(); });
  }
  /// The same, row r being the `depth` floats at row(r).
  template <class Row>
  void pack(std::size_t rows, std::size_t depth, Row row) {
    rows_ = rows;
    depth_ = depth;
    tiles_ = (rows + tile_rows - 1) / tile_rows;
    if (rows * depth > room_) {
      values_.reset();
      values_.reset(static_cast<float*>(::operator new (rows* depth * sizeof(float), std::align_val_t{alignment})));
      room_ = rows * depth;
    }
    for (std::size_t t = 0; t < tiles_; ++t) {
      std::array<const float*, tile_rows> from;
      const std::size_t count = rows_of(t);
      for (std::size_t r = 0; r < count; ++r)
        from[r] = row(first_row(t) + r);
      float* to = values_.get() + first_row(t) * depth;
      for (std::size_t k = 0; k < depth; ++k, to += count)
        for (std::size_t r = 0; r < count; ++r)
          to[r] = from[r][k];
    }
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t depth() const noexcept { return depth_; }
  std::size_t tiles() const noexcept { return tiles_; }

  /// The first row of a tile; of the tile behind the last: the number of rows.
  std::size_t first_row(std::size_t tile) const noexcept { return tiles_ == 0 ? 0 : tile * rows_ / tiles_; }
  std::size_t rows_of(std::size_t tile) const noexcept { return first_row(tile + 1) - first_row(tile); }

  /// x(row, k): for tests and for whoever repacks.  Precondition: row < rows(), k < depth(); checked by assert.
  float operator()(std::size_t row, std::size_t k) const noexcept {
    assert(row < rows_ && k < depth_);
    std::size_t t = row * tiles_ / rows_;
    while (first_row(t + 1) <= row)
      ++t;
    return tile(t)[k * rows_of(t) + row - first_row(t)];
  }

  /// x(first_row(tile) ..., k): rows_of(tile) floats for each k.  Precondition: t < tiles(); checked by assert.
  const float* tile(std::size_t t) const noexcept {
    assert(t < tiles_);
    return values_.get() + first_row(t) * depth_;
  }

 private:
  static constexpr std::size_t tile_rows = tile_shape<Arch>::rows;

  struct release {
    void operator()(float* memory) const noexcept { ::operator delete (memory, std::align_val_t{alignment}); }
  };

  std::size_t rows_ = 0;
  std::size_t depth_ = 0;
  std::size_t tiles_ = 0;
  std::size_t room_ = 0;
  std::unique_ptr<float[], release> values_;  // not a vector: what is about to be written needs no zeros
};

}  // namespace qfa::simd

#endif
