// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_LEAST_MINORITY_HPP
#define QFA_PREDICT_LEAST_MINORITY_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// With fewer features than these in the smaller class there is no AUC to speak of: it is refused, whether anything was
/// fitted or not.
inline constexpr std::size_t least_auc_minority = 25;
inline constexpr std::string_view small_class = "the smaller class has fewer than 25 features, too few for an AUC";

/// How many the smaller class has.
inline std::size_t minority_of(std::span<const std::uint8_t> positive) noexcept {
  const auto positives =
      static_cast<std::size_t>(std::ranges::count_if(positive, [](std::uint8_t y) { return y != 0; }));
  return (std::min)(positives, positive.size() - positives);
}

/// An AUC that is refused: no value, no interval, and why.
inline estimate refused_auc() {
  estimate out;
  out.range.kind = interval_kind::refused;
  out.range.reason = small_class;
  return out;
}

}  // namespace qfa

#endif
