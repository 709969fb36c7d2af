// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_STREAMED_TABLE_HPP
#define QFA_STATS_STREAMED_TABLE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// A feature table of rows whose number nobody knows before the last: codes of a service, or of a stream.
///
/// It begins with one row in each group.  As soon as 2 G groups are full, each two neighbors 2i and 2i + 1 become one,
/// and from then on groups are twice as long.  So the groups are contiguous runs of equally many rows, but for the
/// last, and from G to 2 G - 1 of them once there have been that many rows; where they are follows from the number of
/// rows alone, not from how batches are cut.  Cells are merged as tables merge theirs (stats/comoments.hpp): counts are
/// those of groups that were known from the start, to the last one, and sums the same but for rounding.
///
/// Memory: that of a table of 2 G groups.
class streamed_table {
 public:
  /// `groups` is G.  Throws below 8, under which no interval stands.
  explicit streamed_table(std::size_t width, std::size_t groups = row_groups::most)
      : groups_(groups), table_(width, 2 * groups) {
    require(groups >= minimum_groups, "a streamed table needs at least 8 groups of rows");
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t rows_per_group() const noexcept { return rows_per_group_; }

  /// The stream's next rows, whole, of `tokens_per_row` tokens each; the first `skip_positions` of a row count for
  /// nothing.  Throws unless both sides are of as many tokens, and these are whole rows.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed, std::size_t tokens_per_row,
                  std::size_t skip_positions = 0) {
    require(tokens_per_row > 0 && reference.tokens() == compressed.tokens() &&
                reference.tokens() % tokens_per_row == 0,
            "a streamed table takes whole rows, of the same tokens on both sides");
    const std::size_t count = reference.tokens() / tokens_per_row;
    // Rows up to the next join, then those up to the one behind it: the others are skipped meanwhile.
    for (std::size_t first = 0; first < count;) {
      if (rows_ == 2 * groups_ * rows_per_group_) join();
      const std::size_t last = (std::min)(count, first + (2 * groups_ * rows_per_group_ - rows_));
      std::vector<std::uint32_t> group_of_token(reference.tokens(), skipped);
      for (std::size_t row = first; row < last; ++row, ++rows_)
        for (std::size_t t = skip_positions; t < tokens_per_row; ++t)
          group_of_token[row * tokens_per_row + t] = static_cast<std::uint32_t>(rows_ / rows_per_group_);
      table_(reference, compressed, group_of_token);
      first = last;
    }
  }

  /// The table of what has come so far, with the groups that hold rows and no others.  Groups of fewer than 4 rows are
  /// joined as the stream would join them: documents are longer than that.  Throws before the first row.
  feature_table table() const {
    require(rows_ > 0, "a streamed table has a table once it has seen a row");
    std::size_t together = 1;  // groups that become one
    while (together * rows_per_group_ < least_rows)
      together *= 2;
    const std::size_t filled = (rows_ + rows_per_group_ * together - 1) / (rows_per_group_ * together);
    std::vector<std::uint32_t> places;
    for (std::size_t g = 0; g < 2 * groups_; ++g)
      places.push_back(static_cast<std::uint32_t>((std::min)(g / together, filled - 1)));  // what is empty adds nothing
    return table_.joined(places);
  }

 private:
  static constexpr std::size_t least_rows = 4;

  void join() {
    std::vector<std::uint32_t> places;
    for (std::size_t g = 0; g < 2 * groups_; ++g)
      places.push_back(static_cast<std::uint32_t>(g / 2));
    table_ = table_.joined(places, 2 * groups_);
    rows_per_group_ *= 2;
  }

  std::size_t groups_;
  std::size_t rows_ = 0;
  std::size_t rows_per_group_ = 1;
  feature_table table_;  // (2 G groups), the last of them empty
};

}  // namespace qfa

#endif
