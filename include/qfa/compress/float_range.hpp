// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_FLOAT_RANGE_HPP
#define QFA_COMPRESS_FLOAT_RANGE_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/compress/rounding.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// x rounded to float; of a NaN, and beyond the largest float, where C++ leaves the cast undefined, an infinity of x's
/// sign.
inline float float_or_infinity(double x) noexcept {
  constexpr double largest = static_cast<double>((std::numeric_limits<float>::max)());
  constexpr float infinity = std::numeric_limits<float>::infinity();
  if (std::fabs(x) <= largest) return static_cast<float>(x);
  return std::signbit(x) ? -infinity : infinity;
}

/// Throws, naming the policy and `where` ("tensor \"w\""), unless every number of `results` (rows, columns) is finite:
/// for what a policy computed of finite numbers, and has not yet written over them.
inline void require_float_range(matrix_view<const float> results, std::string_view policy, const std::string& where) {
  std::vector<float> peaks(results.rows(), 0.0f);
  for_each_row(results, [&](std::size_t r, std::span<const float> row) { peaks[r] = absmax(row); });
  for (std::size_t r = 0; r < peaks.size(); ++r)
    if (magnitude_bits(peaks[r]) >= infinity_bits)
      fail(std::string(policy) + " would take row " + std::to_string(r) + " of " + where +
           " beyond the range of float");
}

}  // namespace qfa

#endif
