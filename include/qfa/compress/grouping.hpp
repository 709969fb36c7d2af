// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GROUPING_HPP
#define QFA_COMPRESS_GROUPING_HPP

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/core/blocks.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// The size of the rectangles that a matrix is cut into.
struct group_shape {
  std::size_t rows = 1;
  std::size_t columns = 1;
  constexpr bool operator==(const group_shape&) const = default;
};

/// Which weights share a scale: those of one rectangle.
///
/// `shape(rows, columns)` says how large the rectangles of a matrix are, both sides at least 1.  They are laid out from
/// its first weight; where they do not divide it, the last ones are smaller, and groups like any other.
template <class G>
concept weight_grouping = std::copy_constructible<G> && requires(const G& groups, std::size_t n) {
  { groups.shape(n, n) } -> std::same_as<group_shape>;
};

/// All weights of the matrix.
struct per_tensor {
  constexpr group_shape shape(std::size_t rows, std::size_t columns) const noexcept { return {rows, columns}; }
};
/// One output channel; of a matrix of activations one token ("token" in compressed-tensors is this).
struct per_row {
  constexpr group_shape shape(std::size_t, std::size_t columns) const noexcept { return {1, columns}; }
};
/// One input channel.
struct per_column {
  constexpr group_shape shape(std::size_t rows, std::size_t) const noexcept { return {rows, 1}; }
};
/// N neighboring columns of a row.
template <std::size_t N>
  requires(N > 0)
struct per_group {
  constexpr group_shape shape(std::size_t, std::size_t) const noexcept { return {1, N}; }
};
/// Rows by Columns neighbors.
template <std::size_t Rows, std::size_t Columns>
  requires(Rows > 0 && Columns > 0)
struct per_block {
  constexpr group_shape shape(std::size_t, std::size_t) const noexcept { return {Rows, Columns}; }
};

/// The same choice at run time.
enum class group_kind : std::uint8_t { tensor, row, column, group, block };
inline constexpr std::array<std::string_view, 5> group_kind_names{"tensor", "row", "column", "group", "block"};
constexpr const auto& names_of(group_kind) noexcept { return group_kind_names; }

struct grouping {
  group_kind per = group_kind::row;
  std::size_t group = 128;       ///< columns of a group or of a block, at least 1
  std::size_t block_rows = 128;  ///< rows of a block, at least 1

  constexpr group_shape shape(std::size_t rows, std::size_t columns) const noexcept {
    switch (per) {
      case group_kind::tensor:
        return {rows, columns};
      case group_kind::row:
        break;
      case group_kind::column:
        return {rows, 1};
      case group_kind::group:
        return {1, group};
      case group_kind::block:
        return {block_rows, group};
    }
    return {1, columns};
  }
};

static_assert(weight_grouping<per_tensor> && weight_grouping<per_row> && weight_grouping<per_column>);
static_assert(weight_grouping<per_group<128>> && weight_grouping<per_block<128, 128>> && weight_grouping<grouping>);

/// How many groups stand below each other, and side by side: group (i, j) is number i columns + j.
template <weight_grouping Groups>
constexpr group_shape group_grid(const Groups& groups, std::size_t rows, std::size_t columns) {
  if (rows == 0 || columns == 0) return {0, 0};
  const group_shape shape = groups.shape(rows, columns);
  return {block_count(rows, shape.rows), block_count(columns, shape.columns)};
}

/// How many groups a matrix has, none where it is empty.
template <weight_grouping Groups>
constexpr std::size_t group_count(const Groups& groups, std::size_t rows, std::size_t columns) {
  const group_shape grid = group_grid(groups, rows, columns);
  return grid.rows * grid.columns;
}

/// Calls `body(number, group)` once for every group, on all threads, in no order; `group` is a contiguous
/// std::span<float> that the body may change, its weights row by row.
///
/// Groups within a row are handed out in place, and so is what spans the columns of a contiguous matrix.  Others are
/// copied to a buffer and back, sixteen columns or more at a time, so that columns are read by cache lines.  A body
/// sees one whole group, on whichever thread: its result cannot depend on how many there are.  All weights in one group
/// are therefore one thread's work.
template <weight_grouping Groups, class Body>
void for_each_group(matrix_view<float> weights, const Groups& groups, Body body) {
  if (weights.empty()) return;
  const group_shape shape = groups.shape(weights.rows(), weights.columns());
  const group_shape grid = group_grid(groups, weights.rows(), weights.columns());
  const std::size_t strip = shape.rows == 1 ? grid.columns : 15 / shape.columns + 1;  // groups side by side
  const std::size_t strips = block_count(grid.columns, strip);
  const bool whole = shape.columns >= weights.columns() && weights.contiguous();
  // Threads take about 16384 weights at a time, which is some microseconds of work.
  const std::size_t tasks = grid.rows * strips;
  const std::size_t block = std::max<std::size_t>(1, 16384 / (weights.size() / tasks + 1));

  const auto visit = [&](std::size_t band, std::size_t first, std::vector<float>& buffer) {
    const std::size_t top = band * shape.rows;
    const std::size_t height = (std::min)(shape.rows, weights.rows() - top);
    const std::size_t last = (std::min)(first + strip, grid.columns);
    if (height == 1 || whole) {
      for (std::size_t j = first; j < last; ++j) {
        const std::size_t left = j * shape.columns;
        const std::size_t width = (std::min)(shape.columns, weights.columns() - left);
        body(band * grid.columns + j, std::span<float>(weights.row(top).data() + left, height * width));
      }
      return;
    }
    const std::size_t begin = first * shape.columns;
    const std::size_t end = (std::min)(last * shape.columns, weights.columns());
    // Group after group, a cache line apart, lest columns of 2^n weights all fall on one set of the cache.
    const std::size_t pitch = height * (std::min)(shape.columns, end - begin) + 16;
    buffer.resize(pitch * (last - first));
    // `copy(in the matrix, in the buffer, how many)` for each row of each group.
    const auto for_each_piece = [&](auto copy) {
      for (std::size_t r = 0; r < height; ++r) {
        float* const row = weights.row(top + r).data();
        float* place = buffer.data();
        for (std::size_t left = begin; left < end; left += shape.columns, place += pitch) {
          const std::size_t width = (std::min)(shape.columns, end - left);
          copy(row + left, place + r * width, width);
        }
      }
    };
    const auto move = [](const float* from, float* to, std::size_t n) {
      if (n == 1)
        *to = *from;  // a column: the call to copy one weight would cost ten times as much
      else
        std::copy_n(from, n, to);
    };
    for_each_piece(move);
    for (std::size_t j = first; j < last; ++j) {
      const std::size_t width = (std::min)(shape.columns, end - j * shape.columns);
      body(band * grid.columns + j, std::span<float>(buffer.data() + (j - first) * pitch, height * width));
    }
    for_each_piece([move](float* to, const float* from, std::size_t n) { move(from, to, n); });
  };

  parallel_for(block_count(tasks, block), [&](std::size_t b) {
    std::vector<float> buffer;
    for (std::size_t t = b * block; t < (std::min)(tasks, (b + 1) * block); ++t)
      visit(t / strips, t % strips * strip, buffer);
  });
}

}  // namespace qfa

#endif
