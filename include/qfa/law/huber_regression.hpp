// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_HUBER_REGRESSION_HPP
#define QFA_LAW_HUBER_REGRESSION_HPP

// One of the few headers that know Eigen (cmake/check_tree.sh).
#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// r^2 / 2 up to the threshold, and its tangent beyond (Huber 1964).
inline double huber_loss(double r, double threshold) noexcept {
  const double size = std::fabs(r);
  return size <= threshold ? 0.5 * size * size : threshold * (size - 0.5 * threshold);
}

/// The threshold by which scaling laws are fitted to logarithms (Hoffmann et al. 2022): so small that all but the few
/// points which the law meets count by their distance, as in a median, and not by its square.
inline constexpr double log_huber_threshold = 1e-3;

struct huber_fit {
  std::vector<double> coefficients;  ///< one a column
  double objective = 0.0;            ///< the sum of losses
  double gradient = 0.0;             ///< its largest slope along a column brought to length 1; 0 at the optimum
  int steps = 0;
};

namespace detail {

/// Sum of Huber losses of y - x b, columns brought to length 1.  All sums run in row order.
class huber_problem {
 public:
  huber_problem(matrix_view<const double> x, std::span<const double> y)
      : columns_(x.columns()), y_(y.begin(), y.end()), lengths_(x.columns(), 0.0) {
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (std::size_t c = 0; c < columns_; ++c) {
        x_.push_back(x(r, c));
        lengths_[c] = std::hypot(lengths_[c], x(r, c));
      }
    for (const double length : lengths_)
      require(std::isfinite(length) && length > 0.0, "a regression needs finite columns that are not all zero");
    for (std::size_t i = 0; i < x_.size(); ++i)
      x_[i] /= lengths_[i % columns_];
    residuals_ = y_;
  }

  /// Takes b as the point from which the next step is made.
  void move_to(std::vector<double> b) {
    b_ = std::move(b);
    residuals_ = residuals(b_);
  }
  std::vector<double> residuals(std::span<const double> b) const {
    std::vector<double> r = y_;
    for (std::size_t i = 0; i < r.size(); ++i)
      for (std::size_t c = 0; c < columns_; ++c)
        r[i] -= x_[i * columns_ + c] * b[c];
    return r;
  }
  double objective(std::span<const double> b, double threshold) const {
    double sum = 0.0;
    for (const double r : residuals(b))
      sum += huber_loss(r, threshold);
    return sum;
  }
  double gradient(std::span<const double> b, double threshold) const {
    const std::vector<double> r = residuals(b);
    double largest = 0.0;
    for (std::size_t c = 0; c < columns_; ++c) {
      double slope = 0.0;
      for (std::size_t i = 0; i < y_.size(); ++i)
        slope += x_[i * columns_ + c] * std::clamp(r[i], -threshold, threshold);
      largest = (std::max)(largest, std::fabs(slope));
    }
    return largest;
  }
  double largest_residual() const {
    double largest = 0.0;
    for (const double r : residuals_)
      largest = (std::max)(largest, std::fabs(r));
    return largest;
  }
  const std::vector<double>& point() const noexcept { return b_; }
  std::vector<double> coefficients() const {
    std::vector<double> out = b_;
    for (std::size_t c = 0; c < columns_; ++c)
      out[c] /= lengths_[c];
    return out;
  }

  /// The step that ends where the quadratic model of the objective at b has no slope: the objective's own on its piece,
  /// where rows within the threshold keep their square and the others their pull.  Where too few rows are within, the
  /// piece is flat along some line, and a weight of 1e-9 for the others leads far along it, down to where it ends.
  std::vector<double> direction(double threshold) const {
    std::vector<double> weights(y_.size()), pull(y_.size());
    for (std::size_t i = 0; i < y_.size(); ++i) {
      weights[i] = std::fabs(residuals_[i]) <= threshold ? 1.0 : 0.0;
      pull[i] = std::clamp(residuals_[i], -threshold, threshold);
    }
    auto step = solve(weights, pull);
    for (double& weight : weights)
      weight = (std::max)(weight, 1e-9);
    if (!step) step = solve(weights, pull);
    if (!step) fail("a robust regression found a piece without a slope");
    return *std::move(step);
  }

  /// b + t step with the t at which the slope along the step vanishes, which falls as t grows: by doubling, then
  /// halving.
  std::vector<double> least_along(const std::vector<double>& step, double threshold) const {
    std::vector<double> along(y_.size(), 0.0);
    for (std::size_t i = 0; i < along.size(); ++i)
      for (std::size_t c = 0; c < columns_; ++c)
        along[i] += x_[i * columns_ + c] * step[c];
    const auto slope = [&](double t) {
      double sum = 0.0;
      for (std::size_t i = 0; i < along.size(); ++i)
        sum += along[i] * std::clamp(residuals_[i] - t * along[i], -threshold, threshold);
      return sum;
    };
    double low = 0.0, high = 1.0;
    for (int i = 0; i < 100 && slope(high) > 0.0; ++i)
      low = high, high *= 2.0;
    for (int i = 0; i < 60 && high - low > 1e-15 * high; ++i) {
      const double middle = 0.5 * (low + high);
      (slope(middle) > 0.0 ? low : high) = middle;
    }
    return point_at(step, high);
  }
  std::vector<double> point_at(const std::vector<double>& step, double t) const {
    std::vector<double> b = b_;
    for (std::size_t c = 0; c < columns_; ++c)
      b[c] += t * step[c];
    return b;
  }
  /// Least squares, or none where columns depend on each other.
  std::optional<std::vector<double>> least_squares() const { return solve(std::vector<double>(y_.size(), 1.0), y_); }

 private:
  /// (x' W x) b = x' pull, in long double, for which Eigen has no vector code: the same bits for every vector width,
  /// and digits enough for the square that normal equations make of a condition number.
  std::optional<std::vector<double>> solve(std::span<const double> weights, std::span<const double> pull) const {
    using matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
    using vector = Eigen::Matrix<long double, Eigen::Dynamic, 1>;
    const auto n = static_cast<Eigen::Index>(columns_);
    matrix gram = matrix::Zero(n, n);
    vector right = vector::Zero(n);
    for (std::size_t i = 0; i < y_.size(); ++i)
      for (std::size_t c = 0; c < columns_; ++c) {
        const long double along = x_[i * columns_ + c];
        right[static_cast<Eigen::Index>(c)] += along * static_cast<long double>(pull[i]);
        for (std::size_t k = 0; k <= c; ++k)
          gram(static_cast<Eigen::Index>(c), static_cast<Eigen::Index>(k)) +=
              along * static_cast<long double>(weights[i] * x_[i * columns_ + k]);
      }
    const Eigen::LDLT<matrix, Eigen::Lower> factors(gram);
    const long double least = factors.vectorD().minCoeff(), most = factors.vectorD().maxCoeff();
    if (factors.info() != Eigen::Success || !(least > 1e-13L * most)) return std::nullopt;
    const vector solution = factors.solve(right);
    std::vector<double> b;
    for (Eigen::Index c = 0; c < n; ++c)
      b.push_back(static_cast<double>(solution[c]));
    return b;
  }

  std::size_t columns_;
  std::vector<double> x_, y_, lengths_, b_, residuals_;
};

}  // namespace detail

/// The b with the least sum of Huber losses of y - x b; x (rows, columns), y (rows).
///
/// The problem is convex, so a point without slope is its optimum, and the fit returns no other.  The threshold falls
/// from the largest residual of least squares to its value by halves, each time from where the last one ended (as
/// Madsen and Nielsen 1993 do).  Each step is Newton's with an exact search along it, so none leads up; the full step
/// ends the search once the piece is right.
///
/// Throws for fewer rows than columns, for columns that depend on each other (a pivot below 1e-13 of the largest), for
/// numbers that are not finite, and where `max_steps` lead to no optimum.
inline huber_fit huber_regression(matrix_view<const double> x, std::span<const double> y,
                                  double threshold = log_huber_threshold, int max_steps = 20000) {
  require(y.size() == x.rows() && x.columns() > 0, "a regression needs one value for each row, and a column");
  require(x.rows() >= x.columns(), "a regression needs at least as many rows as it has coefficients");
  require(threshold > 0.0, "the threshold of a Huber loss should be above 0");
  double largest = 0.0;
  for (const double value : y) {
    require(std::isfinite(value), "a regression needs finite numbers");
    largest = (std::max)(largest, std::fabs(value));
  }
  detail::huber_problem problem(x, y);
  const auto squares = problem.least_squares();
  if (!squares) fail("the columns of a regression depend on each other");
  problem.move_to(*squares);

  // What rounding leaves of a slope: residuals are known to within the rounding of y and of its terms.
  const double nothing =
      1e-14 * (1.0 + largest) * static_cast<double>(x.columns()) * std::sqrt(static_cast<double>(x.rows()));
  huber_fit out;
  for (double level = (std::max)(problem.largest_residual(), threshold);; level = (std::max)(0.5 * level, threshold)) {
    const bool last = level <= threshold;
    for (int here = 0; problem.gradient(problem.point(), level) > nothing && (last || here < 20); ++here) {
      if (++out.steps > max_steps)
        fail("a robust regression found no optimum in " + std::to_string(max_steps) + " steps");
      const std::vector<double> step = problem.direction(level);
      std::vector<double> next = problem.point_at(step, 1.0);
      if (problem.gradient(next, level) > nothing) next = problem.least_along(step, level);
      problem.move_to(std::move(next));
    }
    if (last) break;
  }
  out.coefficients = problem.coefficients();
  out.objective = problem.objective(problem.point(), threshold);
  out.gradient = problem.gradient(problem.point(), threshold);
  return out;
}

}  // namespace qfa

#endif
