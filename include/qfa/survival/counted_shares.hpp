// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_COUNTED_SHARES_HPP
#define QFA_SURVIVAL_COUNTED_SHARES_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "qfa/core/parallel.hpp"
#include "qfa/stats/smoothed_count.hpp"
#include "qfa/survival/aggregates.hpp"
#include "qfa/survival/bands.hpp"
#include "qfa/survival/lower_median.hpp"

// What counts features by r, with intervals of the smoothed count (stats/smoothed_count.hpp).

namespace qfa {

/// Whether a feature lies above either threshold of the bands, each step smoothed over h of atanh r.
struct band_chances {
  double survived = 0.0;
  double kept = 0.0;  ///< not destroyed

  double of(outcome wanted) const noexcept {
    if (wanted == outcome::survived) return survived;
    return wanted == outcome::blurred ? kept - survived : 1.0 - kept;
  }
};

/// Where the bands end, on atanh.
class smoothed_bands {
 public:
  explicit smoothed_bands(const correlation_bands& bands)
      : bands_(bands), survives_(std::atanh(bands.survives_above)), kept_(std::atanh(bands.destroyed_below)) {}

  /// With h = 0 the bands themselves.
  band_chances operator()(double r, double h) const noexcept {
    if (!(h > 0.0)) {
      const outcome found = bands_(r);
      return {found == outcome::survived ? 1.0 : 0.0, found == outcome::destroyed ? 0.0 : 1.0};
    }
    const double z = std::atanh(r);
    return {chance_above(z, survives_, h), chance_above(z, kept_, h)};
  }

 private:
  correlation_bands bands_;
  double survives_, kept_;
};

/// Whether a feature meets an outcome, smoothed over h of atanh r.  With h = 0 the bands themselves.
class outcome_chance {
 public:
  outcome_chance(outcome wanted, const correlation_bands& bands) : wanted_(wanted), bands_(bands) {}

  double operator()(double r, double h) const noexcept { return bands_(r, h).of(wanted_); }

 private:
  outcome wanted_;
  smoothed_bands bands_;
};

/// The mean of the chances: a share of features.
inline double mean_chance(std::span<const double> chances) noexcept {
  double sum = 0.0;
  for (const double chance : chances)
    sum += chance;
  return ratio(sum, static_cast<double>(chances.size()));
}

/// The share of the features with an outcome, with and without each group.
inline counted_deletions count_outcome(const countable& r, const outcome_chance& chance) {
  return count_over(r, chance, [](std::span<const double> chances, std::size_t) { return mean_chance(chances); });
}

/// Jaccard index of the features that count under a and under b: sum of the chances to be in both, over those to be in
/// either.
inline double jaccard_of_chances(std::span<const double> a, std::span<const double> b) noexcept {
  double both = 0.0, either = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    both += a[i] * b[i];
    either += a[i] + b[i] - a[i] * b[i];
  }
  return ratio(both, either);
}

/// S(tau) of some features at all thresholds of a curve, each feature smoothed over `width` of its bandwidth.
template <class Width>
std::array<double, curve_points> smoothed_curve(std::span<const double> r, std::span<const count_bandwidth> bandwidths,
                                                Width width) {
  std::array<double, curve_points> limits{}, curve{};
  for (std::size_t i = 0; i < curve_points; ++i)
    limits[i] = std::atanh(curve_threshold(i));
  for (std::size_t f = 0; f < r.size(); ++f) {
    const double h = width(bandwidths[f]);
    const double z = h > 0.0 ? std::atanh(r[f]) : 0.0;
    for (std::size_t i = 0; i < curve_points; ++i) {
      const double chance = h > 0.0 ? chance_above(z, limits[i], h) : r[f] > curve_threshold(i) ? 1.0 : 0.0;
      if (chance == 0.0) break;  // thresholds increase
      curve[i] += chance;
    }
  }
  for (double& share : curve)
    share = ratio(share, static_cast<double>(r.size()));
  return curve;
}

/// S(tau) with its intervals, on logit.
inline std::array<estimate, curve_points> estimate_curve(const leave_one_out& r,
                                                         std::span<const std::uint32_t> features, double level = 0.95) {
  using curve = std::array<double, curve_points>;
  const std::vector<count_bandwidth> bandwidths = bandwidths_of(r, features);
  std::vector<std::array<curve, 3>> curves(r.groups + 1);  // as counted, fine and broad; the last of all groups
  parallel_for(curves.size(), [&](std::size_t g) {
    const std::vector<double> at = g < r.groups ? r.without(g, features) : r.of(features);
    curves[g] = {survival_curve(at), smoothed_curve(at, bandwidths, [](const count_bandwidth& h) { return h.fine; }),
                 smoothed_curve(at, bandwidths, [](const count_bandwidth& h) { return h.broad; })};
  });
  std::array<estimate, curve_points> out;
  for (std::size_t i = 0; i < curve_points; ++i) {
    const auto& whole = curves.back();
    counted_deletions point{.value = whole[0][i], .fine_value = whole[1][i], .broad_value = whole[2][i]};
    for (std::size_t g = 0; g < r.groups; ++g) {
      point.without.push_back(curves[g][0][i]);
      point.fine.push_back(curves[g][1][i]);
      point.broad.push_back(curves[g][2][i]);
    }
    out[i] = point.concluded({.scale = interval_scale::logit, .level = level});
  }
  return out;
}

/// The lower median of r, with its interval on atanh: the error of the share above it, over the features' density
/// there, each smoothed over its standard error (Bahadur 1966).  Features whose r is undefined are left out.
inline estimate estimate_median(const leave_one_out& r, std::span<const std::uint32_t> features, double level = 0.95) {
  const auto median = [](std::span<const double> x) { return lower_median({x.begin(), x.end()}); };
  estimate out = estimate_over(r, features, median, {.scale = interval_scale::atanh, .level = level});
  if (out.range.kind != interval_kind::two_sided) return out;
  std::vector<std::uint32_t> defined;
  for (const std::uint32_t f : features)
    if (!std::isnan(r.r[f])) defined.push_back(f);
  const double middle = out.value, at = std::atanh(middle);
  const countable features_of_r(r, defined);
  const counted_deletions above = count_over(
      features_of_r,
      [&](double x, double h) { return h > 0.0      ? chance_above(std::atanh(x), at, h)
                                       : x > middle ? 1.0
                                                    : 0.0; },
      [](std::span<const double> chances, std::size_t) { return mean_chance(chances); });
  double density = 0.0;  // of atanh r
  for (std::size_t i = 0; i < defined.size(); ++i) {
    const double h = features_of_r.bandwidths()[i].broad;
    if (!(h > 0.0)) continue;
    const double u = (std::atanh(r.r[defined[i]]) - at) / h;
    density += std::exp(-0.5 * u * u) / (h * std::sqrt(2.0 * std::numbers::pi));
  }
  density /= static_cast<double>(defined.size());
  const double slope = density * scale_slope(interval_scale::atanh, middle);  // of the share, in r
  respread(out, above.error() / slope, above.bias() / slope);
  return out;
}

}  // namespace qfa

#endif
