// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_FEATURE_TABLE_HPP
#define QFA_STATS_FEATURE_TABLE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/stats/feature_cell.hpp"
#include "qfa/stats/group_cells.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// Which groups a summary is taken over.  Predictors from the even ones and labels from the odd ones share no token.
enum class group_selection : std::uint8_t { all, even, odd };

constexpr bool selects(group_selection selection, std::size_t group) noexcept {
  return selection == group_selection::all || (group % 2 == 0) == (selection == group_selection::even);
}

/// One feature over some groups of rows: what fired, and the tokens on which neither side did.
struct feature_totals {
  std::uint64_t tokens = 0;  ///< in the groups, firing or not
  feature_cell fired;
  comoments all;  ///< over all `tokens`, zeros included

  constexpr bool operator==(const feature_totals&) const = default;
};

/// A `feature_cell` for every feature and every group of rows, filled token by token from two models' sparse codes.
///
/// Only what fires is visited.  Each cell takes its tokens one by one in the stream's order, whatever the number of
/// threads and however the stream is cut into batches, so its bits depend on neither.  Tables of different groups
/// merge without rounding, too: machines that share a stream at group boundaries get the bits of a single one.  A cut
/// inside a group merges up to rounding.
///
/// Memory: that of `group_cells`, 144 bytes for each feature and group that has fired, and 4 for each that could.
/// 16,384 features by 64 groups: 4 MiB, and 144 MiB if every feature fires in every group; rare features fill few
/// cells.
class feature_table {
 public:
  /// The empty table: merging into it adopts the other's shape.
  feature_table() = default;
  /// Throws for 0 groups.
  feature_table(std::size_t width, std::size_t groups) : tokens_(groups, 0), cells_(width, groups) {
    require(groups > 0, "feature_table needs at least one group of rows");
  }

  std::size_t width() const noexcept { return cells_.width(); }  ///< features
  std::size_t groups() const noexcept { return tokens_.size(); }
  std::uint64_t tokens(std::size_t group) const noexcept { return tokens_[group]; }
  std::uint64_t tokens(group_selection selection = group_selection::all) const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t g = 0; g < groups(); ++g)
      if (selects(selection, g)) sum += tokens_[g];
    return sum;
  }

  /// What fired of `feature` in `group`: an empty cell where nothing did.
  const feature_cell& cell(std::size_t feature, std::size_t group) const noexcept {
    static constexpr feature_cell silent{};
    const feature_cell* const found = cells_.find(feature, group);
    return found == nullptr ? silent : *found;
  }

  /// The feature's cells, merged in the order of groups, and the silent tokens.
  feature_totals total(std::size_t feature, group_selection selection = group_selection::all) const noexcept {
    feature_totals sum;
    for (std::size_t g = 0; g < groups(); ++g) {
      if (!selects(selection, g)) continue;
      sum.tokens += tokens_[g];
      sum.fired += cell(feature, g);
    }
    sum.all = sum.fired.either;
    sum.all.add_zeros(sum.tokens - sum.fired.either.count);
    return sum;
  }

  /// A batch of tokens: the same ones on both sides, in the stream's order.  `group_of_token` holds each token's group,
  /// or `skipped`.  Throws unless widths, tokens and groups fit.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed,
                  std::span<const std::uint32_t> group_of_token) {
    require(reference.width() == width() && compressed.width() == width(),
            "feature_table was made for a dictionary of another width than the codes'");
    require(reference.tokens() == compressed.tokens(),
            "feature_table compares token by token: the reference and the compressed codes need equally many tokens");
    require(group_of_token.size() == reference.tokens(), "feature_table needs one group for each token");
    for (const std::uint32_t g : group_of_token)
      require(g == skipped || g < groups(), "feature_table got a token whose group lies beyond its groups");
    for (const std::uint32_t g : group_of_token)
      if (g != skipped) ++tokens_[g];

    // Threads share the features, never a cell.  Where the ranges are cut does not matter: no sum crosses a feature.
    const std::size_t threads = reference.firings() + compressed.firings() < 4096 ? 1 : thread_count();
    const std::size_t ranges = threads == 1 ? 1 : (std::min)(cells_.blocks(), 2 * threads);
    parallel_for(ranges, [&](std::size_t i) {
      const std::size_t first = cells_.blocks() * i / ranges * cells_.block_width;
      const std::size_t last = cells_.blocks() * (i + 1) / ranges * cells_.block_width;
      for (std::size_t t = 0; t < group_of_token.size(); ++t)
        if (group_of_token[t] != skipped) add_token(reference[t], compressed[t], group_of_token[t], first, last);
    });
  }

  /// Throws for a table of another number of features or groups.
  feature_table& operator+=(const feature_table& other) {
    if (other.groups() == 0) return *this;
    if (groups() == 0) return *this = other;
    require(width() == other.width() && groups() == other.groups(),
            "feature_table merges only with a table of as many features and groups");
    for (std::size_t g = 0; g < groups(); ++g)
      tokens_[g] += other.tokens_[g];
    cells_ += other.cells_;
    return *this;
  }

  /// The table of fewer groups: tokens and cells of group g go to the one at `places[g]`, in the order of groups.
  /// There are `count` of them, or as many as places name where that is 0.
  feature_table joined(std::span<const std::uint32_t> places, std::size_t count = 0) const {
    feature_table out;
    out.cells_ = cells_.joined(places, count);
    out.tokens_.assign(out.cells_.groups(), 0);
    for (std::size_t g = 0; g < groups(); ++g)
      out.tokens_[places[g]] += tokens_[g];
    return out;
  }

  /// The tokens of a table without its cells: what is left for those who need not know what fired.
  feature_table tokens_only() const {
    feature_table out;
    out.tokens_ = tokens_;
    out.cells_ = group_cells<feature_cell>(width(), groups());
    return out;
  }

  /// The same cells and token counts, wherever the cells lie.
  bool operator==(const feature_table&) const = default;

  /// For archives (io/archive.hpp): equal tables give equal bytes.  Reading throws where groups are not the same.
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.tokens_, self.cells_);
    if constexpr (Archive::reads)
      require(self.cells_.groups() == self.tokens_.size(), "a saved table counts tokens of other groups than it has");
  }

 private:
  /// Walks both lists of a token at once, over the features in [first, last).
  void add_token(sparse_codes::token reference, sparse_codes::token compressed, std::size_t group, std::size_t first,
                 std::size_t last) {
    constexpr std::size_t none = (std::numeric_limits<std::size_t>::max)();
    const auto from = [first](const sparse_codes::token& token) {
      return static_cast<std::size_t>(std::lower_bound(token.features.begin(), token.features.end(), first) -
                                      token.features.begin());
    };
    const auto feature_at = [](const sparse_codes::token& token, std::size_t i) -> std::size_t {
      return i < token.features.size() ? token.features[i] : none;
    };
    std::size_t i = from(reference), j = from(compressed);
    for (;;) {
      const std::size_t a = feature_at(reference, i), b = feature_at(compressed, j);
      const std::size_t feature = (std::min)(a, b);
      if (feature >= last) return;
      cells_.at(feature, group)(a == feature ? reference.values[i] : 0.0f, b == feature ? compressed.values[j] : 0.0f);
      i += a == feature;
      j += b == feature;
    }
  }

  std::vector<std::uint64_t> tokens_;  // for each group
  group_cells<feature_cell> cells_;
};

static_assert(mergeable<feature_table, const sparse_codes&, const sparse_codes&, std::span<const std::uint32_t>>);

}  // namespace qfa

#endif
