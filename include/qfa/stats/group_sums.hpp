// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_GROUP_SUMS_HPP
#define QFA_STATS_GROUP_SUMS_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// One accumulator for each group of rows (stats/row_groups.hpp), so that the whole has the same bits however its
/// groups were shared among processes: a group is filled by one of them, row by row, and groups are added up in their
/// order at the end, never before.
///
/// `Sums` is mergeable, and merging into an empty one adopts the other to the bit.
template <class Sums>
class group_sums {
 public:
  /// The empty one: merging into it adopts the other's groups.
  group_sums() = default;
  explicit group_sums(std::size_t groups) : groups_(groups) {}

  std::size_t groups() const noexcept { return groups_.size(); }
  /// Precondition: group < groups(); checked by assert.
  Sums& operator[](std::size_t group) noexcept {
    assert(group < groups_.size());
    return groups_[group];
  }
  const Sums& operator[](std::size_t group) const noexcept {
    assert(group < groups_.size());
    return groups_[group];
  }

  /// Merges group by group: without rounding where no group has been filled on both sides.  Throws for another number
  /// of groups.
  group_sums& operator+=(const group_sums& other) {
    if (other.groups_.empty()) return *this;
    if (groups_.empty()) return *this = other;
    require(groups_.size() == other.groups_.size(), "sums of groups merge only with sums of as many groups");
    for (std::size_t g = 0; g < groups_.size(); ++g)
      groups_[g] += other.groups_[g];
    return *this;
  }

  /// The sums of fewer groups: those of group g are added to the one at `places[g]`, in the order of groups.  Throws
  /// where there is not one place for each group.
  group_sums joined(std::span<const std::uint32_t> places) const {
    if (groups_.empty()) return *this;
    require(places.size() == groups_.size(), "sums of groups are joined with a place for each of them");
    group_sums out(std::size_t{places.back()} + 1);
    for (std::size_t g = 0; g < groups_.size(); ++g)
      out.groups_[places[g]] += groups_[g];
    return out;
  }

  /// All groups, in their order.
  Sums total() const {
    Sums out{};
    for (const Sums& group : groups_)
      out += group;
    return out;
  }

  bool operator==(const group_sums&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.groups_);
  }

 private:
  std::vector<Sums> groups_;
};

}  // namespace qfa

#endif
