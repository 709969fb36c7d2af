// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_SUBSPACE_HPP
#define QFA_ALIGNMENT_SUBSPACE_HPP

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "qfa/alignment/direction.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Orthonormal vectors, one after the other: (dimension, channels).
class subspace {
 public:
  subspace() = default;
  /// Vectors that the caller knows to be orthonormal, all of this many channels.  Throws for 0 channels, and where
  /// these do not divide the numbers.
  subspace(std::vector<double> axes, std::size_t channels) : axes_(std::move(axes)), channels_(channels) {
    require(channels > 0 && axes_.size() % channels == 0, "a subspace needs axes of as many channels each");
  }
  /// The line along a direction.
  explicit subspace(const contrast_direction& direction) : subspace(direction.unit, direction.unit.size()) {}

  std::size_t dimension() const noexcept { return channels_ == 0 ? 0 : axes_.size() / channels_; }
  std::size_t channels() const noexcept { return channels_; }
  std::span<const double> axis(std::size_t i) const noexcept {
    return std::span(axes_).subspan(i * channels_, channels_);
  }

 private:
  std::vector<double> axes_;
  std::size_t channels_ = 0;
};

namespace detail {

/// In long double, for which Eigen has no vector code: the same bits for every vector width.
using plain_matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

/// Rows of doubles, one after the other.
struct double_rows {
  std::vector<double> values;
  std::size_t columns;

  std::size_t count() const noexcept { return values.size() / columns; }
  std::span<const double> row(std::size_t r) const noexcept { return std::span(values).subspan(r * columns, columns); }
  /// Each activation less `center`.
  void append(matrix_view<const float> activations, std::span<const double> center) {
    for (std::size_t r = 0; r < activations.rows(); ++r)
      for (std::size_t c = 0; c < columns; ++c)
        values.push_back(static_cast<double>(activations.row(r)[c]) - center[c]);
  }
};

/// The lower triangle of X X^T or X^T X, whichever is smaller: prompts are hundreds where channels are thousands.
inline plain_matrix smaller_gram(const double_rows& x) {
  const bool by_rows = x.count() <= x.columns;
  const auto size = static_cast<Eigen::Index>((std::min)(x.count(), x.columns));
  plain_matrix gram = plain_matrix::Zero(size, size);
  for (Eigen::Index j = 0; j < size; ++j)
    for (Eigen::Index i = j; by_rows && i < size; ++i)
      gram(i, j) = inner_product(x.row(static_cast<std::size_t>(i)), x.row(static_cast<std::size_t>(j)));
  for (std::size_t r = 0; !by_rows && r < x.count(); ++r) {
    const std::span<const double> row = x.row(r);
    for (std::size_t j = 0; j < row.size(); ++j)
      for (std::size_t i = j; i < row.size(); ++i)
        gram(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) += row[i] * row[j];
  }
  return gram;
}

inline void normalize(std::vector<double>& axis) {
  const std::span<const double> x(axis);
  const double length = std::sqrt(inner_product(x, x));
  for (double& a : axis)
    a /= length;
}

/// The right singular vectors of the `count` largest singular values, of either sign; fewer where the rank is lower.
///
/// By way of the smaller Gram matrix, which costs half of the digits of small singular values and none of the large
/// ones'.  The vectors are made orthogonal to those before them once more, twice: rows add up rounding.
inline std::vector<double> right_singular_vectors(const double_rows& x, std::size_t count) {
  const Eigen::SelfAdjointEigenSolver<plain_matrix> solved(smaller_gram(x));  // values increase
  const Eigen::Index size = solved.eigenvalues().size();
  const bool by_rows = x.count() <= x.columns;
  constexpr long double rounding = 1e-13L;  // of the largest eigenvalue: what is below is noise
  std::vector<double> axes;
  for (Eigen::Index i = size; i-- > 0 && axes.size() < count * x.columns;) {
    if (!(solved.eigenvalues()[i] > rounding * solved.eigenvalues()[size - 1])) break;
    std::vector<double> axis(x.columns, 0.0);
    for (std::size_t r = 0; r < static_cast<std::size_t>(size); ++r) {
      const auto weight = static_cast<double>(solved.eigenvectors()(static_cast<Eigen::Index>(r), i));
      if (!by_rows) axis[r] = weight;
      for (std::size_t c = 0; by_rows && c < x.columns; ++c)
        axis[c] += weight * x.row(r)[c];
    }
    normalize(axis);
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t before = 0; before < axes.size(); before += x.columns) {
        const std::span<const double> other = std::span(axes).subspan(before, x.columns);
        const double along = inner_product(other, std::span<const double>(axis));
        for (std::size_t c = 0; c < x.columns; ++c)
          axis[c] -= along * other[c];
      }
      normalize(axis);
    }
    axes.insert(axes.end(), axis.begin(), axis.end());
  }
  return axes;
}

}  // namespace detail

/// A contrast of `dimension` axes, qfa's own, since none is published: those along which harmful prompts lie farthest
/// from the mean harmless one, in the mean square, the farthest first (right singular vectors of the rows harmful
/// prompt - mean harmless prompt).  Each has the sign that gives it a product >= 0 with the difference of means, which
/// the first axis is close to without being it.  A subspace of fewer dimensions is the beginning of one of more.
///
/// Throws as find_direction does, and where the prompts span fewer dimensions.  Time grows as the cube of the prompts,
/// or of the channels where those are fewer: 2.3 s for 400 prompts on one core.
inline subspace find_subspace(matrix_view<const float> harmful, matrix_view<const float> harmless,
                              std::size_t dimension) {
  require(dimension > 0, "a subspace needs at least one dimension");
  const contrast_direction direction = find_direction(harmful, harmless);
  detail::double_rows rows{{}, harmful.columns()};
  rows.append(harmful, mean_row(harmless));
  std::vector<double> axes = detail::right_singular_vectors(rows, dimension);
  require(axes.size() == dimension * rows.columns, "a subspace needs prompts that span as many dimensions");
  for (std::size_t i = 0; i < dimension; ++i) {
    const std::span<double> axis = std::span(axes).subspan(i * rows.columns, rows.columns);
    if (inner_product(std::span<const double>(axis), std::span<const double>(direction.unit)) >= 0.0) continue;
    for (double& x : axis)
      x = -x;
  }
  return {std::move(axes), rows.columns};
}

/// The axes along which prompts of one class differ most from their own mean, both classes together, the widest first;
/// `count` of them or as many as the prompts span.  Each has its largest entry positive.  Throws where the two classes
/// differ in channels.
inline subspace principal_axes(matrix_view<const float> harmful, matrix_view<const float> harmless, std::size_t count) {
  require(harmful.columns() == harmless.columns(), "principal axes need both sets of prompts at one hook");
  detail::double_rows rows{{}, harmful.columns()};
  rows.append(harmful, mean_row(harmful));
  rows.append(harmless, mean_row(harmless));
  std::vector<double> axes = detail::right_singular_vectors(rows, count);
  for (std::size_t at = 0; at < axes.size(); at += rows.columns) {
    const std::span<double> axis = std::span(axes).subspan(at, rows.columns);
    if (*std::ranges::max_element(axis, {}, [](double x) { return std::fabs(x); }) >= 0.0) continue;
    for (double& x : axis)
      x = -x;
  }
  return {std::move(axes), rows.columns};
}

/// How much two subspaces of one dimension have in common.
struct subspace_overlap {
  double share = 0.0;         ///< mean squared cosine of the principal angles, |A B^T|^2 / dimension
  double least_cosine = 0.0;  ///< of the widest principal angle
};

/// Throws for subspaces of different dimension, or of none.
inline subspace_overlap overlap_of(const subspace& a, const subspace& b) {
  require(a.dimension() > 0 && a.dimension() == b.dimension(), "an overlap needs two subspaces of one dimension");
  const auto size = static_cast<Eigen::Index>(a.dimension());
  detail::plain_matrix products(size, size);
  for (Eigen::Index i = 0; i < size; ++i)
    for (Eigen::Index j = 0; j < size; ++j)
      products(i, j) = inner_product(a.axis(static_cast<std::size_t>(i)), b.axis(static_cast<std::size_t>(j)));
  const Eigen::SelfAdjointEigenSolver<detail::plain_matrix> solved(products.transpose() * products,
                                                                   Eigen::EigenvaluesOnly);
  return {static_cast<double>(products.squaredNorm()) / static_cast<double>(size),
          std::sqrt((std::max)(static_cast<double>(solved.eigenvalues()[0]), 0.0))};
}

}  // namespace qfa

#endif
