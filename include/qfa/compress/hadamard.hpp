// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_HADAMARD_HPP
#define QFA_COMPRESS_HADAMARD_HPP

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/compress/counter_random.hpp"
#include "qfa/compress/float_range.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// An orthogonal rotation of row vectors: signs, then Sylvester's Hadamard matrix in every block of `size` columns,
/// scaled to be orthonormal (R = diag(signs) H; Ashkboos and others 2024, QuaRot, arXiv 2404.00456).
struct hadamard_rotation {
  std::size_t size = 0;    ///< a power of two from 2 on that divides the columns
  std::uint64_t seed = 0;  ///< of the signs, the same for every matrix of as many columns; 0: all are +1
};

/// The Hadamard transform of `x`, whose length is a power of two, unscaled: x <- x H with H = ((1, 1), (1, -1)) to the
/// power of so many Kronecker products.  The fast transform of Walsh and Hadamard: pairs at distance 1 first, then 2, 4
/// and so on.  H is symmetric, and applying it twice multiplies by the length.
inline void walsh_hadamard(std::span<double> x) noexcept {
  for (std::size_t half = 1; half < x.size(); half *= 2)
    for (std::size_t first = 0; first < x.size(); first += 2 * half)
      for (std::size_t i = first; i < first + half; ++i) {
        const double a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
}

/// The largest power of two that divides `columns`; 0 of 0.
constexpr std::size_t largest_power_of_two_in(std::size_t columns) noexcept { return columns & (~columns + 1); }

static_assert(largest_power_of_two_in(96) == 32 && largest_power_of_two_in(33) == 1);

namespace detail {

inline std::vector<double> rotation_signs(const hadamard_rotation& rotation, std::size_t columns) {
  require(rotation.size >= 2 && std::has_single_bit(rotation.size) && columns % rotation.size == 0,
          "a Hadamard rotation needs a size that is a power of two from 2 on and divides the columns");
  std::vector<double> signs(columns, 1.0);
  if (rotation.seed == 0) return signs;
  // Keyed by the column alone: q, k and v read one input, which can be rotated but once.
  const counter_random random(rotation.seed, "", random_use::signs);
  for (std::size_t c = 0; c < columns; ++c)
    signs[c] = random.bits(c) >> 63 == 0 ? 1.0 : -1.0;
  return signs;
}

/// Transforms every block of every row; `enter(w, sign)` and `leave(x, sign)` say what the signs do on either side.
template <class Enter, class Leave>
void transform_blocks(const hadamard_rotation& rotation, matrix_view<float> rows, Enter enter, Leave leave) {
  const std::vector<double> signs = rotation_signs(rotation, rows.columns());
  const double scale = 1.0 / std::sqrt(static_cast<double>(rotation.size));
  for_each_row(rows, [&](std::size_t, std::span<float> row) {
    std::vector<double> block(rotation.size);
    for (std::size_t first = 0; first < row.size(); first += block.size()) {
      for (std::size_t i = 0; i < block.size(); ++i)
        block[i] = enter(static_cast<double>(row[first + i]), signs[first + i]);
      walsh_hadamard(block);
      for (std::size_t i = 0; i < block.size(); ++i)
        row[first + i] = float_or_infinity(leave(scale * block[i], signs[first + i]));
    }
  });
}

}  // namespace detail

/// Each row w of `rows` (rows, columns) becomes w R: weights into the space where they are quantized, activations into
/// the space where such weights read them, for (x R)(w R)^T = x w^T.  Sums are taken in double and rounded to float
/// once, beyond its range to an infinity.  Throws where the size does not divide the columns.
inline void fold_rotation(const hadamard_rotation& rotation, matrix_view<float> rows) {
  detail::transform_blocks(
      rotation, rows, [](double w, double sign) { return sign * w; }, [](double x, double) { return x; });
}

/// The way back: each row w becomes w R^T.  What went through fold_rotation and comes back unchanged by others differs
/// from what it was by at most 2^-24 (|b| + |w|) (1 + 1e-6), with b the block that w is of, |b| its L2 norm: two
/// roundings to float, of which the rotation spreads the first.
inline void unfold_rotation(const hadamard_rotation& rotation, matrix_view<float> rows) {
  detail::transform_blocks(
      rotation, rows, [](double w, double) { return w; }, [](double x, double sign) { return x * sign; });
}

}  // namespace qfa

#endif
