// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_SMOOTHED_COUNT_HPP
#define QFA_STATS_SMOOTHED_COUNT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/stats/normal_step.hpp"
#include "qfa/stats/student.hpp"

// Intervals of what counts features beyond a threshold of r: survival, its median, overlaps of sets.
//
// A count goes in whole steps.  Leaving out one of G groups moves a feature by an error / sqrt(G), so few features
// cross the threshold, each by a whole step, and the jackknife takes the steps for spread: with 64 groups and
// independent features its standard error is three times too large.  The value stays the count; its spread is that of
// the count with each step smoothed over a bandwidth h of z = atanh r,
//
//   1[z > z_tau]   by   Phi((z - z_tau) / h)
//
// How wide: a feature with an error e is counted wrongly where e crosses the gap to the threshold, so features of the
// density f about it, independent of each other, put the mean square f E|e| into the count.  The smoothed count has
// there the variance f se^2 integral of phi(u/h)^2/h^2 du = f se^2 / (2 sqrt(pi) h).  They are the same at
//
//   h = se / (2 sqrt(pi) E|t|),     e / se being Student's t with the feature's degrees of freedom
//
// (.35 se for many, .28 for 4 of them).  What all features share, the smoothed count has right at any h.  Its bias, of
// the features' own biases, is taken at h = se, where it is steadier, and the end that lies there moves outward by it.

namespace qfa {

/// Widths of atanh r over which a feature's step is smoothed; 0 where r has no two-sided interval: the step itself.
struct count_bandwidth {
  double fine = 0.0;   ///< for the spread
  double broad = 0.0;  ///< for the bias: r's standard error
};

inline count_bandwidth bandwidth_of(const interval& range) {
  if (range.kind != interval_kind::two_sided) return {};
  const double share = 2.0 * std::sqrt(std::numbers::pi) * student_mean_magnitude(range.dof);
  return {range.scale_error / share, range.scale_error};
}

/// All 0 where `r` came without intervals: counts then go in steps.
inline std::vector<count_bandwidth> bandwidths_of(const leave_one_out& r, std::span<const std::uint32_t> features) {
  std::vector<count_bandwidth> out(features.size());
  if (r.ranges.empty()) return out;
  parallel_for(features.size(), [&](std::size_t i) { out[i] = bandwidth_of(r.ranges[features[i]]); });
  return out;
}

/// The smoothed step 1[z > limit] of z: exactly 0 or 1 beyond six bandwidths; a step where the bandwidth is 0.  0 of
/// NaN.
inline double chance_above(double z, double limit, double bandwidth) noexcept {
  const double gap = z - limit;
  if (!(std::fabs(gap) <= normal_step_reach * bandwidth) || bandwidth == 0.0) return gap > 0.0 ? 1.0 : 0.0;
  return normal_step(std::clamp(gap / bandwidth, -normal_step_reach, normal_step_reach));
}

/// Gives a two-sided interval another spread, on no scale, and covers another bias; what has no two sides stays.
inline void respread(estimate& e, double error, double bias) {
  if (e.range.kind != interval_kind::two_sided || !(error > 0.0) || !std::isfinite(error + bias)) return;
  const double slope = scale_slope(e.range.scale, e.value);
  e.bias_corrected = within_bounds(e.range.scale, e.value - bias);
  e.range.standard_error = error;
  set_ends(e.range, e.value, error * slope, bias * slope);
}

/// A statistic of features' chances, of all groups and without each: as it counts, and smoothed.
struct counted_deletions {
  double value = 0.0, fine_value = 0.0, broad_value = 0.0;
  std::vector<double> without = {}, fine = {}, broad = {};

  double error() const noexcept { return spread_of(fine_value, fine); }
  double bias() const noexcept { return bias_of(broad_value, broad); }

  /// The smoothed statistic in the place of the counted one.
  counted_deletions smoothed() const {
    counted_deletions out = *this;
    out.value = fine_value;
    out.without = fine;
    return out;
  }

  /// With the interval's rules of `jackknife`: refused, one-sided and at bounds as the count itself is.  A count inside
  /// its bounds that no group moves by a whole step is not refused if the smoothed one moves.
  estimate concluded(const jackknife_options& options) const {
    estimate e = jackknife(value, without, options);
    const auto [least, greatest] = scale_bounds(options.scale);
    const double spread = error(), pull = bias();
    const bool unmoved = std::ranges::all_of(without, [&](double rest) { return rest == value; });
    if (e.range.kind == interval_kind::refused && unmoved && least < value && value < greatest &&
        without.size() >= minimum_groups && e.range.dof >= minimum_effective_groups - 1.0 && spread > 0.0 &&
        std::isfinite(spread + pull)) {
      e.range.kind = interval_kind::two_sided;
      e.range.reason = {};
    }
    respread(e, spread, pull);
    return e;
  }
};

/// Collects `statistic(g, width)`, an array of numbers, for g = 0 .. groups, the last of all groups, where
/// width(bandwidth) picks what to smooth over: nothing, the fine or the broad bandwidth.
template <std::size_t count, class Statistic>
std::array<counted_deletions, count> delete_and_count_each(std::size_t groups, Statistic statistic) {
  std::vector<std::array<double, count>> values[3];
  for (auto& v : values)
    v.resize(groups + 1);
  const auto none = [](const count_bandwidth&) { return 0.0; };
  const auto fine = [](const count_bandwidth& h) { return h.fine; };
  const auto broad = [](const count_bandwidth& h) { return h.broad; };
  parallel_for(groups + 1, [&](std::size_t g) {
    values[0][g] = statistic(g, none);
    values[1][g] = statistic(g, fine);
    values[2][g] = statistic(g, broad);
  });
  std::array<counted_deletions, count> out;
  for (std::size_t s = 0; s < count; ++s) {
    double* const wholes[] = {&out[s].value, &out[s].fine_value, &out[s].broad_value};
    std::vector<double>* const rests[] = {&out[s].without, &out[s].fine, &out[s].broad};
    for (std::size_t i = 0; i < 3; ++i) {
      *wholes[i] = values[i].back()[s];
      rests[i]->reserve(groups);
      for (std::size_t g = 0; g < groups; ++g)
        rests[i]->push_back(values[i][g][s]);
    }
  }
  return out;
}

/// The same of a statistic that is one number.
template <class Statistic>
counted_deletions delete_and_count(std::size_t groups, Statistic statistic) {
  return delete_and_count_each<1>(groups,
                                  [&](std::size_t g, auto width) { return std::array{statistic(g, width)}; })[0];
}

/// r of the chosen features without group g, or of all where that is `groups`, and what it is smoothed over.
class countable {
 public:
  countable(const leave_one_out& r, std::span<const std::uint32_t> features)
      : countable(r, features, bandwidths_of(r, features)) {}

  /// With bandwidths that come from elsewhere, one for each of `features`.  Throws where there are not as many.
  countable(const leave_one_out& r, std::span<const std::uint32_t> features, std::vector<count_bandwidth> bandwidths)
      : r_(&r), features_(features), bandwidths_(std::move(bandwidths)) {
    require(bandwidths_.size() == features_.size(), "countable takes one bandwidth for each feature");
  }

  std::size_t groups() const noexcept { return r_->groups; }
  std::span<const count_bandwidth> bandwidths() const noexcept { return bandwidths_; }

  /// chance(r, h) of each feature, a number or several, h the bandwidth that `width` picks.
  template <class Chance, class Width>
  std::vector<std::invoke_result_t<Chance&, double, double>> chances(std::size_t g, Chance chance, Width width) const {
    std::vector<std::invoke_result_t<Chance&, double, double>> out;
    out.reserve(features_.size());
    for (std::size_t i = 0; i < features_.size(); ++i) {
      const std::uint32_t f = features_[i];
      out.push_back(chance(g < r_->groups ? r_->without(g, f) : r_->r[f], width(bandwidths_[i])));
    }
    return out;
  }

 private:
  const leave_one_out* r_;
  std::span<const std::uint32_t> features_;
  std::vector<count_bandwidth> bandwidths_;
};

/// A statistic of counted features: chance(r, h) in [0, 1] says whether a feature counts, smoothed over h of atanh r;
/// theta(chances, g) takes one chance for each of `features`, and the group that is left out, `groups` for none.
template <class Chance, std::invocable<std::span<const double>, std::size_t> Theta>
counted_deletions count_over(const countable& r, Chance chance, Theta theta) {
  return delete_and_count(r.groups(), [&](std::size_t g, auto width) {
    const std::vector<double> chances = r.chances(g, chance, width);
    return theta(std::span<const double>(chances), g);
  });
}

/// Of two conditions, the same group left out of both.  Throws where they differ in groups.
template <class Chance, std::invocable<std::span<const double>, std::span<const double>> Theta>
counted_deletions count_over(const countable& a, const countable& b, Chance chance, Theta theta) {
  require(a.groups() == b.groups(), "count_over compares conditions of the same rows");
  return delete_and_count(a.groups(), [&](std::size_t g, auto width) {
    const std::vector<double> in_a = a.chances(g, chance, width), in_b = b.chances(g, chance, width);
    return theta(std::span<const double>(in_a), std::span<const double>(in_b));
  });
}

}  // namespace qfa

#endif
