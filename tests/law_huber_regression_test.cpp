// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/huber_regression.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

namespace law_huber_regression_test {

struct problem {
  std::size_t columns = 0;
  std::vector<double> x, y;
  std::size_t rows() const { return y.size(); }
  qfa::matrix_view<const double> view() const { return {x.data(), y.size(), columns}; }
};

/// A constant, and columns of quite different sizes; errors with heavy tails.
problem made_up(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  problem out{columns, {}, {}};
  for (std::size_t r = 0; r < rows; ++r) {
    double y = 0.0;
    for (std::size_t c = 0; c < columns; ++c) {
      const double value = c == 0 ? 1.0 : std::pow(10.0, static_cast<double>(c) - 1.0) * (3.0 + normal(random));
      out.x.push_back(value);
      y += value / static_cast<double>(c + 1);
    }
    out.y.push_back(y + 0.1 * normal(random) / (0.1 + std::fabs(normal(random))));
  }
  return out;
}

double residual(const problem& p, const std::vector<double>& b, std::size_t r) {
  double left = p.y[r];
  for (std::size_t c = 0; c < p.columns; ++c)
    left -= p.x[r * p.columns + c] * b[c];
  return left;
}

double objective(const problem& p, const std::vector<double>& b, double threshold) {
  double sum = 0.0;
  for (std::size_t r = 0; r < p.rows(); ++r)
    sum += qfa::huber_loss(residual(p, b, r), threshold);
  return sum;
}

TEST_CASE("huber_loss: a parabola within the threshold, its tangent beyond") {
  CHECK(qfa::huber_loss(0.5, 1.0) == 0.125);
  CHECK(qfa::huber_loss(-1.0, 1.0) == 0.5);
  CHECK(qfa::huber_loss(-3.0, 1.0) == 2.5);
}

TEST_CASE("huber_regression: the optimum of a convex problem, which no step in any direction improves") {
  for (const double threshold : {10.0, 0.1, 1e-3})
    for (unsigned seed = 1; seed <= 12; ++seed) {
      CAPTURE(threshold);
      CAPTURE(seed);
      const problem p = made_up(20 + 5 * seed, 2 + seed % 3, seed);
      const qfa::huber_fit fit = qfa::huber_regression(p.view(), p.y, threshold);
      const double least = objective(p, fit.coefficients, threshold);
      CHECK(fit.objective == doctest::Approx(least).epsilon(1e-9));
      // The slope of every column, recomputed: clipped residuals are orthogonal to it.
      for (std::size_t c = 0; c < p.columns; ++c) {
        double slope = 0.0, size = 0.0;
        for (std::size_t r = 0; r < p.rows(); ++r) {
          const double r1 = residual(p, fit.coefficients, r);
          slope += p.x[r * p.columns + c] * std::fmin(std::fmax(r1, -threshold), threshold);
          size += std::fabs(p.x[r * p.columns + c]) * threshold;
        }
        CHECK(std::fabs(slope) < 1e-8 * size);
        for (const double step : {-1e-3, 1e-3}) {
          std::vector<double> moved = fit.coefficients;
          moved[c] += step;
          CHECK(objective(p, moved, threshold) > least);
        }
      }
    }
}

TEST_CASE("huber_regression: with a threshold beyond every residual it is least squares") {
  // y = 1, 2, 4 at x = 0, 1, 2: slope 3/2, intercept 5/6.
  const std::vector<double> x{1, 0, 1, 1, 1, 2}, y{1, 2, 4};
  const qfa::huber_fit fit = qfa::huber_regression({x.data(), 3, 2}, y, 100.0);
  CHECK(fit.coefficients[0] == doctest::Approx(5.0 / 6.0).epsilon(1e-12));
  CHECK(fit.coefficients[1] == doctest::Approx(1.5).epsilon(1e-12));
}

TEST_CASE("huber_regression: a constant alone is near the median, and an outlier moves it no further") {
  const std::vector<double> x(5, 1.0);
  const std::vector<double> y{1.0, 2.0, 3.0, 4.0, 1e6};
  CHECK(qfa::huber_regression({x.data(), 5, 1}, y).coefficients[0] == doctest::Approx(3.0).epsilon(1e-12));
}

TEST_CASE("huber_regression: an exact table gives its coefficients back") {
  problem p = made_up(30, 4, 5);
  for (std::size_t r = 0; r < p.rows(); ++r)
    p.y[r] = 2.0 - 0.5 * p.x[r * 4 + 1] + 0.25 * p.x[r * 4 + 2] + 3.0 * p.x[r * 4 + 3];
  const std::vector<double> planted{2.0, -0.5, 0.25, 3.0};
  const qfa::huber_fit fit = qfa::huber_regression(p.view(), p.y);
  for (std::size_t c = 0; c < 4; ++c)
    CHECK(fit.coefficients[c] == doctest::Approx(planted[c]).epsilon(1e-9));
}

TEST_CASE("huber_regression: refuses what determines nothing") {
  const std::vector<double> twice{1, 2, 1, 2, 1, 2}, y{1, 2, 4};
  CHECK_THROWS_WITH_AS(qfa::huber_regression({twice.data(), 3, 2}, y),
                       "the columns of a regression depend on each other", qfa::error);
  const std::vector<double> x{1, 0, 1, 1, 1, 2};
  CHECK_THROWS_WITH_AS(qfa::huber_regression({x.data(), 1, 2}, std::vector<double>{1.0}),
                       "a regression needs at least as many rows as it has coefficients", qfa::error);
  CHECK_THROWS_WITH_AS(qfa::huber_regression({x.data(), 3, 2}, std::vector<double>{1.0, NAN, 2.0}),
                       "a regression needs finite numbers", qfa::error);
  CHECK_THROWS_WITH_AS(qfa::huber_regression({x.data(), 3, 2}, std::vector<double>{1.0}),
                       "a regression needs one value for each row, and a column", qfa::error);
}

}  // namespace law_huber_regression_test
