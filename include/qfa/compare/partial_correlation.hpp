// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_PARTIAL_CORRELATION_HPP
#define QFA_COMPARE_PARTIAL_CORRELATION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/compare/correlation.hpp"
#include "qfa/compare/ranks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// What ranks of some predictors, and the squares of these ranks, can explain in the ranks of anything else.
///
/// Holds an orthonormal basis of the columns {1, rank, rank^2}, so that a residual is one projection.  Built once, it
/// serves every pair of compressions.
///
/// Gram-Schmidt with each column cleared twice, which is enough for orthogonality to rounding ("twice is enough",
/// Kahan), in plain loops: a library's QR sums in an order that depends on the vector width, and so would the result.
/// A column that the ones before it explain already (a constant or repeated predictor) adds nothing and is left out.
class rank_controls {
 public:
  /// predictors: one row per feature, one column per predictor.  Throws where one is NaN.
  explicit rank_controls(matrix_view<const double> predictors) : rows_(predictors.rows()) {
    add(std::vector<double>(rows_, 1.0));
    std::vector<double> column(rows_);
    for (std::size_t c = 0; c < predictors.columns(); ++c) {
      for (std::size_t r = 0; r < rows_; ++r)
        column[r] = predictors(r, c);
      column = mid_ranks(column);
      // Centered on (n + 1) / 2 and in units of n, so that a rank and its square are far from collinear.
      const double n = static_cast<double>(rows_);
      for (double& v : column)
        v = (v - 0.5 * (n + 1.0)) / n;
      add(column);
      for (double& v : column)
        v *= v;
      add(column);
    }
  }

  std::size_t rows() const noexcept { return rows_; }
  /// Dimensions that the controls span, the constant included.
  std::size_t dimensions() const noexcept { return basis_.size(); }

  /// The ranks of `values` less what the controls explain of them; all zero where that is everything up to rounding.
  /// Throws where there is not one value for each row of the controls.
  std::vector<double> residual_ranks(std::span<const double> values) const {
    require(values.size() == rows_, "residual_ranks needs one value for each row of the controls");
    std::vector<double> ranks = mid_ranks(values);
    const double before = norm(ranks);
    clear(ranks);
    clear(ranks);
    if (norm(ranks) <= explained * before) std::fill(ranks.begin(), ranks.end(), 0.0);
    return ranks;
  }

 private:
  static constexpr double explained = 1e-10;  // of a column's length: no more than rounding is left of it

  static double inner(std::span<const double> a, std::span<const double> b) noexcept {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i)
      sum += a[i] * b[i];
    return sum;
  }
  static double norm(std::span<const double> a) noexcept { return std::sqrt(inner(a, a)); }

  void clear(std::span<double> column) const noexcept {
    for (const std::vector<double>& direction : basis_) {
      const double along = inner(direction, column);
      for (std::size_t i = 0; i < column.size(); ++i)
        column[i] -= along * direction[i];
    }
  }
  void add(std::vector<double> column) {
    const double before = norm(column);
    clear(column);
    clear(column);
    const double after = norm(column);
    if (after <= explained * before) return;
    for (double& v : column)
      v /= after;
    basis_.push_back(std::move(column));
  }

  std::size_t rows_ = 0;
  std::vector<std::vector<double>> basis_;
};

/// Spearman's correlation of a and b with the controls held fixed: Pearson's over the two residuals of ranks.  NaN
/// where the controls explain one of them entirely; throws where a value is NaN.
///
/// Most of a high Spearman correlation of damages is what any perturbation has in common, that weak features suffer;
/// this is what is left without it.
inline double partial_spearman(std::span<const double> a, std::span<const double> b, const rank_controls& controls) {
  return pearson(controls.residual_ranks(a), controls.residual_ranks(b));
}

}  // namespace qfa

#endif
