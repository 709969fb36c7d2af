// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_FLIP_SHARE_HPP
#define QFA_REPORT_FLIP_SHARE_HPP

#include <cstddef>
#include <cstdint>

#include "qfa/audit/result.hpp"

namespace qfa {

/// The share of a condition's error energy that flips of the gate carry, E_flip / (E_flip + E_on), over the features
/// that the honest protocol counts (stats/feature_statistics.hpp has that of one).  NaN where nothing changed.
inline double flip_share_of(const condition_result& c) noexcept {
  double flips = 0.0, on = 0.0;
  for (const std::uint32_t f : c.by_honest.counted) {
    if (f >= c.features.size()) continue;
    flips += c.features[f].flip_energy;
    on += c.features[f].on_energy;
  }
  return ratio(flips, flips + on);
}

}  // namespace qfa

#endif
