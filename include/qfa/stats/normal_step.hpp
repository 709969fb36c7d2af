// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_NORMAL_STEP_HPP
#define QFA_STATS_NORMAL_STEP_HPP

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace qfa {

/// How far `normal_step` goes on either side of 0.
inline constexpr double normal_step_reach = 6.0;

namespace detail {

/// Phi at every 256th from -6 to 6, and its slope times the spacing.
struct normal_step_table {
  static constexpr double places = 256.0;  ///< in a unit
  struct knot {
    double value = 0.0;
    double rise = 0.0;
  };
  std::array<knot, 2 * 6 * 256 + 1> knots{};

  normal_step_table() {
    for (std::size_t i = 0; i < knots.size(); ++i) {
      const double u = static_cast<double>(i) / places - normal_step_reach;
      knots[i].value = 0.5 * std::erfc(-u / std::numbers::sqrt2);
      knots[i].rise = std::exp(-0.5 * u * u) / (std::sqrt(2.0 * std::numbers::pi) * places);
    }
  }
};

}  // namespace detail

/// Phi(u), the normal distribution function, for |u| <= 6, by cubic interpolation between 3073 places: within 1e-12 of
/// erfc's (1.38 / 384 256^-4, 1.38 the greatest fourth derivative), in a fifth of its time.  An audit asks for it some
/// hundred million times: features x groups x thresholds x pairs of policies.  Precondition: |u| <= 6; checked by
/// assert.
inline double normal_step(double u) noexcept {
  assert(std::fabs(u) <= normal_step_reach);
  static const detail::normal_step_table table;
  const double place = (u + normal_step_reach) * detail::normal_step_table::places;
  const std::size_t i = (std::min)(static_cast<std::size_t>(place), table.knots.size() - 2);
  const auto& low = table.knots[i];
  const auto& high = table.knots[i + 1];
  const double t = place - static_cast<double>(i);
  const double gap = high.value - low.value;
  // Hermite's cubic, by its differences from the straight line.
  return low.value + t * (gap + (1.0 - t) * ((1.0 - t) * (low.rise - gap) + t * (gap - high.rise)));
}

}  // namespace qfa

#endif
