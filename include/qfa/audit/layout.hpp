// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_LAYOUT_HPP
#define QFA_AUDIT_LAYOUT_HPP

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// How an audit's tokens lie: rows of equal length, worked on in blocks of whole rows, with the first positions of
/// each row left out of the statistics (never out of attention).
///
/// Blocks are cut by token count alone, about 4096 tokens each: large enough to feed the matrix products, small enough
/// that one block's activations and logits stay in memory.
struct token_layout {
  std::size_t rows = 0;
  std::size_t row_tokens = 0;      ///< BOS included
  std::size_t skip_positions = 0;  ///< at the start of each row

  static constexpr std::size_t block_tokens = 4096;

  std::size_t rows_per_block() const noexcept { return (std::max<std::size_t>)(1, block_tokens / row_tokens); }
  std::size_t blocks() const noexcept { return (rows + rows_per_block() - 1) / rows_per_block(); }
  std::size_t first_row(std::size_t block) const noexcept { return block * rows_per_block(); }
  std::size_t last_row(std::size_t block) const noexcept {
    return (std::min)(rows, first_row(block) + rows_per_block());
  }

  std::size_t kept_per_row() const noexcept { return row_tokens - skip_positions; }
  std::size_t kept_tokens() const noexcept { return rows * kept_per_row(); }
};

/// The kept positions of a block's activations, row after row, in memory of their own.
class kept_activations {
 public:
  /// `x` holds whole rows of `layout.row_tokens` tokens.
  kept_activations(matrix_view<const float> x, const token_layout& layout) : columns_(x.columns()) {
    assert(x.rows() % layout.row_tokens == 0);
    values_.reserve(x.rows() / layout.row_tokens * layout.kept_per_row() * columns_);
    for (std::size_t t = 0; t < x.rows(); ++t) {
      if (t % layout.row_tokens < layout.skip_positions) continue;
      const auto row = x.row(t);
      values_.insert(values_.end(), row.begin(), row.end());
    }
  }

  matrix_view<const float> view() const noexcept { return {values_.data(), values_.size() / columns_, columns_}; }

 private:
  std::size_t columns_;
  std::vector<float> values_;  // (kept tokens, width)
};

}  // namespace qfa

#endif
