// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_LAYOUT_HPP
#define QFA_AUDIT_LAYOUT_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// How an audit's tokens lie: rows of equal length, worked on in blocks of whole rows, with the first positions of
/// each row left out of the statistics (never out of attention).
///
/// Blocks are cut by token count alone, about 4096 tokens each: large enough to feed the matrix products, small enough
/// that one block's activations and logits stay in memory.
///
/// A process that is given a run of the rows says so by `first` and `last`; rows keep their numbers in the whole, which
/// say what group they belong to, and blocks are cut from `first` on.
struct token_layout {
  std::size_t rows = 0;                                          ///< of the whole
  std::size_t row_tokens = 0;                                    ///< BOS included
  std::size_t skip_positions = 0;                                ///< at the start of each row
  std::size_t first = 0;                                         ///< row of this run
  std::size_t last = (std::numeric_limits<std::size_t>::max)();  ///< row behind it, or anything beyond the whole
  std::size_t tokens_per_block = block_tokens;
  std::optional<row_groups> by_documents{};  ///< of the whole; none where boundaries need not lie between documents
  std::size_t documents = 0;                 ///< in the whole, where they do
  double block_length = 0.0;  ///< rows: neighbors among the groups are joined until they hold two such blocks; 0: not

  static constexpr std::size_t block_tokens = 4096;

  std::size_t rows_per_block() const noexcept { return (std::max<std::size_t>)(1, tokens_per_block / row_tokens); }
  /// Rows of this run, and the blocks that they are cut into.
  std::size_t run_rows() const noexcept { return (std::max)(first, (std::min)(rows, last)) - first; }
  std::size_t blocks() const noexcept { return (run_rows() + rows_per_block() - 1) / rows_per_block(); }
  std::size_t first_row(std::size_t block) const noexcept { return first + block * rows_per_block(); }
  std::size_t last_row(std::size_t block) const noexcept {
    return (std::min)((std::min)(rows, last), first_row(block) + rows_per_block());
  }

  /// Of the rows of the whole; 8 at fewest where some are joined (stats/block_length.hpp).
  row_groups groups() const { return lengthen(by_documents ? *by_documents : row_groups(rows), block_length); }

  std::size_t kept_per_row() const noexcept { return row_tokens - skip_positions; }
  std::size_t kept_tokens() const noexcept { return rows * kept_per_row(); }  ///< of the whole

  /// The run of rows of `groups` in [first_group, last_group).  Throws where `groups` are of other rows, and for a run
  /// beyond them.
  token_layout of_groups(const row_groups& groups, std::size_t first_group, std::size_t last_group) const {
    require(groups.rows() == rows && first_group <= last_group && last_group <= groups.groups(),
            "a run of rows is made of groups of the same rows");
    token_layout run = *this;
    run.first = groups.first_row_of(first_group);
    run.last = groups.first_row_of(last_group);
    return run;
  }
};

/// The whole of some rows.  Documents count where there are two or more.  Throws where documents are known of some rows
/// only.
inline token_layout layout_of(const token_rows& tokens, std::size_t skip_positions,
                              std::size_t tokens_per_block = token_layout::block_tokens) {
  token_layout out{.rows = tokens.rows(),
                   .row_tokens = tokens.context,
                   .skip_positions = skip_positions,
                   .tokens_per_block = tokens_per_block};
  require(tokens.documents.empty() || tokens.documents.size() == out.rows,
          "rows of tokens are of one document each, or of unknown ones");
  const std::vector<std::size_t> begins = document_begins(tokens.documents);
  if (begins.empty()) return out;
  out.by_documents = row_groups::of_documents(out.rows, begins);
  out.documents = begins.size() + 1;
  return out;
}

/// The same for an audit, by groups as long as its options ask for from the start.
inline token_layout layout_of(const token_rows& tokens, const audit_settings& settings, const audit_options& options) {
  token_layout out = layout_of(tokens, settings.skip_positions);
  if (options.halve_groups) out.block_length = options.block_length;
  return out;
}

/// The run of rows that one process of several has where they share out the rows, whatever else they share.  Throws
/// where `share.part` is not below `share.parts`.
inline token_layout share_of(const token_layout& whole, const audit_share& share) {
  require(share.part < share.parts, "a share of an audit is one of its parts");
  const row_groups groups = whole.groups();
  return whole.of_groups(groups, share.part * groups.groups() / share.parts,
                         (share.part + 1) * groups.groups() / share.parts);
}

/// The kept positions of a block's activations, row after row, in memory of their own.
class kept_activations {
 public:
  /// `x` holds whole rows of `layout.row_tokens` tokens.  Throws where they are not whole.
  kept_activations(matrix_view<const float> x, const token_layout& layout) : columns_(x.columns()) {
    require(x.rows() % layout.row_tokens == 0, "activations are kept of whole rows of tokens");
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
