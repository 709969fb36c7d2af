// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_COMPRESSION_ERROR_HPP
#define QFA_COMPRESS_COMPRESSION_ERROR_HPP

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/calibration.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_copy.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// What `policy` does to a matrix: W_q - W, each difference rounded to float once.  `known` may be null where the
/// policy needs no calibration.  `weights` stays as it is.  Throws where the policy does, and where a weight is not
/// finite before or after it.
inline weight_copy compression_error(const any_policy& policy, matrix_view<const float> weights,
                                     const tensor_info& info, const calibration* known) {
  finite_row_peaks(weights, info);
  weight_copy error(weights);
  if (known == nullptr)
    policy(error.view(), info);
  else
    policy(error.view(), info, *known);
  for_each_row(error.view(), [&](std::size_t r, std::span<float> row) {
    const std::span<const float> before = weights.row(r);
    for (std::size_t c = 0; c < row.size(); ++c)
      row[c] -= before[c];
  });
  for (const float e : error.values())
    if (!std::isfinite(e)) fail("the error that " + policy.name() + " makes in " + quoted(info) + " is not finite");
  return error;
}

/// The Frobenius norm, in double: squares of floats are exact, each row's are added in order, then the rows' sums.
inline double frobenius_norm(matrix_view<const float> weights) {
  std::vector<double> squares(weights.rows(), 0.0);
  for_each_row(weights, [&](std::size_t r, std::span<const float> row) {
    double sum = 0.0;
    for (const float w : row)
      sum += static_cast<double>(w) * static_cast<double>(w);
    squares[r] = sum;
  });
  double sum = 0.0;
  for (const double square : squares)
    sum += square;
  return std::sqrt(sum);
}

/// Throws where `policy` changes activations as well: `control` stands for an error of the weights alone, and would
/// quietly leave the other half out.
inline void require_weight_error(std::string_view control, const any_policy& policy) {
  if (policy.changes_activations())
    fail(std::string(control) + " takes a policy that changes weights only, but " + policy.name() +
         " changes activations too");
}

}  // namespace qfa

#endif
