// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_DAMAGE_SPEARMAN_HPP
#define QFA_COMPARE_DAMAGE_SPEARMAN_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/compare/correlation.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/stats/smoothed_count.hpp"

namespace qfa {

namespace detail {

/// atanh r, infinite where r is 1 but for rounding: features with r = 1 are equal.
inline double z_of(double r) noexcept { return std::atanh(without_rounding(interval_scale::atanh, r)); }

/// Where a value of z = atanh r stands among all features, in [0, 1]: the mean over features of the step at z, each
/// smoothed over the feature's standard error.  Tabulated at 4096 places, six errors beyond the least and the greatest
/// finite z, linear between them; the table stays as groups are left out.
class smoothed_grade {
 public:
  explicit smoothed_grade(const leave_one_out& r, std::span<const std::uint32_t> features) {
    const std::vector<count_bandwidth> h = bandwidths_of(r, features);
    std::vector<double> z;
    for (const std::uint32_t f : features) {
      z.push_back(z_of(r.r[f]));
      if (!std::isfinite(z.back())) continue;
      const double reach = 6.0 * h[z.size() - 1].broad;
      least_ = (std::min)(least_, z.back() - reach);
      greatest_ = (std::max)(greatest_, z.back() + reach);
    }
    // Blocks of places, so that most features are one step for all of a block: each sum goes over features in order.
    parallel_for(grades_.size() / block, [&](std::size_t b) {
      std::array<double, block> places{}, below{};
      for (std::size_t i = 0; i < block; ++i)
        places[i] = least_ + (greatest_ - least_) * static_cast<double>(b * block + i) / (points - 1.0);
      for (std::size_t k = 0; k < z.size(); ++k) {
        const double first = chance_above(places.front(), z[k], h[k].broad);
        if (first == 1.0 || chance_above(places.back(), z[k], h[k].broad) == 0.0)
          for (double& sum : below)
            sum += first;
        else
          for (std::size_t i = 0; i < block; ++i)
            below[i] += chance_above(places[i], z[k], h[k].broad);
      }
      for (std::size_t i = 0; i < block; ++i)
        grades_[b * block + i] = below[i] / static_cast<double>(z.size());
    });
    double below = 0.0;  // r = 1, beside which others of r = 1 do not stand
    for (const double other : z)
      below += other < std::numeric_limits<double>::infinity() ? 1.0 : 0.0;
    of_infinite_ = below / static_cast<double>(z.size());
  }

  double operator()(double z) const noexcept {
    if (!(z > least_)) return grades_.front();
    if (!(z < greatest_)) return std::isinf(z) ? of_infinite_ : grades_.back();
    const double place = (z - least_) / (greatest_ - least_) * (points - 1.0);
    const auto i = (std::min)(static_cast<std::size_t>(place), grades_.size() - 2);
    return grades_[i] + (grades_[i + 1] - grades_[i]) * (place - static_cast<double>(i));
  }

 private:
  static constexpr double points = 4096.0;
  static constexpr std::size_t block = 64;
  double least_ = std::numeric_limits<double>::infinity();
  double greatest_ = -std::numeric_limits<double>::infinity();
  double of_infinite_ = 0.0;
  std::vector<double> grades_ = std::vector<double>(4096);
};

}  // namespace detail

/// Spearman's correlation of two conditions' damage 1 - r over the features whose r is defined in both, with an
/// interval for what it would be without noise.
///
/// Noise in either damage pulls the correlation toward 0 (attenuation, Spearman 1904), by more than its standard error
/// where features are many.  `value` is the plain one and `bias_corrected` the one without that pull, and the interval,
/// on atanh, stands about the latter: about the plain value it would only tell what two measurements as noisy as these
/// would show again.  Where that has no two sides, or the bias is not finite, `bias_corrected` is NaN and the interval
/// the plain value's.  The bias is the jackknife's, of Pearson's correlation of smoothed grades in the place of ranks:
/// ranks go in steps, which the 63 fold difference of means would be full of.
inline estimate damage_spearman(const leave_one_out& a, const leave_one_out& b, std::span<const std::uint32_t> features,
                                double level = 0.95) {
  std::vector<std::uint32_t> both;
  for (const std::uint32_t f : features)
    if (!std::isnan(a.r[f]) && !std::isnan(b.r[f])) both.push_back(f);
  // The order of damage is that of r backwards, on both sides: Spearman of 1 - r is that of r.
  const auto plain = [](std::span<const double> x, std::span<const double> y) {
    const auto kept = keep_complete_pairs(x, y);
    return spearman(kept.a, kept.b);
  };
  estimate out = estimate_over(a, b, both, plain, {.scale = interval_scale::atanh, .level = level});
  out.bias_corrected = std::numeric_limits<double>::quiet_NaN();  // the plain jackknife's is full of rank steps
  if (out.range.kind != interval_kind::two_sided) return out;

  const detail::smoothed_grade grade_a(a, both), grade_b(b, both);
  const auto grades = [&](const leave_one_out& r, const detail::smoothed_grade& grade, std::size_t g) {
    std::vector<double> out_of;
    for (const std::uint32_t f : both) {
      const double rest = g < r.groups ? r.without(g, f) : r.r[f];
      out_of.push_back(grade(detail::z_of(std::isnan(rest) ? r.r[f] : rest)));
    }
    return out_of;
  };
  std::vector<double> smooth(a.groups + 1);  // the last of all groups
  parallel_for(smooth.size(),
               [&](std::size_t g) { smooth[g] = pearson(grades(a, grade_a, g), grades(b, grade_b, g)); });
  const double whole = smooth.back();
  smooth.pop_back();
  const double bias = bias_of(whole, smooth) * scale_slope(interval_scale::atanh, out.value);
  if (!std::isfinite(bias)) return out;
  const double corrected = std::tanh(std::atanh(out.value) - bias);
  out.bias_corrected = corrected;
  set_ends(out.range, corrected, out.range.scale_error, 0.0);
  return out;
}

}  // namespace qfa

#endif
