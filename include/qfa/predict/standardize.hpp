// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_STANDARDIZE_HPP
#define QFA_PREDICT_STANDARDIZE_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Moves columns to mean 0 and scales them to standard deviation 1.
struct standardizer {
  std::vector<double> mean;   // one a column
  std::vector<double> scale;  // population standard deviation (divided by n), 1 for a constant column

  /// Standardizes rows in place.  Throws for another number of columns.
  void operator()(matrix_view<double> x) const {
    require(x.columns() == mean.size(), "a standardizer was fitted to another number of columns");
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (std::size_t c = 0; c < x.columns(); ++c)
        x(r, c) = (x(r, c) - mean[c]) / scale[c];
  }
};

/// Learns means and scales from rows.  Two passes, each sum in row order.
///
/// A constant column keeps the scale 1, so that it becomes zero and not noise.  Its computed variance need not be 0:
/// the mean of n equal values is off by n eps |mean| at most, so anything below the square of that is rounding (the
/// bound that scikit-learn takes, too).  Throws without rows.
inline standardizer fit_standardizer(matrix_view<const double> x) {
  require(x.rows() > 0, "a standardizer needs at least one row");
  const double n = static_cast<double>(x.rows());
  standardizer s{std::vector<double>(x.columns(), 0.0), std::vector<double>(x.columns(), 0.0)};
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t c = 0; c < x.columns(); ++c)
      s.mean[c] += x(r, c);
  for (double& m : s.mean)
    m /= n;
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t c = 0; c < x.columns(); ++c)
      s.scale[c] += (x(r, c) - s.mean[c]) * (x(r, c) - s.mean[c]);
  for (std::size_t c = 0; c < x.columns(); ++c) {
    const double rounding = n * s.mean[c] * std::numeric_limits<double>::epsilon();
    const double variance = s.scale[c] / n;
    s.scale[c] = variance <= rounding * rounding ? 1.0 : std::sqrt(variance);
  }
  return s;
}

}  // namespace qfa

#endif
