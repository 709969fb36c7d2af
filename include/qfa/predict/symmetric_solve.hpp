// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_SYMMETRIC_SOLVE_HPP
#define QFA_PREDICT_SYMMETRIC_SOLVE_HPP

#include <Eigen/Cholesky>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// The factors of a positive definite matrix, for the curvature of a regression with a handful of columns.
///
/// In long double, for which Eigen has no vector code: factoring so few columns costs nothing, and the bits then do not
/// depend on the vector width.
class symmetric_factors {
 public:
  /// `lower`: (size, size), of which only the lower triangle is read.  Throws where it is of another size.
  symmetric_factors(std::span<const double> lower, std::size_t size) : size_(size) {
    require(lower.size() == size * size, "symmetric_factors needs a square matrix");
    const auto n = static_cast<Eigen::Index>(size);
    matrix a = matrix::Zero(n, n);
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j <= i; ++j)
        a(i, j) = static_cast<long double>(lower[static_cast<std::size_t>(i * n + j)]);
    factors_.compute(a);
  }

  /// Writes the x of A x = b; false where there is no finite one, and x then holds anything.  Throws where b or x is
  /// not of that size.
  bool solve(std::span<const double> b, std::span<double> x) const {
    require(b.size() == size_ && x.size() == size_, "symmetric_factors solves for vectors of the matrix's size");
    if (factors_.info() != Eigen::Success) return false;
    vector right(static_cast<Eigen::Index>(size_));
    for (std::size_t i = 0; i < size_; ++i)
      right(static_cast<Eigen::Index>(i)) = static_cast<long double>(b[i]);
    const vector solution = factors_.solve(right);
    for (std::size_t i = 0; i < size_; ++i) {
      x[i] = static_cast<double>(solution(static_cast<Eigen::Index>(i)));
      if (!std::isfinite(x[i])) return false;
    }
    return true;
  }

 private:
  using matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  using vector = Eigen::Matrix<long double, Eigen::Dynamic, 1>;

  std::size_t size_;
  Eigen::LDLT<matrix, Eigen::Lower> factors_;
};

}  // namespace qfa

#endif
