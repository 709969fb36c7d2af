// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_WEIGHTED_AUC_HPP
#define QFA_COMPARE_WEIGHTED_AUC_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/compare/ranks.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// The AUC of rows that count several times each, or not at all, for many weights of the same rows: scores are sorted
/// once, and each evaluation walks them.
///
/// From the lowest score up, a positive wins against every negative below it and half of each that ties.
class weighted_auc {
 public:
  /// Throws where a score is NaN.
  weighted_auc(std::span<const double> scores, std::span<const std::uint8_t> positive)
      : positive_(positive.begin(), positive.end()) {
    require(scores.size() == positive.size(), "weighted_auc needs one label for each score");
    for_each_tie(scores, [&](std::size_t first, std::size_t last, std::span<const std::size_t> order) {
      order_.insert(order_.end(), order.begin() + static_cast<std::ptrdiff_t>(first),
                    order.begin() + static_cast<std::ptrdiff_t>(last));
      ends_.push_back(last);
    });
  }

  /// `weight_of(i)` is how often row i counts.  NaN unless both labels do.
  template <class WeightOf>
  double operator()(WeightOf weight_of) const {
    double won = 0.0, positives = 0.0, negatives = 0.0;
    std::size_t first = 0;
    for (const std::size_t last : ends_) {
      double of_class[2] = {0.0, 0.0};
      for (; first < last; ++first)
        of_class[positive_[order_[first]] != 0 ? 1 : 0] += static_cast<double>(weight_of(order_[first]));
      won += of_class[1] * (negatives + 0.5 * of_class[0]);
      negatives += of_class[0];
      positives += of_class[1];
    }
    const double pairs = positives * negatives;
    return pairs > 0.0 ? won / pairs : std::numeric_limits<double>::quiet_NaN();
  }

 private:
  std::vector<std::uint8_t> positive_;
  std::vector<std::size_t> order_;  // rows by score
  std::vector<std::size_t> ends_;   // of each set of equal scores in it
};

}  // namespace qfa

#endif
