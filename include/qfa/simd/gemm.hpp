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
#include "qfa/simd/packed_rows.hpp"

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

/// Rows of x whose packed form leaves room for a panel of b in a second-level cache of 1 MiB: 384 KiB, at most 192
/// rows.
template <class Arch>
std::size_t rows_per_block(std::size_t depth) noexcept {
  constexpr std::size_t step = tile_shape<Arch>::rows;
  constexpr std::size_t budget = 384 * 1024 / sizeof(float);
  return std::clamp(budget / (std::max<std::size_t>)(depth, 1) / step, std::size_t{1}, 192 / step) * step;
}

/// Tiles [first_tile, last_tile) of x against the panels [first_panel, last_panel) of every matrix in b, as far as
/// column `columns`, x's columns meeting b's rows from `first_depth` on.  Panels are the outer loop: a row meets its
/// columns in increasing order.
template <class Arch, class Epilogue, std::size_t... Which>
void multiply_tiles(const packed_rows<Arch>& x, std::size_t first_tile, std::size_t last_tile,
                    const std::array<const packed_matrix<Arch>*, sizeof...(Which)>& b, std::size_t first_depth,
                    std::size_t first_panel, std::size_t last_panel, std::size_t columns, Epilogue& epilogue,
                    std::index_sequence<Which...>) {
  constexpr std::size_t panel_width = tile_shape<Arch>::columns;
  alignas(alignment) float tile[sizeof...(Which)][tile_shape<Arch>::rows * panel_width];
  for (std::size_t p = first_panel; p < last_panel; ++p) {
    const std::size_t first_column = p * panel_width;
    const std::size_t valid = (std::min)(panel_width, columns - first_column);
    for (std::size_t t = first_tile; t < last_tile; ++t) {
      const std::size_t first = x.first_row(t);
      const std::size_t rows = x.rows_of(t);
      const tile_kernel multiply = tile_kernels<Arch>[rows - 1];
      (multiply(x.tile(t), b[Which]->panel(p) + first_depth * panel_width, x.depth(), tile[Which]), ...);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < valid; c += width<Arch>)
          epilogue(first + r, first_column + c, floats<Arch>::load_aligned(tile[Which] + r * panel_width + c)...,
                   (std::min)(width<Arch>, valid - c));
    }
  }
}
template <class Arch, std::size_t N, class Epilogue>
void multiply_tiles(const packed_rows<Arch>& x, std::size_t first_tile, std::size_t last_tile,
                    const std::array<const packed_matrix<Arch>*, N>& b, std::size_t first_depth,
                    std::size_t first_panel, std::size_t last_panel, std::size_t columns, Epilogue& epilogue) {
  multiply_tiles(x, first_tile, last_tile, b, first_depth, first_panel, last_panel, columns, epilogue,
                 std::make_index_sequence<N>{});
}

/// Tiles of x whose packed form fits a second-level cache of 1 MiB beside two panels of b and what it is written to.
template <class Arch>
std::size_t tiles_per_block(std::size_t depth) noexcept {
  constexpr std::size_t budget = 640 * 1024 / sizeof(float) / tile_shape<Arch>::rows;
  return (std::max<std::size_t>)(1, budget / (std::max<std::size_t>)(depth, 1));
}

inline void require_depth(std::size_t x_columns, std::size_t depth) {
  if (x_columns != depth)
    fail("a matrix product needs as many columns on the left (" + std::to_string(x_columns) +
         ") as rows on the right (" + std::to_string(depth) + ")");
}

}  // namespace detail

/// The part of a right factor b that a product reads: all of it, unless said otherwise.
struct product_part {
  std::size_t first_depth = 0;   ///< b's row that the first column of x meets
  std::size_t first_column = 0;  ///< a multiple of packed_matrix::panel_width
  std::size_t last_column = static_cast<std::size_t>(-1);
};

/// x times `part` of b, on the calling thread: for bodies of a `parallel_for`, and for an epilogue that must see each
/// row's columns in increasing order.  Tiles of x take turns in groups that fit a second-level cache of 1 MiB beside a
/// panel of b.
///
/// x may be shallower than what is left of b: then the rest of b's rows go unread, as if x went on with zeros.
/// Precondition: it is no deeper, and part.first_column begins a panel; checked by assert.
template <class Arch, class Epilogue>
void multiply_rows(const packed_rows<Arch>& x, const packed_matrix<Arch>& b, Epilogue&& epilogue,
                   const product_part& part = {}) {
  constexpr std::size_t panel_width = tile_shape<Arch>::columns;
  const std::size_t columns = (std::min)(part.last_column, b.columns());
  assert(part.first_depth + x.depth() <= b.depth() && part.first_column % panel_width == 0);
  const std::size_t tiles = detail::tiles_per_block<Arch>(x.depth());
  for (std::size_t t = 0; t < x.tiles(); t += tiles)
    detail::multiply_tiles(x, t, (std::min)(x.tiles(), t + tiles), std::array{&b}, part.first_depth,
                           part.first_column / panel_width, (columns + panel_width - 1) / panel_width, columns,
                           epilogue);
}

/// x times both a and b, which are of equal shape, on the calling thread; a register of each result at a time:
/// epilogue(row, first_column, floats<Arch> of x a, floats<Arch> of x b, valid).  Precondition: shapes fit; checked by
/// assert.
template <class Arch, class Epilogue>
void multiply_rows_by_both(const packed_rows<Arch>& x, const packed_matrix<Arch>& a, const packed_matrix<Arch>& b,
                           Epilogue&& epilogue) {
  assert(a.depth() == x.depth() && b.depth() == x.depth() && a.columns() == b.columns());
  const std::size_t tiles = detail::tiles_per_block<Arch>(x.depth());
  for (std::size_t t = 0; t < x.tiles(); t += tiles)
    detail::multiply_tiles(x, t, (std::min)(x.tiles(), t + tiles), std::array{&a, &b}, 0, 0, b.panels(), b.columns(),
                           epilogue);
}

/// x (m, k) times the first `columns` columns of b, as multiply_rows: packs a block of x's rows at a time.
/// Precondition: k <= b.depth(), columns <= b.columns(); checked by assert.
template <class Arch, class Epilogue>
void gemm_block(matrix_view<const float> x, const packed_matrix<Arch>& b, std::size_t columns, Epilogue&& epilogue) {
  assert(x.columns() <= b.depth() && columns <= b.columns());
  if (x.rows() == 0 || columns == 0) return;
  const std::size_t block = detail::rows_per_block<Arch>(x.columns());
  packed_rows<Arch> packed;
  for (std::size_t first = 0; first < x.rows(); first += block) {
    packed.pack((std::min)(block, x.rows() - first), x.columns(),
                [&](std::size_t r) { return x.row(first + r).data(); });
    multiply_rows(packed, b,
                  [&](std::size_t row, std::size_t column, const floats<Arch>& z, std::size_t valid) {
                    epilogue(first + row, column, z, valid);
                  },
                  {.last_column = columns});
  }
}

/// z = x (m, k) b (k, n), handed to the epilogue register by register instead of being stored:
///
///   epilogue(row, first_column, floats<Arch> z, valid)      z's first `valid` lanes are z(row, first_column ...)
///
/// It is called once for each register, from all threads at once and in no order.  Throws where b is not of depth k.
template <class Arch, class Epilogue>
void gemm(matrix_view<const float> x, const packed_matrix<Arch>& b, Epilogue&& epilogue) {
  detail::require_depth(x.columns(), b.depth());
  if (x.rows() == 0 || b.columns() == 0) return;
  const std::size_t block = detail::rows_per_block<Arch>(b.depth());
  // All threads share the packed rows of a few blocks at a time: memory does not grow with m, and a product with few
  // rows is cut along its columns instead.
  constexpr std::size_t blocks_at_once = 8;
  std::array<packed_rows<Arch>, blocks_at_once> packed;
  for (std::size_t first = 0; first < x.rows(); first += blocks_at_once * block) {
    const std::size_t rows = (std::min)(blocks_at_once * block, x.rows() - first);
    const std::size_t blocks = (rows + block - 1) / block;
    parallel_for(blocks, [&](std::size_t i) {
      packed[i].pack((std::min)(block, rows - i * block), x.columns(),
                     [&](std::size_t r) { return x.row(first + i * block + r).data(); });
    });
    // Four tasks for each thread even out what threads lose to others, while a task stays worth its start.
    const std::size_t wanted = (4 * thread_count() + blocks - 1) / blocks;
    const std::size_t groups = (std::min)(wanted, b.panels());
    parallel_for(blocks * groups, [&](std::size_t task) {
      const std::size_t i = task / groups;
      const std::size_t g = task % groups;
      const auto from_here = [&](std::size_t row, std::size_t column, const floats<Arch>& z, std::size_t valid) {
        epilogue(first + i * block + row, column, z, valid);
      };
      detail::multiply_tiles(packed[i], 0, packed[i].tiles(), std::array{&b}, 0, g * b.panels() / groups,
                             (g + 1) * b.panels() / groups, b.columns(), from_here);
    });
  }
}

/// out (m, n) = x (m, k) b (k, n) + bias, which is n floats or none.  `out` must not overlap x.  Throws where b,
/// `out` or `bias` is of another shape.
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
    if (!bias.empty()) z += load_valid<Arch>(bias.data() + column, valid);
    store_valid<Arch>(z, to[row] + column, valid);
  });
}

}  // namespace qfa::simd

#endif
