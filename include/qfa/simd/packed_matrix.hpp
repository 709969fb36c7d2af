// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_PACKED_MATRIX_HPP
#define QFA_SIMD_PACKED_MATRIX_HPP

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/simd/batch.hpp"

namespace qfa::simd {

/// The block of outputs that one pass over k keeps in registers: `rows` rows of x against two registers of columns.
///
/// A step along k loads two registers of b and one broadcast for each row, and needs two registers for each row's sums:
/// 12 rows use 27 of the 32 registers of AVX-512 and NEON, 6 rows use 15 of 16.  Measured on a Zen 4 core whose
/// FMA peak is 117 GFLOP/s: 12 x 32 reaches 115, 6 x 16 on AVX2 115 (bench/gemm_bench).
template <class Arch>
struct tile_shape {
  static constexpr bool many_registers = has_avx512<Arch> || has_neon64<Arch>;
  static constexpr std::size_t rows = many_registers ? 12 : 6;
  static constexpr std::size_t columns = 2 * width<Arch>;
};

/// The right factor b (depth, columns) of a product, laid out once in the order in which the product reads it.
///
/// Panels of `panel_width` columns; within a panel the elements of one k stand side by side, so that the innermost loop
/// reads one unbroken stream.  The last panel is filled up with zeros.
template <class Arch = best_arch>
class packed_matrix {
 public:
  static constexpr std::size_t panel_width = tile_shape<Arch>::columns;

  packed_matrix() = default;
  /// Room for depth x columns; all zeros until `row` fills it.
  packed_matrix(std::size_t depth, std::size_t columns)
      : depth_(depth),
        columns_(columns),
        panels_((columns + panel_width - 1) / panel_width),
        values_(panels_ * depth * panel_width, 0.0f) {}

  std::size_t depth() const noexcept { return depth_; }
  std::size_t columns() const noexcept { return columns_; }
  std::size_t panels() const noexcept { return panels_; }

  /// b(k, p panel_width ...): panel_width floats for each k.  Precondition: p < panels(); checked by assert.
  const float* panel(std::size_t p) const noexcept {
    assert(p < panels_);
    return values_.data() + p * depth_ * panel_width;
  }
  float* panel(std::size_t p) noexcept {
    assert(p < panels_);
    return values_.data() + p * depth_ * panel_width;
  }

  /// b(k, column): for tests and for whoever repacks.  Precondition: k < depth(), column < columns(); checked by
  /// assert.
  float operator()(std::size_t k, std::size_t column) const noexcept {
    assert(k < depth_ && column < columns_);
    return panel(column / panel_width)[k * panel_width + column % panel_width];
  }

 private:
  std::size_t depth_ = 0;
  std::size_t columns_ = 0;
  std::size_t panels_ = 0;
  aligned_floats values_;
};

/// Packs b (k, n), for y = x b.
template <class Arch = best_arch>
packed_matrix<Arch> pack(matrix_view<const float> b) {
  constexpr std::size_t panel_width = packed_matrix<Arch>::panel_width;
  packed_matrix<Arch> packed(b.rows(), b.columns());
  parallel_for(packed.panels(), [&](std::size_t p) {
    const std::size_t first = p * panel_width;
    const std::size_t count = (std::min)(panel_width, b.columns() - first);
    float* to = packed.panel(p);
    for (std::size_t k = 0; k < b.rows(); ++k, to += panel_width)
      std::copy_n(b.row(k).data() + first, count, to);
  });
  return packed;
}

/// Packs w (n, k) as the transpose, for a linear layer's y = x w^T.
template <class Arch = best_arch>
packed_matrix<Arch> pack_transposed(matrix_view<const float> w) {
  constexpr std::size_t panel_width = packed_matrix<Arch>::panel_width;
  constexpr std::size_t depth_step = 64;  // 64 x 32 floats written at a time stay within the first-level cache
  packed_matrix<Arch> packed(w.columns(), w.rows());
  parallel_for(packed.panels(), [&](std::size_t p) {
    const std::size_t first = p * panel_width;
    const std::size_t count = (std::min)(panel_width, w.rows() - first);
    float* to = packed.panel(p);
    for (std::size_t k0 = 0; k0 < w.columns(); k0 += depth_step) {
      const std::size_t k1 = (std::min)(k0 + depth_step, w.columns());
      for (std::size_t c = 0; c < count; ++c) {
        const float* from = w.row(first + c).data();
        for (std::size_t k = k0; k < k1; ++k)
          to[k * panel_width + c] = from[k];
      }
    }
  });
  return packed;
}

}  // namespace qfa::simd

#endif
