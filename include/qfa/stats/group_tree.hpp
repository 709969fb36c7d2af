// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_GROUP_TREE_HPP
#define QFA_STATS_GROUP_TREE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// One accumulator over groups of rows whose merge depends on its order, with the same bits however the groups were
/// shared among processes, and far fewer parts than `group_sums` has (stats/group_sums.hpp).
///
/// Groups are the leaves of a binary tree: as soon as all rows of two neighbors 2i and 2i + 1 have been seen they are
/// merged, left to right, and so are the pairs above them.  What is merged with what follows from the tree alone.  A
/// process that goes through its groups in order holds at most one part a level, 7 of 64 groups, at either end of its
/// run.
///
/// `Sums` is mergeable.
template <class Sums>
class group_tree {
 public:
  /// The empty one: merging into it adopts the other's groups.
  group_tree() = default;
  explicit group_tree(const row_groups& groups) : groups_(groups), made_(true) {}

  /// What is known of a group that has not been seen whole; more of its rows go there.  Throws for a group beyond the
  /// tree's, and for one that was seen whole.
  Sums& operator[](std::size_t group) {
    require(made_ && group < groups_.groups(), "the tree of groups was made for fewer groups");
    auto at = std::ranges::lower_bound(parts_, group, {}, &part::first);
    require(!seen_whole(group), "a group of rows was seen whole already");
    if (at == parts_.end() || at->first != group) at = parts_.insert(at, part{group, 0, 0, {}});
    return at->sums;
  }
  /// `count` more rows of the group have been added to its sums.  Throws for a group that was not begun.
  void rows_seen(std::size_t group, std::size_t count) {
    const auto at = std::ranges::lower_bound(parts_, group, {}, &part::first);
    require(at != parts_.end() && at->first == group && at->level == 0, "rows are counted of a group that was begun");
    at->rows += count;
    if (whole(*at)) join();
  }

  /// Throws for a tree of other rows, and where one of the two has seen a group whole of which the other has rows.
  group_tree& operator+=(const group_tree& other) {
    if (!other.made_) return *this;
    if (!made_) return *this = other;
    require(groups_ == other.groups_, "trees of groups merge only where they are of the same rows");
    for (const part& theirs : other.parts_) {
      require(!seen_whole(theirs.first), "two trees of groups both hold a group's rows");
      const auto at = std::ranges::lower_bound(parts_, theirs.first, {}, &part::first);
      if (at != parts_.end() && at->first == theirs.first) {
        require(theirs.level == 0, "two trees of groups both hold a group's rows");
        at->sums += theirs.sums;
        at->rows += theirs.rows;
      } else {
        parts_.insert(at, theirs);
      }
    }
    join();
    return *this;
  }

  /// All that has been seen, in the order of groups.
  Sums total() const {
    Sums out{};
    for (const part& p : parts_)
      out += p.sums;
    return out;
  }

  /// How many accumulators it holds.
  std::size_t parts() const noexcept { return parts_.size(); }

  bool operator==(const group_tree&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.groups_, self.made_, self.parts_);
  }

 private:
  /// Groups first to first + 2^level - 1; `rows` have been seen of a single one.
  struct part {
    std::size_t first = 0;
    std::size_t level = 0;
    std::size_t rows = 0;
    Sums sums{};

    bool operator==(const part&) const = default;

    template <class Self, class Archive>
    static void members(Self& self, Archive& archive) {
      archive(self.first, self.level, self.rows, self.sums);
    }
  };

  bool whole(const part& p) const noexcept {
    return p.level > 0 || p.rows == groups_.first_row_of(p.first + 1) - groups_.first_row_of(p.first);
  }

  bool seen_whole(std::size_t group) const noexcept {
    const auto behind = std::ranges::upper_bound(parts_, group, {}, &part::first);
    if (behind == parts_.begin()) return false;
    const part& last = *std::prev(behind);
    return whole(last) && group < last.first + (std::size_t{1} << last.level);
  }

  void join() {
    for (std::size_t i = 0; i + 1 < parts_.size();) {
      part &left = parts_[i], &right = parts_[i + 1];
      const std::size_t width = std::size_t{1} << left.level;
      if (left.level != right.level || left.first % (2 * width) != 0 || right.first != left.first + width ||
          !whole(left) || !whole(right)) {
        ++i;
        continue;
      }
      left.sums += right.sums;
      left.rows = 0;
      ++left.level;
      parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      i = i == 0 ? 0 : i - 1;
    }
  }

  row_groups groups_{};
  bool made_ = false;
  std::vector<part> parts_;  // by their first groups
};

}  // namespace qfa

#endif
