// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_CONDITION_NUMBER_HPP
#define QFA_LAW_CONDITION_NUMBER_HPP

// One of the few headers that know Eigen (cmake/check_tree.sh).
#include <Eigen/Eigenvalues>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// How nearly the columns of a design depend on each other: its largest singular value over its smallest, every column
/// brought to length 1 first, so that no unit matters (Belsley, Kuh and Welsch 1980).  1 for orthogonal columns,
/// infinite where one can be had from the others, to within 1e-7, or is zero.
///
/// `centered`: columns minus their means, which asks about slopes alone; without, a column of ones can be among them,
/// which asks about the constant too.
inline double condition_number(matrix_view<const double> x, bool centered) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const std::size_t rows = x.rows(), columns = x.columns();
  if (rows < columns || columns == 0) return infinite;
  std::vector<double> a(rows * columns);
  for (std::size_t c = 0; c < columns; ++c) {
    double sum = 0.0, size = 0.0, length = 0.0;
    for (std::size_t r = 0; r < rows; ++r)
      sum += x(r, c);
    const double mean = centered ? sum / static_cast<double>(rows) : 0.0;
    for (std::size_t r = 0; r < rows; ++r) {
      size = std::hypot(size, x(r, c));
      length = std::hypot(length, x(r, c) - mean);
    }
    if (!(length > 1e-12 * size)) return infinite;  // what rounding leaves of a constant
    for (std::size_t r = 0; r < rows; ++r)
      a[r * columns + c] = (x(r, c) - mean) / length;
  }
  // Singular values are roots of the eigenvalues of a'a; long double, as elsewhere, for the same bits everywhere.
  using matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  const auto n = static_cast<Eigen::Index>(columns);
  matrix gram = matrix::Zero(n, n);
  for (std::size_t r = 0; r < rows; ++r)
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j < n; ++j)
        gram(i, j) += static_cast<long double>(a[r * columns + static_cast<std::size_t>(i)]) *
                      static_cast<long double>(a[r * columns + static_cast<std::size_t>(j)]);
  const auto values = Eigen::SelfAdjointEigenSolver<matrix>(gram, Eigen::EigenvaluesOnly).eigenvalues().eval();
  const auto least = static_cast<double>(values[0]), most = static_cast<double>(values[n - 1]);
  return least > 1e-14 * most ? std::sqrt(most / least) : infinite;
}

/// Above this, Belsley, Kuh and Welsch call the dependence strong.
inline constexpr double strong_dependence = 30.0;

}  // namespace qfa

#endif
