// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_ROC_HPP
#define QFA_COMPARE_ROC_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/compare/ranks.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// The false positive rates at which an ROC curve is kept: .00, .01, ... 1.00.
inline constexpr std::size_t roc_points = 101;
constexpr double roc_rate(std::size_t i) noexcept { return static_cast<double>(i) / 100.0; }

/// True positive rate at each `roc_rate`, as the threshold falls over the scores.  Equal scores enter together, by a
/// straight line (Fawcett 2006), so that the area below the whole curve is `auc`; where the curve is vertical, its
/// upper end.  NaN unless both labels occur; throws where a score is NaN.
inline std::array<double, roc_points> roc_curve(std::span<const double> scores,
                                                std::span<const std::uint8_t> positive) {
  require(scores.size() == positive.size(), "roc_curve needs one label for each score");
  std::vector<std::pair<std::size_t, std::size_t>> entered;  // per distinct score, lowest first: negatives, positives
  std::size_t negatives = 0, positives = 0;
  for_each_tie(scores, [&](std::size_t first, std::size_t last, std::span<const std::size_t> order) {
    entered.emplace_back(0, 0);
    for (std::size_t i = first; i < last; ++i)
      ++(positive[order[i]] == 0 ? entered.back().first : entered.back().second);
    negatives += entered.back().first;
    positives += entered.back().second;
  });
  std::array<double, roc_points> out;
  out.fill(std::numeric_limits<double>::quiet_NaN());
  if (negatives == 0 || positives == 0) return out;
  constexpr std::size_t steps = roc_points - 1;
  std::size_t passed = 0, found = 0;  // negatives and positives above the threshold
  for (std::size_t k = entered.size(); k-- > 0;) {
    const auto [more_negatives, more_positives] = entered[k];
    // The points with passed <= rate x negatives <= passed + more_negatives.
    const std::size_t first = (passed * steps + negatives - 1) / negatives;
    const std::size_t last = (passed + more_negatives) * steps / negatives;
    for (std::size_t i = first; i <= last; ++i) {
      const double way =
          more_negatives == 0
              ? 1.0
              : (static_cast<double>(i * negatives) / static_cast<double>(steps) - static_cast<double>(passed)) /
                    static_cast<double>(more_negatives);
      out[i] =
          (static_cast<double>(found) + way * static_cast<double>(more_positives)) / static_cast<double>(positives);
    }
    passed += more_negatives;
    found += more_positives;
  }
  return out;
}

}  // namespace qfa

#endif
