// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_ROW_GROUPS_HPP
#define QFA_STATS_ROW_GROUPS_HPP

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// The group of a token that no statistic may see: a position that was skipped.
inline constexpr std::uint32_t skipped = (std::numeric_limits<std::uint32_t>::max)();

/// Intervals are refused below this many groups: a quantile of t with six degrees of freedom says nothing useful.
inline constexpr std::size_t minimum_groups = 8;
/// Fewer effective groups than these, and one feature's evidence lies in a handful of documents.
inline constexpr double minimum_effective_groups = 5.0;

/// Rows (context windows) in contiguous groups, the unit that intervals are computed from.
///
/// Tokens of a row depend on each other, and neighboring rows come from one document, so an interval that takes tokens
/// as independent covers 8 % of the time where it promises 95 %.  Deleting whole runs of rows is what works: 64 of
/// them, or one for each four rows where there are fewer than 256.  A row's group follows from its global index and
/// nothing else, so that threads, machines and a resumed run agree:
///
///   g(row) = floor(row G / R),   G = min(64, floor(R / 4)), at least 1
///
/// Where it is known which rows begin a document, boundaries lie there.
class row_groups {
 public:
  static constexpr std::size_t most = 64;

  /// One group, one row.
  row_groups() = default;

  /// `rows` rows in all, over every file and every machine.  Throws for none.
  explicit row_groups(std::size_t rows) : row_groups(rows, std::clamp<std::size_t>(rows / 4, 1, most)) {}

  /// With a number of groups of the caller's choice, where the data's correlation asks for longer ones.  Throws for 0
  /// rows or groups, and for more groups than rows.
  row_groups(std::size_t rows, std::size_t groups) : rows_(rows), groups_(groups) {
    require(rows > 0, "row_groups needs at least one row");
    require(groups > 0 && groups <= rows, "row_groups needs at least one group and no more groups than rows");
  }

  /// Groups of whole documents, `begins` being the rows behind the first at which one begins, increasing: each boundary
  /// of the rows' own groups, or of as many groups as there are documents where these are fewer, moves to the nearest
  /// such row, of two as near to the first.  Boundaries that meet become one.  Throws for 0 rows, and where `begins`
  /// does not increase within them.
  static row_groups of_documents(std::size_t rows, std::span<const std::size_t> begins) {
    const row_groups equal(rows, (std::min)(row_groups(rows).groups(), begins.size() + 1));
    row_groups out(rows, 1);
    std::vector<std::size_t> cuts{0};
    for (std::size_t i = 0; i < begins.size(); ++i)
      require(begins[i] > (i == 0 ? 0 : begins[i - 1]) && begins[i] < rows,
              "rows at which documents begin increase, behind the first row and within all");
    for (std::size_t g = 1; g < equal.groups(); ++g) {
      const std::size_t wanted = equal.first_row_of(g);
      const auto behind = std::lower_bound(begins.begin(), begins.end(), wanted);
      const bool last = behind == begins.end(), first = behind == begins.begin();
      const std::size_t nearest =
          !first && (last || wanted - *(behind - 1) <= *behind - wanted) ? *(behind - 1) : *behind;
      if (nearest != cuts.back()) cuts.push_back(nearest);
    }
    out.groups_ = cuts.size();
    // Where the formula gives the same ones they are the same groups.
    for (std::size_t g = 0; g < cuts.size(); ++g)
      if (cuts[g] != out.first_row_of(g)) {
        out.cuts_ = std::move(cuts);
        break;
      }
    return out;
  }

  /// Half as many, each two neighbors joined, of an odd number the last three: so none is shorter than two were.  Of an
  /// even number these are the rows' own G / 2 groups, since floor(floor(row G / R) / 2) = floor(row (G / 2) / R).
  /// Throws for one.
  row_groups halved() const {
    require(groups_ > 1, "a single group of rows has no neighbor to be joined with");
    row_groups out(rows_, groups_ / 2);
    if (groups_ % 2 == 0 && cuts_.empty()) return out;
    for (std::size_t g = 0; g < out.groups_; ++g)
      out.cuts_.push_back(first_row_of(2 * g));
    return out;
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t groups() const noexcept { return groups_; }

  /// Precondition: row < rows(); checked by assert.
  std::uint32_t group_of(std::size_t row) const noexcept {
    assert(row < rows_);
    if (cuts_.empty()) return static_cast<std::uint32_t>(row * groups_ / rows_);
    return static_cast<std::uint32_t>(std::upper_bound(cuts_.begin(), cuts_.end(), row) - cuts_.begin() - 1);
  }

  /// The first row of a group; of the group behind the last, the number of rows.  The least row with
  /// floor(row G / R) >= g is ceil(g R / G).  Precondition: group <= groups(); checked by assert.
  std::size_t first_row_of(std::size_t group) const noexcept {
    assert(group <= groups_);
    if (!cuts_.empty()) return group == groups_ ? rows_ : cuts_[group];
    return (group * rows_ + groups_ - 1) / groups_;
  }

  /// Of each group the one among fewer, `joined`, in which its rows lie.  Throws where a group would be torn.
  std::vector<std::uint32_t> places_among(const row_groups& joined) const {
    require(joined.rows_ == rows_, "groups are joined to groups of the same rows");
    std::vector<std::uint32_t> places;
    for (std::size_t g = 0; g < groups_; ++g) {
      places.push_back(joined.group_of(first_row_of(g)));
      require(joined.group_of(first_row_of(g + 1) - 1) == places.back(), "groups are joined whole");
    }
    return places;
  }

  /// The group of each of `count` rows from `first_row` on.
  std::vector<std::uint32_t> of_rows(std::size_t first_row, std::size_t count) const {
    return of_tokens(first_row, count, 1);
  }

  /// The group of each token of `count` rows from `first_row` on, `tokens_per_row` to a row, row by row.  The first
  /// `skip_positions` tokens of every row get `skipped`.  Throws for rows that are not there.
  std::vector<std::uint32_t> of_tokens(std::size_t first_row, std::size_t count, std::size_t tokens_per_row,
                                       std::size_t skip_positions = 0) const {
    require(first_row <= rows_ && count <= rows_ - first_row, "row_groups was made for fewer rows");
    std::vector<std::uint32_t> groups;
    groups.reserve(count * tokens_per_row);
    for (std::size_t row = first_row; row < first_row + count; ++row)
      for (std::size_t position = 0; position < tokens_per_row; ++position)
        groups.push_back(position < skip_positions ? skipped : group_of(row));
    return groups;
  }

  bool operator==(const row_groups&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.rows_, self.groups_, self.cuts_);
  }

 private:
  std::size_t rows_ = 1;
  std::size_t groups_ = 1;
  std::vector<std::size_t> cuts_;  // (groups): first rows, where the formula does not give them; else empty
};

/// Groups of which the even ones choose and the odd ones judge, either half being as many as an interval takes:
/// `joined` itself where it has 16, and else `gathered`, neighbors joined to 16 at fewest.  These are shorter than what
/// rows have to do with each other asked for when `joined` was made, so their intervals may be too narrow; over 4
/// groups there would be none.  Fewer than 16 only where no more were gathered.
inline row_groups groups_for_halves(const row_groups& gathered, const row_groups& joined) {
  if (joined.groups() >= 2 * minimum_groups) return joined;
  row_groups out = gathered;
  while (out.groups() / 2 >= 2 * minimum_groups)
    out = out.halved();
  return out;
}

}  // namespace qfa

#endif
