// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_AGGREGATES_HPP
#define QFA_SURVIVAL_AGGREGATES_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/survival/bands.hpp"

// Numbers that describe many features at once, each a function of their correlations r.  A NaN among them stands for a
// feature whose compressed code does not vary: no aggregate takes it for a survivor.

namespace qfa {

/// Mean of the r that are defined.
inline double mean_correlation(std::span<const double> r) noexcept {
  double sum = 0.0, count = 0.0;
  for (const double x : r)
    if (!std::isnan(x)) sum += x, ++count;
  return ratio(sum, count);
}

/// Share of features with the given outcome, NaN of none.
inline double outcome_share(std::span<const double> r, outcome wanted, const correlation_bands& bands = {}) noexcept {
  double count = 0.0;
  for (const double x : r)
    count += bands(x) == wanted ? 1.0 : 0.0;
  return ratio(count, static_cast<double>(r.size()));
}

/// The thresholds of a survival curve: .00, .01, ... 1.00.
inline constexpr std::size_t curve_points = 101;
constexpr double curve_threshold(std::size_t i) noexcept { return static_cast<double>(i) / 100.0; }

/// S(tau) = share of features with r > tau (strict), for tau = .00, .01, ... 1.00.  With the whole curve in sight, no
/// one need argue about 0.9.
inline std::array<double, curve_points> survival_curve(std::span<const double> r) noexcept {
  std::array<double, curve_points> curve{};
  // Each r first counts at the last threshold below it; then sums from the right.
  for (const double x : r) {
    std::size_t passed = 0;
    if (x > 0.0) {
      passed = (std::min<std::size_t>)(static_cast<std::size_t>((std::min)(x, 1.0) * 100.0) + 2, curve_points);
      while (passed > 0 && !(x > curve_threshold(passed - 1)))
        --passed;
    }
    if (passed > 0) ++curve[passed - 1];
  }
  for (std::size_t i = curve_points - 1; i-- > 0;)
    curve[i] += curve[i + 1];
  for (double& share : curve)
    share = ratio(share, static_cast<double>(r.size()));
  return curve;
}

/// Area under S over [0, 1], without the grid: the integral of 1[r > tau] over tau is max(r, 0), so it is the mean of
/// that.
inline double survival_area(std::span<const double> r) noexcept {
  double sum = 0.0;
  for (const double x : r)
    if (x > 0.0) sum += x;
  return ratio(sum, static_cast<double>(r.size()));
}

/// The share of all mass that stands with the given chances.
inline double share_of_mass(std::span<const double> chances, std::span<const double> mass) noexcept {
  double kept = 0.0, all = 0.0;
  for (std::size_t j = 0; j < mass.size(); ++j) {
    all += mass[j];
    kept += chances[j] * mass[j];
  }
  return ratio(kept, all);
}

/// Survival of activation rather than of features: sum of mass_j over features with r_j > tau, over sum of mass_j,
/// where mass_j = sum over tokens of x |w_j| and w_j is the feature's decoder row.
inline double mass_survival(std::span<const double> r, std::span<const double> mass, double tau = 0.9) {
  std::vector<double> kept;
  for (const double x : r)
    kept.push_back(x > tau ? 1.0 : 0.0);
  return share_of_mass(kept, mass);
}

}  // namespace qfa

#endif
