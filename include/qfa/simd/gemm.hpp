// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_GEMM_HPP
#define QFA_SIMD_GEMM_HPP

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/simd/batch.hpp"
#include "qfa/simd/packed_matrix.hpp"

namespace qfa::simd {

/// What the product means.  Each output is one chain of fused multiply-adds from 0 with k ascending, the bias added
/// last: no blocking, no thread and no vector width can change a bit of it.
namespace ref {

/// out (m, n) = x (m, k) b (k, n) + bias (n, or none).
inline void multiply(matrix_view<const float> x, matrix_view<const float> b, matrix_view<float> out,
                     std::span<const float> bias = {}) {
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t c = 0; c < b.columns(); ++c) {
      float sum = 0.0f;
      for (std::size_t k = 0; k < x.columns(); ++k)
        sum = std::fma(x(r, k), b(k, c), sum);
      out(r, c) = bias.empty() ? sum : sum + bias[c];
    }
}

}  // namespace ref

namespace detail {

/// out (Rows, panel width) = rows of x, packed k by k, times one panel.  The sums are spelled out by a fold over row
/// indices instead of a loop: g++ 12 keeps an array in registers only when every index is a constant.
template <class Arch, std::size_t... Row>
void multiply_tile(const float* x, const float* b, std::size_t depth, float* out) noexcept {
  using batch = floats<Arch>;
  constexpr std::size_t rows = sizeof...(Row);
  constexpr std::size_t w = width<Arch>;
  batch low[rows];
  batch high[rows];
  ((low[Row] = batch(0.0f), high[Row] = batch(0.0f)), ...);
  for (std::size_t k = 0; k < depth; ++k, x += rows, b += 2 * w) {
    const batch b_low = batch::load_aligned(b);
    const batch b_high = batch::load_aligned(b + w);
    const auto add = [&](batch& sum_low, batch& sum_high, float x_rk) {
      const batch factor(x_rk);
      sum_low = fma(factor, b_low, sum_low);
      sum_high = fma(factor, b_high, sum_high);
    };
    (add(low[Row], high[Row], x[Row]), ...);
  }
  ((low[Row].store_aligned(out + 2 * w * Row), high[Row].store_aligned(out + 2 * w * Row + w)), ...);
}

using tile_kernel = void (*)(const float*, const float*, std::size_t, float*) noexcept;

template <class Arch, std::size_t... Row>
constexpr tile_kernel kernel_of(std::index_sequence<Row...>) noexcept {
  return &multiply_tile<Arch, Row...>;
}

/// Kernels for 1 to `tile_shape::rows` rows, so that the last rows of a matrix cost no more than they are.
template <class Arch, std::size_t... Less>
constexpr auto all_kernels(std::index_sequence<Less...>) noexcept {
  return std::array<tile_kernel, sizeof...(Less)>{kernel_of<Arch>(std::make_index_sequence<Less + 1>{})...};
}
template <class Arch>
inline constexpr auto tile_kernels = all_kernels<Arch>(std::make_index_sequence<tile_shape<Arch>::rows>{});

/// Cuts `rows` into the fewest tiles and makes those as even as may be: 13 rows are 7 and 6, not 12 and 1.
template <class Arch>
struct tiling {
  std::size_t rows;
  std::size_t count() const noexcept { return (rows + tile_shape<Arch>::rows - 1) / tile_shape<Arch>::rows; }
  std::size_t first(std::size_t tile) const noexcept { return tile * rows / count(); }
};

/// Rows of x whose packed form leaves room for a panel of b in a second-level cache of 1 MiB: 384 KiB, at most 192
/// rows.
template <class Arch>
std::size_t rows_per_block(std::size_t depth) noexcept {
  constexpr std::size_t step = tile_shape<Arch>::rows;
  constexpr std::size_t budget = 384 * 1024 / sizeof(float);
  return std::clamp(budget / (std::max<std::size_t>)(depth, 1) / step, std::size_t{1}, 192 / step) * step;
}

/// Lays the rows [first, last) of x side by side, k by k.
inline void pack_rows(matrix_view<const float> x, std::size_t first, std::size_t last, float* to) noexcept {
  const std::size_t rows = last - first;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* from = x.row(first + r).data();
    for (std::size_t k = 0; k < x.columns(); ++k)
      to[k * rows + r] = from[k];
  }
}

/// The packed rows [0, tiles.rows) against the panels [first_panel, last_panel), as far as column `columns`.  Panels
/// are the outer loop: a row meets its columns in increasing order.
template <class Arch, class Epilogue>
void multiply_packed(const float* x, std::size_t first_row, tiling<Arch> tiles, std::size_t depth,
                     const packed_matrix<Arch>& b, std::size_t first_panel, std::size_t last_panel, std::size_t columns,
                     Epilogue& epilogue) {
  constexpr std::size_t panel_width = tile_shape<Arch>::columns;
  alignas(alignment) float tile[tile_shape<Arch>::rows * panel_width];
  for (std::size_t p = first_panel; p < last_panel; ++p) {
    const std::size_t first_column = p * panel_width;
    const std::size_t valid = (std::min)(panel_width, columns - first_column);
    for (std::size_t t = 0; t < tiles.count(); ++t) {
      const std::size_t first = tiles.first(t);
      const std::size_t rows = tiles.first(t + 1) - first;
      tile_kernels<Arch>[rows - 1](x + first * depth, b.panel(p), depth, tile);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < valid; c += width<Arch>)
          epilogue(first_row + first + r, first_column + c, floats<Arch>::load_aligned(tile + r * panel_width + c),
                   (std::min)(width<Arch>, valid - c));
    }
  }
}

inline void require_depth(std::size_t x_columns, std::size_t depth) {
  if (x_columns != depth)
    fail("a matrix product needs as many columns on the left (" + std::to_string(x_columns) +
         ") as rows on the right (" + std::to_string(depth) + ")");
}

}  // namespace detail

/// x (m, k) times the first `columns` columns of b, on the calling thread: for bodies of a `parallel_for`, and for an
/// epilogue that must see each row's columns in increasing order.
///
/// k may be less than b's depth: then the rest of b's rows go unread, as if x went on with zeros.
template <class Arch, class Epilogue>
void gemm_block(matrix_view<const float> x, const packed_matrix<Arch>& b, std::size_t columns, Epilogue&& epilogue) {
  assert(x.columns() <= b.depth() && columns <= b.columns());
  if (x.rows() == 0 || columns == 0) return;
  const std::size_t depth = x.columns();
  const std::size_t panels = (columns + tile_shape<Arch>::columns - 1) / tile_shape<Arch>::columns;
  const std::size_t block = detail::rows_per_block<Arch>(depth);
  aligned_floats packed((std::min)(block, x.rows()) * depth);
  for (std::size_t first = 0; first < x.rows(); first += block) {
    const detail::tiling<Arch> tiles{(std::min)(block, x.rows() - first)};
    for (std::size_t t = 0; t < tiles.count(); ++t)
      detail::pack_rows(x, first + tiles.first(t), first + tiles.first(t + 1), packed.data() + tiles.first(t) * depth);
    detail::multiply_packed<Arch>(packed.data(), first, tiles, depth, b, 0, panels, columns, epilogue);
  }
}

/// z = x (m, k) b (k, n), handed to the epilogue register by register instead of being stored:
///
///   epilogue(row, first_column, floats<Arch> z, valid)      z's first `valid` lanes are z(row, first_column ...)
///
/// It is called once for each register, from all threads at once and in no order.
template <class Arch, class Epilogue>
void gemm(matrix_view<const float> x, const packed_matrix<Arch>& b, Epilogue&& epilogue) {
  detail::require_depth(x.columns(), b.depth());
  if (x.rows() == 0 || b.columns() == 0) return;
  const std::size_t depth = b.depth();
  const std::size_t block = detail::rows_per_block<Arch>(depth);
  // All threads share the packed rows of a few blocks at a time: memory does not grow with m, and a product with few
  // rows is cut along its columns instead.
  constexpr std::size_t blocks_at_once = 8;
  aligned_floats packed((std::min)(blocks_at_once * block, x.rows()) * depth);
  for (std::size_t first = 0; first < x.rows(); first += blocks_at_once * block) {
    const std::size_t rows = (std::min)(blocks_at_once * block, x.rows() - first);
    const std::size_t blocks = (rows + block - 1) / block;
    const auto tiles_of = [&](std::size_t i) { return detail::tiling<Arch>{(std::min)(block, rows - i * block)}; };
    parallel_for(blocks, [&](std::size_t i) {
      const auto tiles = tiles_of(i);
      for (std::size_t t = 0; t < tiles.count(); ++t)
        detail::pack_rows(x, first + i * block + tiles.first(t), first + i * block + tiles.first(t + 1),
                          packed.data() + (i * block + tiles.first(t)) * depth);
    });
    // Four tasks for each thread even out what threads lose to others, while a task stays worth its start.
    const std::size_t wanted = (4 * thread_count() + blocks - 1) / blocks;
    const std::size_t groups = (std::min)(wanted, b.panels());
    parallel_for(blocks * groups, [&](std::size_t task) {
      const std::size_t i = task / groups;
      const std::size_t g = task % groups;
      detail::multiply_packed<Arch>(packed.data() + i * block * depth, first + i * block, tiles_of(i), depth, b,
                                    g * b.panels() / groups, (g + 1) * b.panels() / groups, b.columns(), epilogue);
    });
  }
}

/// out (m, n) = x (m, k) b (k, n) + bias, which is n floats or none.  `out` must not overlap x.
template <class Arch>
void multiply(matrix_view<const float> x, const packed_matrix<Arch>& b, matrix_view<float> out,
              std::span<const float> bias = {}) {
  require(out.rows() == x.rows() && out.columns() == b.columns(),
          "a matrix product needs room for as many rows as its left and as many columns as its right factor");
  require(bias.empty() || bias.size() == b.columns(), "a matrix product needs one bias for each column, or none");
  // A row's address costs an integer division in a blocked view: paid once here, not once a register.
  std::vector<float*> to(out.rows());
  for (std::size_t r = 0; r < out.rows(); ++r)
    to[r] = out.row(r).data();
  gemm(x, b, [&](std::size_t row, std::size_t column, floats<Arch> z, std::size_t valid) {
    if (valid == width<Arch>) {
      if (!bias.empty()) z += load<Arch>(bias.data() + column);
      z.store_unaligned(to[row] + column);
    } else {
      if (!bias.empty()) z += load_first<Arch>(bias.data() + column, valid);
      store_first<Arch>(z, to[row] + column, valid);
    }
  });
}

}  // namespace qfa::simd

#endif
