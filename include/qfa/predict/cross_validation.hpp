// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_CROSS_VALIDATION_HPP
#define QFA_PREDICT_CROSS_VALIDATION_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/compare/auc.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Learns from rows and their labels, and returns something that scores a row.
template <class Fit>
concept model_fit = requires(Fit fit, matrix_view<const double> x, std::span<const std::uint8_t> positive,
                             std::span<const double> row) {
  { fit(x, positive)(row) } -> std::convertible_to<double>;
};

/// Scores each row by a model that was fitted to the other folds only: no row is scored by a model that saw it.
///
/// fold_of: the fold in which a row is held out, as stratified_folds or grouped_folds draws it.  Scores, not a metric:
/// any metric applies to them, and nothing is averaged behind the reader's back.  Throws where rows, labels and folds
/// are not as many, and for a fold that is not below the number of rows.
template <model_fit Fit>
std::vector<double> out_of_fold_scores(matrix_view<const double> x, std::span<const std::uint8_t> positive,
                                       std::span<const std::uint32_t> fold_of, Fit fit) {
  require(x.rows() == positive.size() && x.rows() == fold_of.size(),
          "out_of_fold_scores needs a label and a fold for each row");
  std::vector<double> scores(x.rows());
  if (x.rows() == 0) return scores;
  const std::uint32_t last = *std::max_element(fold_of.begin(), fold_of.end());
  require(last < x.rows(), "out_of_fold_scores needs folds that are numbered from 0");
  std::vector<double> seen;
  std::vector<std::uint8_t> seen_positive;
  for (std::uint32_t held_out = 0; held_out <= last; ++held_out) {
    seen.clear();
    seen_positive.clear();
    for (std::size_t r = 0; r < x.rows(); ++r) {
      if (fold_of[r] == held_out) continue;
      seen.insert(seen.end(), x.row(r).begin(), x.row(r).end());
      seen_positive.push_back(positive[r]);
    }
    if (seen_positive.size() == x.rows()) continue;  // nobody to score
    const auto score = fit(matrix_view<const double>(seen.data(), seen_positive.size(), x.columns()),
                           std::span<const std::uint8_t>(seen_positive));
    for (std::size_t r = 0; r < x.rows(); ++r)
      if (fold_of[r] == held_out) scores[r] = score(x.row(r));
  }
  return scores;
}

/// The AUC within each fold, and their mean and spread as published studies print them.
struct fold_aucs {
  std::vector<double> by_fold;  ///< NaN where a fold lacks a class
  double mean = 0.0;            ///< NaN if any fold's is
  double deviation = 0.0;       ///< divided by the number of folds.  No standard error: folds share their training rows
};

/// From scores, labels (not 0: positive) and folds of the same rows.  Throws where these differ in length or are none,
/// and for a fold that is not below their number.
inline fold_aucs auc_by_fold(std::span<const double> scores, std::span<const std::uint8_t> positive,
                             std::span<const std::uint32_t> fold_of) {
  require(scores.size() == positive.size() && scores.size() == fold_of.size() && !scores.empty(),
          "auc_by_fold needs a label and a fold for each score");
  const std::uint32_t last = *std::max_element(fold_of.begin(), fold_of.end());
  require(last < scores.size(), "auc_by_fold needs folds that are numbered from 0");
  fold_aucs aucs;
  std::vector<double> held_out;
  std::vector<std::uint8_t> held_out_positive;
  for (std::uint32_t f = 0; f <= last; ++f) {
    held_out.clear();
    held_out_positive.clear();
    for (std::size_t r = 0; r < scores.size(); ++r) {
      if (fold_of[r] != f) continue;
      held_out.push_back(scores[r]);
      held_out_positive.push_back(positive[r]);
    }
    aucs.by_fold.push_back(auc(held_out, held_out_positive));
  }
  const double n = static_cast<double>(aucs.by_fold.size());
  for (const double a : aucs.by_fold)
    aucs.mean += a / n;
  for (const double a : aucs.by_fold)
    aucs.deviation += (a - aucs.mean) * (a - aucs.mean) / n;
  aucs.deviation = std::sqrt(aucs.deviation);
  return aucs;
}

/// One column of a table.
inline std::vector<double> column_of(matrix_view<const double> x, std::size_t column) {
  std::vector<double> out(x.rows());
  for (std::size_t r = 0; r < x.rows(); ++r)
    out[r] = x(r, column);
  return out;
}

/// The AUC of each column by itself, larger values meaning positive; below 1/2 where smaller ones do.
inline std::vector<double> marginal_aucs(matrix_view<const double> x, std::span<const std::uint8_t> positive) {
  std::vector<double> aucs;
  for (std::size_t c = 0; c < x.columns(); ++c)
    aucs.push_back(auc(column_of(x, c), positive));
  return aucs;
}

}  // namespace qfa

#endif
