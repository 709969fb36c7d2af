// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_ORDINAL_LOGISTIC_HPP
#define QFA_BITS_ORDINAL_LOGISTIC_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/predict/logistic.hpp"
#include "qfa/predict/symmetric_solve.hpp"

namespace qfa {

struct ordinal_options {
  double ridge = 1e-3;       ///< ridge/2 |beta|^2 is added to the loss; thresholds go free
  double tolerance = 1e-10;  ///< stop once every gradient entry is below this share of the number of rows
  int max_steps = 100;       ///< Newton steps
};

/// Proportional odds (McCullagh 1980) over ordered classes 0 .. K - 1:
///
///   logit P(Y <= k) = alpha_k - beta x,   alpha increasing
///
/// so that exp(beta_c) multiplies the odds of a better class, whichever the limit, for each unit of column c.  Two
/// classes make it a logistic regression with the intercept -alpha_0.
struct ordinal_model {
  std::vector<double> thresholds;    ///< alpha, K - 1
  std::vector<double> coefficients;  ///< beta, one a column
  bool converged = false;
  int steps = 0;

  /// For each cluster of rows its pull on every parameter, thresholds first: (clusters, parameters), the inverse
  /// curvature times the cluster's score.  Their products are the sandwich covariance.
  std::vector<double> influence;
  std::size_t clusters = 0;

  std::size_t parameters() const noexcept { return thresholds.size() + coefficients.size(); }
};

/// Covariance of parameter i of `a` with parameter j of `b`, models of the same rows and clusters: the sum over
/// clusters of their influences' products, times G / (G - 1) (Liang and Zeger 1986).  Rows of one cluster may depend on
/// each other as they like.  Parameters count thresholds first.  NaN for fewer than two clusters.  Throws where the
/// numbers of clusters differ, and for a parameter that is not there.
inline double clustered_covariance(const ordinal_model& a, std::size_t i, const ordinal_model& b, std::size_t j) {
  require(a.clusters == b.clusters, "models whose parameters are compared need the same clusters");
  require(i < a.parameters() && j < b.parameters(), "clustered_covariance was asked for a parameter that is not there");
  if (a.clusters < 2) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0.0;
  for (std::size_t g = 0; g < a.clusters; ++g)
    sum += a.influence[g * a.parameters() + i] * b.influence[g * b.parameters() + j];
  return sum * static_cast<double>(a.clusters) / static_cast<double>(a.clusters - 1);
}

inline double clustered_error(const ordinal_model& model, std::size_t parameter) {
  return std::sqrt(clustered_covariance(model, parameter, model, parameter));
}

namespace detail {

/// The penalized loss at one point, with its derivatives; parameters are alpha, then beta.
///
/// With hi = alpha_k - beta x, lo = alpha_{k-1} - beta x and g = hi - lo,
///
///   P(Y = k) = s(hi) - s(lo) = s(hi) s(-lo) (1 - exp(-g)),   s(z) = 1 / (1 + exp(-z))
///
/// whose logarithm is a sum of three concave terms (Pratt 1981), none of which cancels.
class ordinal_objective {
 public:
  ordinal_objective(matrix_view<const double> x, std::span<const std::uint8_t> classes, std::size_t class_count,
                    double ridge)
      : x_(x), classes_(classes), cuts_(class_count - 1), ridge_(ridge) {}

  double value = 0.0;
  std::vector<double> gradient;   // (size)
  std::vector<double> curvature;  // (size, size), lower triangle

  std::size_t size() const noexcept { return cuts_ + x_.columns(); }

  /// Infinite, and without derivatives, where alpha does not increase.
  void evaluate(std::span<const double> p) {
    value = std::numeric_limits<double>::infinity();
    for (std::size_t k = 1; k < cuts_; ++k)
      if (!(p[k] > p[k - 1])) return;
    value = 0.0;
    gradient.assign(size(), 0.0);
    curvature.assign(size() * size(), 0.0);
    std::vector<double> row(size());
    for (std::size_t r = 0; r < x_.rows(); ++r)
      value += add_row(r, p, row, true);
    for (std::size_t i = cuts_; i < size(); ++i) {
      value += 0.5 * ridge_ * p[i] * p[i];
      gradient[i] += ridge_ * p[i];
      curvature[i * size() + i] += ridge_;
    }
  }

  /// The derivative of row r's log likelihood by every parameter.
  void score(std::size_t r, std::span<const double> p, std::span<double> out) {
    std::vector<double> row(size());
    gradient.assign(size(), 0.0);
    add_row(r, p, row, false);
    for (std::size_t i = 0; i < size(); ++i)
      out[i] = -gradient[i];
  }

  bool settled(double tolerance) const noexcept {
    const double limit = tolerance * static_cast<double>(x_.rows());
    return std::ranges::all_of(gradient, [&](double g) { return std::fabs(g) <= limit; });
  }

 private:
  /// Adds a row's derivatives, `with_curvature` the second ones as well, and returns its loss.
  double add_row(std::size_t r, std::span<const double> p, std::vector<double>& row, bool with_curvature) {
    const std::span<const double> x = x_.row(r);
    const std::size_t k = classes_[r];
    double along = 0.0;
    for (std::size_t c = 0; c < x.size(); ++c)
      along += p[cuts_ + c] * x[c];
    for (std::size_t c = 0; c < x.size(); ++c)
      row[cuts_ + c] = -x[c];
    // A term -log s(sign z): first derivative -sign s(-sign z), second s(z) s(-z).
    double loss = 0.0;
    const auto add_term = [&](std::size_t cut, double sign) {
      const double z = sign * (p[cut] - along);
      loss += z >= 0.0 ? std::log1p(std::exp(-z)) : std::log1p(std::exp(z)) - z;
      const double missing = probability_of(-z);
      std::fill(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(cuts_), 0.0);
      row[cut] = 1.0;
      add(row, -sign * missing, with_curvature ? missing * (1.0 - missing) : 0.0, with_curvature);
    };
    if (k < cuts_) add_term(k, 1.0);
    if (k > 0) add_term(k - 1, -1.0);
    if (k > 0 && k < cuts_) {
      const double gap = p[k] - p[k - 1];
      loss -= std::log(-std::expm1(-gap));
      const double t = 1.0 / std::expm1(gap);
      std::fill(row.begin(), row.end(), 0.0);
      row[k] = 1.0;
      row[k - 1] = -1.0;
      add(row, -t, t * (1.0 + t), with_curvature);
    }
    return loss;
  }

  /// A term of the loss that depends on direction . p alone.
  void add(std::span<const double> direction, double first, double second, bool with_curvature) {
    for (std::size_t i = 0; i < direction.size(); ++i) {
      gradient[i] += first * direction[i];
      if (!with_curvature) continue;
      const double part = second * direction[i];
      for (std::size_t j = 0; j <= i; ++j)
        curvature[i * size() + j] += part * direction[j];
    }
  }

  matrix_view<const double> x_;
  std::span<const std::uint8_t> classes_;
  std::size_t cuts_;
  double ridge_;
};

}  // namespace detail

/// Fits the model by Newton's method with halved steps: the loss is convex.  `classes` of each row are 0 to
/// class_count - 1; rows of equal `cluster_of` are a cluster (any numbers; empty: each row is its own).  Throws where a
/// class has no row, since its threshold then has no place, and for values that are not finite.
inline ordinal_model fit_ordinal(matrix_view<const double> x, std::span<const std::uint8_t> classes,
                                 std::size_t class_count, std::span<const std::uint32_t> cluster_of = {},
                                 const ordinal_options& options = {}) {
  require(x.rows() == classes.size(), "fit_ordinal needs one class for each row");
  require(cluster_of.empty() || cluster_of.size() == classes.size(),
          "fit_ordinal needs a cluster for each row, or none");
  require(class_count >= 2, "fit_ordinal needs at least two classes");
  std::vector<double> counts(class_count, 0.0);
  for (const std::uint8_t k : classes) {
    require(k < class_count, "fit_ordinal met a class beyond the last one");
    ++counts[k];
  }
  require(std::ranges::all_of(counts, [](double n) { return n > 0.0; }), "fit_ordinal needs rows of every class");
  for (std::size_t r = 0; r < x.rows(); ++r)
    require(std::ranges::all_of(x.row(r), [](double v) { return std::isfinite(v); }),
            "fit_ordinal needs finite values in every row");

  detail::ordinal_objective here(x, classes, class_count, options.ridge);
  detail::ordinal_objective there = here;
  const std::size_t size = here.size(), cuts = class_count - 1;
  std::vector<double> p(size, 0.0), next(size), step(size);
  double below = 0.0;
  for (std::size_t k = 0; k < cuts; ++k) {  // the thresholds of the shares alone
    below += counts[k];
    p[k] = std::log(below / (static_cast<double>(classes.size()) - below));
  }
  ordinal_model model;
  here.evaluate(p);
  while (!(model.converged = here.settled(options.tolerance)) && model.steps < options.max_steps) {
    if (!symmetric_factors(here.curvature, size).solve(here.gradient, step)) break;
    bool lower = false;
    for (double length = 1.0; !lower && length > 1e-9; length /= 2.0) {
      for (std::size_t i = 0; i < size; ++i)
        next[i] = p[i] - length * step[i];
      there.evaluate(next);
      lower = there.value <= here.value + 1e-12 * std::fabs(here.value);
    }
    if (!lower) break;
    std::swap(p, next);
    std::swap(here, there);
    ++model.steps;
  }
  model.thresholds.assign(p.begin(), p.begin() + static_cast<std::ptrdiff_t>(cuts));
  model.coefficients.assign(p.begin() + static_cast<std::ptrdiff_t>(cuts), p.end());

  std::map<std::uint32_t, std::size_t> place;  // clusters in the order of their numbers
  for (std::size_t r = 0; r < classes.size(); ++r)
    place.try_emplace(cluster_of.empty() ? static_cast<std::uint32_t>(r) : cluster_of[r], 0);
  for (auto& [cluster, at] : place)
    at = model.clusters++;
  std::vector<double> scores(model.clusters * size, 0.0), one(size);
  for (std::size_t r = 0; r < classes.size(); ++r) {
    there.score(r, p, one);
    double* const sum =
        scores.data() + place[cluster_of.empty() ? static_cast<std::uint32_t>(r) : cluster_of[r]] * size;
    for (std::size_t i = 0; i < size; ++i)
      sum[i] += one[i];
  }
  const symmetric_factors factors(here.curvature, size);
  model.influence.resize(scores.size());
  for (std::size_t g = 0; g < model.clusters; ++g)
    require(factors.solve({scores.data() + g * size, size}, {model.influence.data() + g * size, size}),
            "fit_ordinal met columns that determine each other, and no penalty settles them");
  return model;
}

}  // namespace qfa

#endif
