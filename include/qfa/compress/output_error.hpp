// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_OUTPUT_ERROR_HPP
#define QFA_COMPRESS_OUTPUT_ERROR_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// What a change of weights does to the outputs, from the Gram matrix G = sum x x^T (columns, columns) of the inputs:
///
///   sum over rows of d G d^T = tr(D G D^T) = sum over tokens of |D x|^2,   D = reference - compressed
///
/// so that no token is needed any more.  `difference(r, d)` writes row r of D, from several threads at once.  In
/// double; the same bits for every number of threads: 16 rows are summed together, then those sums in order.
template <class Difference>
double output_error(std::size_t rows, matrix_view<const double> gram, Difference difference) {
  const std::size_t n = gram.columns();
  constexpr std::size_t tile = 16, strip = 512;  // a row of G is read once a tile, for a strip that stays in cache
  return parallel_fold(rows, tile, 0.0, [&](double& sum, std::size_t first, std::size_t last) {
    std::vector<double> d((last - first) * n), product((last - first) * strip);
    for (std::size_t r = first; r < last; ++r)
      difference(r, std::span<double>(d.data() + (r - first) * n, n));
    for (std::size_t left = 0; left < n; left += strip) {
      const std::size_t width = (std::min)(strip, n - left);
      std::ranges::fill(product, 0.0);
      for (std::size_t i = 0; i < n; ++i) {
        const double* const g = gram.row(i).data() + left;
        for (std::size_t r = 0; r < last - first; ++r) {
          const double of_row = d[r * n + i];
          double* const to = product.data() + r * strip;
          for (std::size_t j = 0; j < width; ++j)
            to[j] += of_row * g[j];
        }
      }
      for (std::size_t r = 0; r < last - first; ++r)
        for (std::size_t j = 0; j < width; ++j)
          sum += product[r * strip + j] * d[r * n + left + j];
    }
  });
}

/// The same for two matrices.  Throws unless the shapes agree.
inline double output_error(matrix_view<const float> reference, matrix_view<const float> compressed,
                           matrix_view<const double> gram) {
  require(reference.rows() == compressed.rows() && reference.columns() == compressed.columns() &&
              gram.rows() == reference.columns() && gram.columns() == reference.columns(),
          "the output error needs two matrices of one shape, and a Gram matrix of their columns");
  return output_error(reference.rows(), gram, [&](std::size_t r, std::span<double> d) {
    for (std::size_t j = 0; j < d.size(); ++j)
      d[j] = static_cast<double>(reference(r, j)) - static_cast<double>(compressed(r, j));
  });
}

}  // namespace qfa

#endif
