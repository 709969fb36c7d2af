// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_GROUP_CELLS_HPP
#define QFA_STATS_GROUP_CELLS_HPP

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// A `Cell` for every feature in every group of rows, of which only those take room that were asked for by `at`: rare
/// features reach few groups.
///
/// `Cell` is mergeable by +=, and merging into a new one adopts the other to the bit; it is archived as it lies in
/// memory.  Memory: 4 bytes for each feature and group once a feature's block of 64 has a cell, and the cells (at most
/// a quarter more while growing).
template <class Cell>
class group_cells {
 public:
  static constexpr std::size_t block_width = 64;  ///< features that lie together

  /// The empty one: merging into it adopts the other's shape.
  group_cells() = default;
  group_cells(std::size_t width, std::size_t groups)
      : width_(width), groups_(groups), blocks_((width + block_width - 1) / block_width) {}

  std::size_t width() const noexcept { return width_; }  ///< features
  std::size_t groups() const noexcept { return groups_; }
  std::size_t blocks() const noexcept { return blocks_.size(); }  ///< of features

  /// The cell, or nullptr where there is none.  Precondition: feature < width(), group < groups(); checked by assert.
  const Cell* find(std::size_t feature, std::size_t group) const noexcept {
    assert(feature < width_ && group < groups_);
    const block& b = blocks_[feature / block_width];
    if (b.slots.empty()) return nullptr;
    const std::uint32_t slot = b.slots[group * block_width + feature % block_width];
    return slot == no_cell ? nullptr : &b.cells[slot];
  }

  /// The cell, made where there was none.  Threads may ask at once for cells of different blocks.  Precondition: as
  /// find.
  Cell& at(std::size_t feature, std::size_t group) {
    assert(feature < width_ && group < groups_);
    block& b = blocks_[feature / block_width];
    if (b.slots.empty()) b.slots.assign(groups_ * block_width, no_cell);
    std::uint32_t& slot = b.slots[group * block_width + feature % block_width];
    if (slot == no_cell) {
      // A quarter at a time: doubling would let an unlucky table hold twice its cells.
      if (b.cells.size() == b.cells.capacity()) b.cells.reserve(b.cells.size() + b.cells.size() / 4 + 16);
      slot = static_cast<std::uint32_t>(b.cells.size());
      b.cells.emplace_back();
    }
    return b.cells[slot];
  }

  /// Throws for cells of another number of features or groups.
  group_cells& operator+=(const group_cells& other) {
    if (other.groups_ == 0) return *this;
    if (groups_ == 0) return *this = other;
    require(width_ == other.width_ && groups_ == other.groups_,
            "cells of features merge only with cells of as many features and groups");
    parallel_for(blocks_.size(), [&](std::size_t b) {
      if (other.blocks_[b].slots.empty()) return;
      const std::size_t first = b * block_width;
      for (std::size_t g = 0; g < groups_; ++g)
        for (std::size_t f = first; f < (std::min)(width_, first + block_width); ++f)
          if (const Cell* const more = other.find(f, g)) at(f, g) += *more;
    });
    return *this;
  }

  /// The cells of fewer groups: those of group g are merged into the ones at `places[g]`, in the order of groups.
  /// There are `count` of them, or as many as places name where that is 0.  Throws where there is not one place for
  /// each group.
  group_cells joined(std::span<const std::uint32_t> places, std::size_t count = 0) const {
    if (groups_ == 0) return *this;
    require(places.size() == groups_, "cells of features are joined with a place for each of their groups");
    group_cells out(width_, count > 0 ? count : std::size_t{places.back()} + 1);
    parallel_for(blocks_.size(), [&](std::size_t b) {
      if (blocks_[b].slots.empty()) return;
      const std::size_t first = b * block_width;
      for (std::size_t g = 0; g < groups_; ++g)
        for (std::size_t f = first; f < (std::min)(width_, first + block_width); ++f)
          if (const Cell* const more = find(f, g)) out.at(f, places[g]) += *more;
    });
    return out;
  }

  /// The same cells, wherever they lie.
  bool operator==(const group_cells& other) const {
    if (width_ != other.width_ || groups_ != other.groups_) return false;
    for (std::size_t f = 0; f < width_; ++f)
      for (std::size_t g = 0; g < groups_; ++g) {
        const Cell* const a = find(f, g);
        const Cell* const b = other.find(f, g);
        if ((a == nullptr) != (b == nullptr) || (a != nullptr && !(*a == *b))) return false;
      }
    return true;
  }

  /// For archives (io/archive.hpp).  Cells go by block, group and feature, wherever they lie: equal ones give equal
  /// bytes.
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.width_, self.groups_);
    if constexpr (Archive::reads) self.blocks_.clear();
    // Block by block: a width that is not true ends with the bytes, before it has taken memory.
    const std::size_t count = self.width_ / block_width + (self.width_ % block_width != 0 ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::uint64_t> filled;  // (groups): bit i of a word says that feature i of the block has a cell there
      std::vector<Cell> cells;
      if constexpr (!Archive::reads) self.blocks_[i].in_order(filled, cells);
      archive(filled, cells);
      if constexpr (Archive::reads) self.blocks_.emplace_back().fill(filled, std::move(cells), self.groups_);
    }
  }

 private:
  static constexpr std::uint32_t no_cell = (std::numeric_limits<std::uint32_t>::max)();

  /// 64 features.  Cells stand in the order in which they were made: within a group, tokens reuse the same few pages.
  struct block {
    std::vector<std::uint32_t> slots;  // (groups, 64): where the cell is, or no_cell; empty until there is one
    std::vector<Cell> cells;

    void in_order(std::vector<std::uint64_t>& filled, std::vector<Cell>& sorted) const {
      filled.assign(slots.size() / block_width, 0);
      sorted.reserve(cells.size());
      for (std::size_t s = 0; s < slots.size(); ++s) {
        if (slots[s] == no_cell) continue;
        filled[s / block_width] |= std::uint64_t{1} << (s % block_width);
        sorted.push_back(cells[slots[s]]);
      }
    }
    void fill(const std::vector<std::uint64_t>& filled, std::vector<Cell>&& sorted, std::size_t groups) {
      if (filled.empty()) return;
      require(filled.size() == groups, "archived cells of features have as many groups in each block");
      slots.assign(groups * block_width, no_cell);
      std::uint32_t next = 0;
      for (std::size_t s = 0; s < slots.size(); ++s)
        if ((filled[s / block_width] >> (s % block_width) & 1U) != 0) slots[s] = next++;
      require(next == sorted.size(), "archived cells of features are as many as are announced");
      cells = std::move(sorted);
    }
  };

  std::size_t width_ = 0;
  std::size_t groups_ = 0;
  std::vector<block> blocks_;
};

}  // namespace qfa

#endif
