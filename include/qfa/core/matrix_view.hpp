// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_MATRIX_VIEW_HPP
#define QFA_CORE_MATRIX_VIEW_HPP

#include <cassert>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

#include "qfa/core/ieee.hpp"

namespace qfa {

/// A matrix somebody else owns: every row is contiguous, and the rows stand in equal blocks.
///
/// Blocks are what a fused tensor needs: the query rows of a GPT-NeoX layer are `head_dim` rows out of every
/// `3 head_dim`.  A plain matrix is one block.
///
///   row r begins at  data + (r / rows_per_block) block_stride + (r % rows_per_block) row_stride
template <class T>
class matrix_view {
 public:
  using value_type = std::remove_const_t<T>;

  constexpr matrix_view() = default;

  /// rows x columns, one row after the other without gaps.
  constexpr matrix_view(T* data, std::size_t rows, std::size_t columns) noexcept
      : matrix_view(data, rows, columns, columns) {}

  /// Rows `row_stride` elements apart.
  constexpr matrix_view(T* data, std::size_t rows, std::size_t columns, std::size_t row_stride) noexcept
      : matrix_view(data, rows, columns, row_stride, one_block, 0) {}

  /// Rows in blocks of `rows_per_block`, whose first rows are `block_stride` elements apart.  Precondition:
  /// rows_per_block > 0; checked by assert.
  constexpr matrix_view(T* data, std::size_t rows, std::size_t columns, std::size_t row_stride,
                        std::size_t rows_per_block, std::size_t block_stride) noexcept
      : data_(data),
        rows_(rows),
        columns_(columns),
        row_stride_(row_stride),
        rows_per_block_(rows_per_block),
        block_stride_(block_stride) {
    assert(rows_per_block > 0);
  }

  /// From mutable to const.  A template, since a constrained plain constructor would be the copy constructor of a
  /// view that is not const, and delete it.
  template <class U>
    requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>)
  constexpr matrix_view(const matrix_view<U>& other) noexcept  // NOLINT(google-explicit-constructor)
      : matrix_view(other.data(), other.rows(), other.columns(), other.row_stride(), other.rows_per_block(),
                    other.block_stride()) {}

  constexpr std::size_t rows() const noexcept { return rows_; }
  constexpr std::size_t columns() const noexcept { return columns_; }
  constexpr std::size_t size() const noexcept { return rows_ * columns_; }
  constexpr bool empty() const noexcept { return rows_ == 0 || columns_ == 0; }

  /// Precondition: r < rows(); checked by assert.
  constexpr std::span<T> row(std::size_t r) const noexcept {
    assert(r < rows_);
    return {data_ + (r / rows_per_block_) * block_stride_ + (r % rows_per_block_) * row_stride_, columns_};
  }
  /// Precondition: r < rows(), c < columns(); checked by assert.
  constexpr T& operator()(std::size_t r, std::size_t c) const noexcept {
    assert(c < columns_);
    return row(r)[c];
  }

  /// The rows [first, last).  Precondition: first <= last <= rows(), and `first` begins a block unless there is one
  /// only or no row is asked for; checked by assert.
  constexpr matrix_view rows_between(std::size_t first, std::size_t last) const noexcept {
    assert(first <= last && last <= rows_);
    if (first == last) return {data_, 0, columns_, row_stride_};
    assert(rows_per_block_ == one_block || first % rows_per_block_ == 0);
    return {row(first).data(), last - first, columns_, row_stride_, rows_per_block_, block_stride_};
  }

  constexpr T* data() const noexcept { return data_; }
  constexpr std::size_t row_stride() const noexcept { return row_stride_; }
  constexpr std::size_t rows_per_block() const noexcept { return rows_per_block_; }
  constexpr std::size_t block_stride() const noexcept { return block_stride_; }
  /// True where all elements stand one after the other.
  constexpr bool contiguous() const noexcept {
    return rows_ <= 1 || (row_stride_ == columns_ &&
                          (rows_ <= rows_per_block_ || block_stride_ == rows_per_block_ * columns_));
  }

 private:
  static constexpr std::size_t one_block = (std::numeric_limits<std::size_t>::max)();

  T* data_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::size_t row_stride_ = 0;
  std::size_t rows_per_block_ = one_block;
  std::size_t block_stride_ = 0;
};

}  // namespace qfa

#endif
