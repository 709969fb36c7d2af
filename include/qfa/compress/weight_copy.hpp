// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_WEIGHT_COPY_HPP
#define QFA_COMPRESS_WEIGHT_COPY_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// A matrix of a policy's own, without gaps: what it tries out before it touches the caller's.
class weight_copy {
 public:
  explicit weight_copy(matrix_view<const float> weights)
      : rows_(weights.rows()), columns_(weights.columns()), values_(weights.size()) {
    for_each_row(view(), [&](std::size_t r, std::span<float> row) { std::ranges::copy(weights.row(r), row.begin()); });
  }

  matrix_view<float> view() noexcept { return {values_.data(), rows_, columns_}; }
  matrix_view<const float> view() const noexcept { return {values_.data(), rows_, columns_}; }
  /// (rows columns) row by row.
  std::span<float> values() noexcept { return values_; }

  /// Writes the copy over a matrix of its shape.  Throws for another shape.
  void write_to(matrix_view<float> weights) const {
    require(weights.rows() == rows_ && weights.columns() == columns_, "a copy of weights goes back to its own shape");
    const matrix_view<const float> from = view();
    for_each_row(weights, [&](std::size_t r, std::span<float> row) { std::ranges::copy(from.row(r), row.begin()); });
  }

 private:
  std::size_t rows_;
  std::size_t columns_;
  std::vector<float> values_;
};

}  // namespace qfa

#endif
