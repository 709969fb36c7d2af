// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_ABSMAX_GRID_HPP
#define QFA_COMPRESS_ABSMAX_GRID_HPP

#include <algorithm>
#include <cmath>

namespace qfa {

/// The symmetric integer grid of SmoothQuant, in double:
///
///   highest = 2^(bits - 1) - 1,  scale = peak / highest, 1 where that is 0
///   value = clamp(half_even(v / scale), -highest - 1, highest) scale
///
/// LLM.int8() computes v highest / peak instead, which differs where v is next to halfway between two codes only.
struct absmax_grid {
  int bits = 8;

  double highest() const noexcept { return static_cast<double>((1 << (bits - 1)) - 1); }
  double scale_for(double peak) const noexcept {
    const double scale = peak / highest();
    return scale == 0.0 ? 1.0 : scale;
  }
  double value(double v, double scale) const noexcept {
    return std::clamp(std::nearbyint(v / scale), -highest() - 1.0, highest()) * scale;
  }
};

}  // namespace qfa

#endif
