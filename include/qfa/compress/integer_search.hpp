// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INTEGER_SEARCH_HPP
#define QFA_COMPRESS_INTEGER_SEARCH_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/compress/integer_codes.hpp"
#include "qfa/compress/integer_scale.hpp"

namespace qfa {

/// Shrinks the extremes of a group by p = 1 - i / grid, i = 0, 1, ... below int(maxshrink grid), in search of the scale
/// with the smallest error sum |w' - w|^norm over the group; of equals the first.
///
/// GPTQ: grid 100, maxshrink 0.8, norm 2.4, no patience.  llm-compressor's mse observer: 100, 0.2, 2.4, patience 5: it
/// ends for the whole tensor after that many steps in a row that bettered no group at all.  The differences are rounded
/// to float, powers and sums are double.
struct shrink_search {
  int grid = 100;
  double maxshrink = 0.2;
  double norm = 2.4;
  int patience = 5;  ///< 0: never ends early

  std::size_t steps() const noexcept { return static_cast<std::size_t>(maxshrink * static_cast<double>(grid)); }
  float factor(std::size_t step) const noexcept {
    return static_cast<float>(1.0 - static_cast<double>(step) / static_cast<double>(grid));
  }

  /// Calls `bettered(step)` for each step whose error is below those of all before it.  The weights are such as the
  /// arithmetic holds.
  template <class Bettered>
  void operator()(const integer_scale& scales, std::span<const float> weights, Bettered bettered) const {
    std::vector<float> attempt(weights.size());
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t step = 0; step < steps(); ++step) {
      attempt.assign(weights.begin(), weights.end());
      quantize_with(scales, scales(weights, factor(step)), attempt);
      double error = 0.0;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const float gap = attempt[i] - weights[i];
        error += std::pow(std::fabs(static_cast<double>(gap)), norm);
      }
      if (error < least) {
        least = error;
        bettered(step);
      }
    }
  }

  /// How many steps are taken where `any_bettered[i]` says whether step i bettered any group.
  std::size_t steps_taken(const std::vector<bool>& any_bettered) const noexcept {
    int idle = 0;
    for (std::size_t step = 0; step < any_bettered.size(); ++step) {
      idle = any_bettered[step] ? 0 : idle + 1;
      if (patience > 0 && idle >= patience) return step + 1;
    }
    return any_bettered.size();
  }
};

}  // namespace qfa

#endif
