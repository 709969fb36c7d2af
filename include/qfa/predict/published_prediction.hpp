// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_PUBLISHED_PREDICTION_HPP
#define QFA_PREDICT_PUBLISHED_PREDICTION_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/predict/cross_validation.hpp"
#include "qfa/predict/folds.hpp"
#include "qfa/predict/logistic.hpp"
#include "qfa/predict/standardized_logistic.hpp"

namespace qfa {

/// Whether survival is predictable, measured as arXiv 2606.03002 measures it.
struct published_prediction {
  fold_aucs cross_validated;         ///< AUC within each of the folds, mean and deviation
  standardized_logistic all_rows;    ///< the model refitted on all rows: coefficients are on standardized columns
  std::vector<double> marginal_auc;  ///< of each predictor by itself
};

/// Logistic regression, c = 1, stratified folds, and columns standardized over *all* rows before any is held out: the
/// held-out rows' mean and scale leak into the training, and predictors and labels share their tokens.  Beside it
/// belongs predict_honestly.
///
/// predictors: one row per active feature, say `tabulate(features).view()`.  The published shuffle of rows into folds
/// is not repeated, only its rule; its choice moves the AUC within its deviation.  Throws where a class has fewer rows
/// than there are folds, and for values that are not finite.
inline published_prediction predict_as_published(matrix_view<const double> predictors,
                                                 std::span<const std::uint8_t> survived, std::uint64_t seed,
                                                 const logistic_options& options = {}, std::uint32_t folds = 5) {
  require(predictors.rows() == survived.size(), "predict_as_published needs one label for each row");
  const std::vector<std::uint32_t> fold_of = stratified_folds(survived, folds, seed);
  const standardized_rows x = standardize(predictors);
  const auto fit = [&](matrix_view<const double> rows, std::span<const std::uint8_t> positive) {
    return fit_logistic(rows, positive, options);
  };
  return {auc_by_fold(out_of_fold_scores(x.view(), survived, fold_of, fit), survived, fold_of),
          {x.scaling, fit_logistic(x.view(), survived, options)},
          marginal_aucs(predictors, survived)};
}

}  // namespace qfa

#endif
