// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_AUC_HPP
#define QFA_COMPARE_AUC_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/compare/ranks.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Area under the ROC curve: the chance that a positive outscores a negative, ties counting half.  By way of the
/// Mann-Whitney rank sum, so no thresholds are swept.  NaN unless both labels occur; throws where a score is NaN.
///
/// A positive's rank counts the scores below it, plus half of its ties, plus a half for itself.  Summed over the p
/// positives, the pairs of positives add p (p + 1) / 2; the rest are pairs won against negatives.
inline double auc(std::span<const double> scores, std::span<const std::uint8_t> positive) {
  require(scores.size() == positive.size(), "auc needs one label for each score");
  const std::vector<double> ranks = mid_ranks(scores);
  double rank_sum = 0.0;
  double p = 0.0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (positive[i] == 0) continue;
    rank_sum += ranks[i];
    ++p;
  }
  const double n = static_cast<double>(ranks.size()) - p;
  if (p == 0.0 || n == 0.0) return std::numeric_limits<double>::quiet_NaN();
  return (rank_sum - p * (p + 1.0) / 2.0) / (p * n);
}

/// Average precision: the precision at each threshold, weighted by the recall gained there.  Equal scores enter
/// together, without interpolation (as scikit-learn's).  NaN without a positive; throws where a score is NaN.
inline double average_precision(std::span<const double> scores, std::span<const std::uint8_t> positive) {
  require(scores.size() == positive.size(), "average_precision needs one label for each score");
  std::vector<std::size_t> entered;  // per distinct score, lowest first: how many entries carry it
  std::vector<std::size_t> entered_positive;
  for_each_tie(scores, [&](std::size_t first, std::size_t last, std::span<const std::size_t> order) {
    entered.push_back(last - first);
    entered_positive.push_back(0);
    for (std::size_t i = first; i < last; ++i)
      entered_positive.back() += positive[order[i]] != 0;
  });
  double sum = 0.0;
  std::size_t above = 0;
  std::size_t positives = 0;
  for (std::size_t k = entered.size(); k-- > 0;) {
    above += entered[k];
    positives += entered_positive[k];
    sum += static_cast<double>(entered_positive[k]) * static_cast<double>(positives) / static_cast<double>(above);
  }
  return positives == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(positives);
}

/// Brier score: mean squared distance of a probability from what happened, 0 or 1.  NaN for no probabilities.  Throws
/// where the two differ in length.
inline double brier(std::span<const double> probabilities, std::span<const std::uint8_t> positive) {
  require(probabilities.size() == positive.size(), "brier needs one label for each probability");
  double sum = 0.0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const double gap = probabilities[i] - (positive[i] != 0 ? 1.0 : 0.0);
    sum += gap * gap;
  }
  return probabilities.empty() ? std::numeric_limits<double>::quiet_NaN()
                               : sum / static_cast<double>(probabilities.size());
}

}  // namespace qfa

#endif
