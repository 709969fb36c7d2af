// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_DIRECTION_HPP
#define QFA_ALIGNMENT_DIRECTION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

// Directions that tell two sets of prompts apart.  Activations are (prompts, channels), one row for each prompt, of any
// hook and position; sums are in double, in the order of the rows.

namespace qfa {

/// The mean of each channel.  Throws without rows, and for values that are not finite.
inline std::vector<double> mean_row(matrix_view<const float> activations) {
  require(activations.rows() > 0 && activations.columns() > 0, "a mean activation needs at least one prompt");
  std::vector<double> mean(activations.columns(), 0.0);
  for (std::size_t r = 0; r < activations.rows(); ++r) {
    const std::span<const float> row = activations.row(r);
    for (std::size_t c = 0; c < row.size(); ++c) {
      require(std::isfinite(row[c]), "a mean activation needs finite activations");
      mean[c] += static_cast<double>(row[c]);
    }
  }
  for (double& m : mean)
    m /= static_cast<double>(activations.rows());
  return mean;
}

/// The scalar product of two vectors of one length, in the order of their entries.  Throws where they differ in length.
template <class A, class B>
double inner_product(std::span<const A> a, std::span<const B> b) {
  require(a.size() == b.size(), "a scalar product needs two vectors of one length");
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// In [-1, 1] up to rounding; NaN where one of the two is zero.
inline double cosine(std::span<const double> a, std::span<const double> b) {
  const double norms = std::sqrt(inner_product(a, a)) * std::sqrt(inner_product(b, b));
  if (norms == 0.0) return std::numeric_limits<double>::quiet_NaN();
  return inner_product(a, b) / norms;
}

/// The difference of means, as a direction (Arditi and others 2024).
struct contrast_direction {
  std::vector<double> unit;  ///< r = (mean harmful - mean harmless) / separation, of length 1
  double separation = 0.0;   ///< of the two means; along r, and there is no other
  double midpoint = 0.0;     ///< r times the middle between the two means: above it a prompt looks harmful
};

/// From (harmful prompts, channels) and (harmless prompts, channels).  Throws for sets of different width, for empty
/// ones, and where the means are the same.
inline contrast_direction find_direction(matrix_view<const float> harmful, matrix_view<const float> harmless) {
  require(harmful.columns() == harmless.columns(), "a contrast direction needs both sets of prompts at one hook");
  const std::vector<double> above = mean_row(harmful), below = mean_row(harmless);
  contrast_direction out;
  out.unit.resize(above.size());
  std::ranges::transform(above, below, out.unit.begin(), [](double a, double b) { return a - b; });
  const std::span<const double> unit(out.unit);
  out.separation = std::sqrt(inner_product(unit, unit));
  require(out.separation > 0.0, "a contrast direction needs sets of prompts whose means differ");
  for (double& x : out.unit)
    x /= out.separation;
  out.midpoint = (inner_product(unit, std::span(above)) + inner_product(unit, std::span(below))) / 2.0;
  return out;
}

/// Every prompt's coordinate along a unit vector.
inline std::vector<double> projections(matrix_view<const float> activations, std::span<const double> unit) {
  std::vector<double> out(activations.rows());
  for (std::size_t r = 0; r < out.size(); ++r)
    out[r] = inner_product(activations.row(r), unit);
  return out;
}

/// The ceiling of the cosine that a direction can keep: that of the two directions from the even and from the odd
/// prompts of one and the same model.  A cosine of 0.97 under compression may be the noise of the sample.  Throws
/// unless there are two prompts of each set.
inline double split_half_cosine(matrix_view<const float> harmful, matrix_view<const float> harmless) {
  require(harmful.rows() >= 2 && harmless.rows() >= 2, "a split-half cosine needs two prompts of each set");
  const auto half = [](matrix_view<const float> all, std::size_t first) {
    std::vector<float> rows;
    for (std::size_t r = first; r < all.rows(); r += 2)
      rows.insert(rows.end(), all.row(r).begin(), all.row(r).end());
    return rows;
  };
  const auto direction = [&](std::size_t first) {
    const std::vector<float> above = half(harmful, first), below = half(harmless, first);
    const std::size_t width = harmful.columns();
    return find_direction({above.data(), above.size() / width, width}, {below.data(), below.size() / width, width});
  };
  return cosine(direction(0).unit, direction(1).unit);
}

}  // namespace qfa

#endif
