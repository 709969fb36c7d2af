// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INVERSE_FACTOR_HPP
#define QFA_COMPRESS_INVERSE_FACTOR_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/compress/input_statistics.hpp"
#include "qfa/compress/inverse_cholesky.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// In which order columns are compressed.
///   columns      as they stand
///   activation   the largest sum of x_j^2 first ("act-order", desc_act), equal ones as they stand
enum class column_order : std::uint8_t { columns, activation };
inline constexpr std::array<std::string_view, 2> column_order_names{"columns", "activation"};
constexpr const auto& names_of(column_order) noexcept { return column_order_names; }

/// What optimal brain surgery needs of a layer's inputs (Frantar et al. 2022, GPTQ): U, upper triangular, with
///
///   H = (2 / tokens) sum x x^T,   H_jj = 1 where it is 0,   H += damping mean_j(H_jj) I,   inv(H) = U^T U
///
/// Row and column i of U belong to the weights' column order[i].
struct inverse_factor {
  std::vector<double> upper;         ///< (columns, columns)
  std::vector<std::size_t> order;    ///< (columns)
  std::vector<std::uint8_t> silent;  ///< (columns, as the weights have them) 1 where no token had an input at all
  double damping = 0.0;              ///< the share of the mean that was added in the end

  std::size_t columns() const noexcept { return order.size(); }
  std::span<const double> row(std::size_t i) const noexcept { return {upper.data() + i * columns(), columns()}; }
};

/// The factor for these inputs.  Where H is not positive definite in double, damping grows by 0.01 until it is, as
/// GPTQModel has it.  Throws where 1 is not enough, where there are no tokens, and without a Gram matrix.
///
/// The same bits for every number of threads; which ones depends on the machine (compress/inverse_cholesky.hpp).  2048
/// columns took 0.3 s on one core with AVX-512; time grows as columns^3, memory is 24 columns^2 bytes.
inline inverse_factor factor_inverse(const input_statistics& inputs, const tensor_info& info, double damping = 0.01,
                                     column_order order = column_order::columns) {
  const std::size_t n = inputs.channels();
  if (inputs.tokens() == 0 || !inputs.has_gram())
    fail("the Hessian of " + quoted(info) + " needs the Gram matrix of calibration tokens");
  const matrix_view<const double> gram = inputs.gram();
  const double per_token = 2.0 / static_cast<double>(inputs.tokens());

  inverse_factor out;
  std::vector<double> diagonal(n);
  out.silent.resize(n);
  for (std::size_t j = 0; j < n; ++j) {
    out.silent[j] = gram(j, j) == 0.0 ? 1 : 0;
    diagonal[j] = out.silent[j] != 0 ? 1.0 : per_token * gram(j, j);
  }
  out.order.resize(n);
  std::iota(out.order.begin(), out.order.end(), std::size_t{0});
  if (order == column_order::activation)
    std::ranges::stable_sort(out.order, [&](std::size_t a, std::size_t b) { return diagonal[a] > diagonal[b]; });
  const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(n);
  if (!std::isfinite(mean)) fail("calibration saw inputs of " + quoted(info) + " that are not finite");

  constexpr double increment = 0.01;
  inverse_cholesky_kernel* const factor = default_inverse_cholesky();
  std::vector<double> reversed(n * n);  // column by column
  for (out.damping = damping; out.damping <= 1.0; out.damping += increment) {
    for (std::size_t c = 0; c < n; ++c) {
      const auto from = gram.row(out.order[n - 1 - c]);
      for (std::size_t r = c; r < n; ++r)
        reversed[c * n + r] = per_token * from[out.order[n - 1 - r]];
      reversed[c * n + c] = diagonal[out.order[n - 1 - c]] + out.damping * mean;
    }
    out.upper.assign(n * n, 0.0);
    if (factor(reversed.data(), n, out.upper.data())) return out;
  }
  fail("the inputs of " + quoted(info) + " have no positive definite Hessian, whatever the damping up to 1");
}

}  // namespace qfa

#endif
