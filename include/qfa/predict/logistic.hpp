// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_LOGISTIC_HPP
#define QFA_PREDICT_LOGISTIC_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/predict/symmetric_solve.hpp"

namespace qfa {

struct logistic_options {
  double c = 1.0;            ///< weight of the data against the penalty; infinite for no penalty, and then no optimum
                             ///< exists where some w separates the classes: the caller must know that none does
  double tolerance = 1e-12;  ///< stop once every gradient entry is below this share of the sum of its terms' sizes
  int max_steps = 100;       ///< Newton steps
};

/// P(positive | x) = 1 / (1 + exp(-(intercept + w x))).
struct logistic_model {
  std::vector<double> coefficients;  // one a column
  double intercept = 0.0;
  bool converged = false;  ///< false where max_steps ran out or no step led down
  int steps = 0;

  /// The decision value intercept + w x: the log odds.
  double operator()(std::span<const double> x) const {
    double sum = intercept;
    for (std::size_t c = 0; c < coefficients.size(); ++c)
      sum += coefficients[c] * x[c];
    return sum;
  }
};

/// 1 / (1 + exp(-z)), without overflow at either end.
inline double probability_of(double log_odds) noexcept {
  const double e = std::exp(-std::fabs(log_odds));
  return log_odds >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

namespace detail {

/// The objective at one point, with its derivatives.  Entry 0 is the intercept, entry 1 + c column c.
class logistic_objective {
 public:
  logistic_objective(matrix_view<const double> x, std::span<const std::uint8_t> positive, double ridge)
      : x_(x), positive_(positive), ridge_(ridge), size_(x.columns() + 1) {}

  double value = 0.0;
  std::vector<double> gradient;   // (size)
  std::vector<double> curvature;  // (size, size), lower triangle
  std::vector<double> terms;      // (size): sums of |term| over the gradient's terms, at most, its unit of rounding

  /// ridge/2 |w|^2 + sum log(1 + exp(-z)) over positives and log(1 + exp(z)) over negatives.
  ///
  /// With p = P(positive): d/dz = p - y, d2/dz2 = p (1 - p).  All sums run in row order.
  void evaluate(std::span<const double> w) {
    value = 0.0;
    gradient.assign(size_, 0.0);
    curvature.assign(size_ * size_, 0.0);
    terms.assign(size_, 0.0);
    for (std::size_t r = 0; r < x_.rows(); ++r) {
      const std::span<const double> row = x_.row(r);
      double z = w[0];
      for (std::size_t c = 0; c < row.size(); ++c)
        z += w[c + 1] * row[c];
      const double e = std::exp(-std::fabs(z));
      const bool y = positive_[r] != 0;
      const bool right = y == (z >= 0.0);
      // |p - y| of a row on its right side is e / (1 + e); p itself would lose it to cancellation.
      const double miss = (right ? e : 1.0) / (1.0 + e);
      const double residual = y ? -miss : miss;
      value += std::log1p(e) + (right ? 0.0 : std::fabs(z));
      const double weight = e / ((1.0 + e) * (1.0 + e));
      gradient[0] += residual;
      terms[0] += 1.0;
      curvature[0] += weight;
      for (std::size_t i = 0; i < row.size(); ++i) {
        gradient[i + 1] += residual * row[i];
        terms[i + 1] += std::fabs(row[i]);
        const double along = weight * row[i];
        double* const line = curvature.data() + (i + 1) * size_;
        line[0] += along;
        for (std::size_t j = 0; j <= i; ++j)
          line[j + 1] += along * row[j];
      }
    }
    for (std::size_t i = 1; i < size_; ++i) {
      value += 0.5 * ridge_ * w[i] * w[i];
      gradient[i] += ridge_ * w[i];
      terms[i] += ridge_ * std::fabs(w[i]);
      curvature[i * size_ + i] += ridge_;
    }
  }

  bool settled(double tolerance) const noexcept {
    for (std::size_t i = 0; i < size_; ++i)
      if (std::fabs(gradient[i]) > tolerance * terms[i]) return false;
    return true;
  }

  /// Solves curvature step = gradient; false where the curvature has vanished.
  bool newton_step(std::vector<double>& step) const {
    return symmetric_factors(curvature, size_).solve(gradient, step);
  }

 private:
  matrix_view<const double> x_;
  std::span<const std::uint8_t> positive_;
  double ridge_;
  std::size_t size_;
};

}  // namespace detail

/// Logistic regression with an L2 penalty: minimizes
///
///   1/2 |w|^2 + c sum log loss        (the intercept is not penalized)
///
/// which is scikit-learn's LogisticRegression(C = c), divided by c throughout.  Newton's method with halved steps, to a
/// tight tolerance: where columns determine each other, only the penalty settles w, and a loose tolerance would show.
/// x: one row per feature; any value but 0 of `positive` means yes.  Throws for one class only, for values that are not
/// finite and for c that is not above 0.
inline logistic_model fit_logistic(matrix_view<const double> x, std::span<const std::uint8_t> positive,
                                   const logistic_options& options = {}) {
  require(x.rows() == positive.size(), "fit_logistic needs one label for each row");
  require(options.c > 0.0, "fit_logistic needs c above 0");
  const bool first = !positive.empty() && positive[0] != 0;
  require(std::any_of(positive.begin(), positive.end(), [&](std::uint8_t y) { return (y != 0) != first; }),
          "fit_logistic needs rows of both classes: one class alone has nothing to predict");
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (const double v : x.row(r))
      require(std::isfinite(v), "fit_logistic needs finite values in every row");

  const double ridge = 1.0 / options.c;
  detail::logistic_objective here(x, positive, ridge);
  detail::logistic_objective there = here;
  std::vector<double> w(x.columns() + 1, 0.0);
  std::vector<double> next(w.size());
  std::vector<double> step(w.size());
  logistic_model model;
  here.evaluate(w);
  while (!(model.converged = here.settled(options.tolerance)) && model.steps < options.max_steps) {
    if (!here.newton_step(step)) break;
    // The objective is convex, so a small enough step leads down, until it is as low as rounding can tell.
    bool lower = false;
    for (double length = 1.0; !lower && length > 1e-9; length /= 2.0) {
      for (std::size_t i = 0; i < w.size(); ++i)
        next[i] = w[i] - length * step[i];
      there.evaluate(next);
      lower = there.value <= here.value + 1e-12 * std::fabs(here.value);
    }
    if (!lower) break;
    std::swap(w, next);
    std::swap(here, there);
    ++model.steps;
  }
  model.intercept = w[0];
  model.coefficients.assign(w.begin() + 1, w.end());
  return model;
}

}  // namespace qfa

#endif
