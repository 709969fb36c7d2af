// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_HONEST_PREDICTION_HPP
#define QFA_PREDICT_HONEST_PREDICTION_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "qfa/compare/auc.hpp"
#include "qfa/compare/reliability.hpp"
#include "qfa/compare/roc.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/predict/calibration_line.hpp"
#include "qfa/predict/cross_validation.hpp"
#include "qfa/predict/family_bootstrap.hpp"
#include "qfa/predict/folds.hpp"
#include "qfa/predict/least_minority.hpp"
#include "qfa/predict/logistic.hpp"
#include "qfa/predict/standardized_logistic.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// What one half of the tokens says about the features.  Both halves list the same features in the same order.
struct token_half {
  matrix_view<const double> predictors;    ///< one row per feature, measured on this half's tokens
  std::span<const std::uint8_t> survived;  ///< one per feature, decided on this half's tokens
};

/// The fold in which each feature is held out: where the odd tokens decide the labels, then where the even ones do.
using folds_both_ways = std::array<std::vector<std::uint32_t>, 2>;

struct honest_options {
  logistic_options logistic{};
  std::uint32_t folds = 5;
  /// Below this many features in the smaller class there is no AUC to speak of.  0 for the replicates of a jackknife,
  /// which must not come and go one by one.
  std::size_t least_minority = least_auc_minority;
  /// Whether the curve and the coefficients are asked for, which the replicates of a jackknife do without.
  bool described = true;
  /// Folds to use; empty: drawn by the labels.  The replicates of a jackknife keep those of all groups: a label that
  /// changes would deal the families behind it anew, and noise of the dealing would be taken for that of the rows.
  folds_both_ways folds_as{};
};

/// Whether survival is predictable, on rows and tokens that the model has not seen.  Each number is the mean of two
/// runs: predictors from the even tokens with labels from the odd, and the other way round.
struct honest_prediction {
  folds_both_ways fold_of;         ///< that were used
  double auc = 0.0;                ///< over all rows, each scored out of fold; NaN where refused
  double average_precision = 0.0;  ///< of survival, to be held against base_rate
  double brier = 0.0;              ///< mean squared error of the probabilities
  double calibration_slope = 0.0;  ///< below 1: overconfident; NaN where a run has none
  double calibration_intercept = 0.0;
  double base_rate = 0.0;            ///< share of features that survived
  std::vector<double> marginal_auc;  ///< of each predictor by itself; NaN where refused
  /// (roc_points): true positive rate at each false positive rate, each row scored out of fold; empty where refused.
  std::vector<double> roc;
  /// (features): of survival, the mean of both ways, each scored out of fold; where the curve is asked for.
  std::vector<double> log_odds;
  /// The AUC with its interval where features are a sample (predict/family_bootstrap.hpp); where the curve is asked
  /// for.
  estimate over_families;
  /// Of each predictor, by the two halves (compare/reliability.hpp); where the curve is asked for.
  std::vector<double> predictor_reliability;
  std::vector<double> coefficients;  ///< of the model refitted on all rows, on standardized columns
  std::size_t families = 0;          ///< that were held out as wholes; as many as features where none are known
  std::size_t minority = 0;          ///< features in the smaller class, in whichever half has fewer
  std::string refusal;               ///< why there is no AUC; empty where there is one
};

/// Cross-validates a logistic regression so that nothing leaks: scaling is learned inside the fold, predictors and
/// labels come from different tokens, and whole families of near-duplicate features are held out together where
/// `family_of` names them (it may be empty).  Throws where a class has fewer rows than there are folds in either half,
/// and for values that are not finite.
inline honest_prediction predict_honestly(const token_half& even, const token_half& odd, std::uint64_t seed,
                                          std::span<const std::uint32_t> family_of = {},
                                          const honest_options& options = {}) {
  require(even.predictors.rows() == even.survived.size() && odd.predictors.rows() == odd.survived.size(),
          "predict_honestly needs one label for each row");
  require(even.survived.size() == odd.survived.size() && even.predictors.columns() == odd.predictors.columns(),
          "predict_honestly needs the same features and predictors in both halves");
  const std::size_t rows = even.survived.size();
  honest_prediction out;
  out.minority = rows;
  out.marginal_auc.assign(even.predictors.columns(), 0.0);
  out.families = family_of.empty() ? rows : std::set<std::uint32_t>(family_of.begin(), family_of.end()).size();
  std::vector<scored_features> ways;
  const auto fit = [&](matrix_view<const double> x, std::span<const std::uint8_t> positive) {
    return fit_standardized_logistic(x, positive, options.logistic);
  };
  out.fold_of = options.folds_as;
  const auto run = [&](matrix_view<const double> predictors, std::span<const std::uint8_t> survived,
                       std::vector<std::uint32_t>& fold_of) {
    if (fold_of.empty())
      fold_of = family_of.empty() ? stratified_folds(survived, options.folds, seed)
                                  : grouped_folds(family_of, survived, options.folds, seed);
    const std::vector<double> log_odds = out_of_fold_scores(predictors, survived, fold_of, fit);
    std::vector<double> probabilities;
    for (const double z : log_odds)
      probabilities.push_back(probability_of(z));
    const calibration_line line = fit_calibration_line(log_odds, survived);
    const auto survivors = static_cast<std::size_t>(
        std::count_if(survived.begin(), survived.end(), [](std::uint8_t y) { return y != 0; }));
    out.auc += 0.5 * auc(log_odds, survived);
    out.average_precision += 0.5 * average_precision(log_odds, survived);
    out.brier += 0.5 * brier(probabilities, survived);
    out.calibration_slope += 0.5 * line.slope;
    out.calibration_intercept += 0.5 * line.intercept;
    out.base_rate += 0.5 * static_cast<double>(survivors) / static_cast<double>(rows);
    out.minority = (std::min)({out.minority, survivors, rows - survivors});
    const std::vector<double> marginal = marginal_aucs(predictors, survived);
    for (std::size_t c = 0; c < marginal.size(); ++c)
      out.marginal_auc[c] += 0.5 * marginal[c];
    if (!options.described) return;
    ways.push_back({log_odds, {survived.begin(), survived.end()}});
    out.roc.resize(roc_points, 0.0);
    out.coefficients.resize(predictors.columns(), 0.0);
    out.log_odds.resize(rows, 0.0);
    const auto curve = roc_curve(log_odds, survived);
    const std::vector<double> all_rows = fit(predictors, survived).model.coefficients;
    for (std::size_t r = 0; r < rows; ++r)
      out.log_odds[r] += 0.5 * log_odds[r];
    for (std::size_t i = 0; i < curve.size(); ++i)
      out.roc[i] += 0.5 * curve[i];
    for (std::size_t c = 0; c < all_rows.size(); ++c)
      out.coefficients[c] += 0.5 * all_rows[c];
  };
  run(even.predictors, odd.survived, out.fold_of[0]);
  run(odd.predictors, even.survived, out.fold_of[1]);
  if (options.described) {
    for (std::size_t c = 0; c < even.predictors.columns(); ++c)
      out.predictor_reliability.push_back(
          split_half_reliability(column_of(even.predictors, c), column_of(odd.predictors, c)));
    if (out.minority >= options.least_minority) out.over_families = bootstrap_families(ways, family_of, seed);
  }

  if (out.minority < options.least_minority) {
    constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
    out.refusal = "the smaller class has " + std::to_string(out.minority) + " features, and an AUC needs at least " +
                  std::to_string(options.least_minority);
    out.auc = undefined;
    out.marginal_auc.assign(out.marginal_auc.size(), undefined);
    out.roc.clear();
    out.over_families.range.reason = small_class;
  }
  return out;
}

}  // namespace qfa

#endif
