// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALLOCATE_HELD_OUT_HPP
#define QFA_ALLOCATE_HELD_OUT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/allocate/damage_table.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/locate/feature_noise.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/stats/smoothed_count.hpp"
#include "qfa/stats/smoothed_quantile.hpp"
#include "qfa/survival/bands.hpp"
#include "qfa/survival/counted_shares.hpp"
#include "qfa/survival/lower_median.hpp"

namespace qfa {

/// How many features survive a noise to signal nu: r = 1 / sqrt(1 + nu), whose sign nu does not tell, above the bands'
/// limit.  Those without nu have not.
inline std::size_t count_surviving(std::span<const double> noise, const correlation_bands& bands = {}) noexcept {
  std::size_t count = 0;
  for (const double nu : noise)
    count += 1.0 / std::sqrt(1.0 + nu) > bands.survives_above ? 1U : 0U;
  return count;
}

/// r = 1 / sqrt(1 + nu) of every feature, with and without each group, as counts with smoothed steps want it
/// (stats/smoothed_count.hpp).  Each r has one degree of freedom less than there are groups.
inline leave_one_out correlations_of(const feature_noise& noise) {
  const auto r_of = [](double nu) { return 1.0 / std::sqrt(1.0 + nu); };
  const std::size_t width = noise.features();
  leave_one_out out{.groups = noise.groups,
                    .r = std::vector<double>(width),
                    .shift = std::vector<float>(noise.groups * width),
                    .ranges = std::vector<interval>(width),
                    .evidence = std::vector<group_evidence>(width)};
  parallel_for(width, [&](std::size_t f) {
    out.r[f] = r_of(noise.all[f]);
    std::vector<double> without;
    for (std::size_t g = 0; g < noise.groups; ++g) {
      without.push_back(r_of(noise.without_group(g)[f]));
      out.shift[g * width + f] = static_cast<float>(without.back() - out.r[f]);
    }
    out.ranges[f] = jackknife(out.r[f], without, {.scale = interval_scale::atanh}).range;
  });
  return out;
}

/// What a model with mixed precision comes to on rows that chose nothing.
struct held_out_numbers {
  double survived = 0.0;         ///< features
  double median_noise = 0.0;     ///< lower median of nu
  double damage = 0.0;           ///< weighted mean of min(nu, 99): the objective
  double kl = 0.0;               ///< nats a token
  double smoothed = 0.0;         ///< features that survive, each step smoothed over the feature's fine bandwidth,
  double broadly = 0.0;          ///< and over its broad one (stats/smoothed_count.hpp)
  double smoothed_median = 0.0;  ///< of nu, features smoothed as finely (stats/smoothed_quantile.hpp),
  double broad_median = 0.0;     ///< and as broadly

  /// As counted, smoothed finely, and broadly; over `all`, shares.
  std::array<double, 3> counts(double all = 1.0) const noexcept {
    return {survived / all, smoothed / all, broadly / all};
  }
  std::array<double, 3> medians() const noexcept { return {median_noise, smoothed_median, broad_median}; }
};

namespace detail {

/// A number as it is, smoothed finely and broadly: without each group, and last of all groups.
inline counted_deletions deletions_of(std::span<const std::array<double, 3>> numbers) {
  const auto& whole = numbers.back();
  counted_deletions out{.value = whole[0], .fine_value = whole[1], .broad_value = whole[2]};
  for (const auto& rest : numbers.first(numbers.size() - 1)) {
    out.without.push_back(rest[0]);
    out.fine.push_back(rest[1]);
    out.broad.push_back(rest[2]);
  }
  return out;
}

}  // namespace detail

/// The same of all groups of rows, and without each of them.
struct held_out_mix {
  std::string name;
  std::vector<std::size_t> chosen{};  ///< (units) options
  std::uint64_t bits = 0;
  std::size_t features = 0;  ///< measured on those rows
  held_out_numbers whole{};
  std::vector<held_out_numbers> without{};
  double fvu = std::numeric_limits<double>::quiet_NaN();  ///< of the SAE on this model, on those rows

  /// Of the plain count and the plain median, with the spread of the smoothed ones.
  estimate survived_share(double level = 0.95) const {
    return of([&](const held_out_numbers& n) { return n.counts(static_cast<double>(features)); },
              {.scale = interval_scale::logit, .level = level});
  }
  estimate median_noise(double level = 0.95) const {
    return of([](const held_out_numbers& n) { return n.medians(); }, {.scale = interval_scale::log, .level = level});
  }
  estimate damage(double level = 0.95) const { return of(&held_out_numbers::damage, level); }
  estimate kl(double level = 0.95) const { return of(&held_out_numbers::kl, level); }

 private:
  template <class Theta>
  estimate of(Theta theta, const jackknife_options& options) const {
    std::vector<std::array<double, 3>> numbers;
    for (const held_out_numbers& n : without)
      numbers.push_back(theta(n));
    numbers.push_back(theta(whole));
    return detail::deletions_of(numbers).concluded(options);
  }
  estimate of(double held_out_numbers::*number, double level) const {
    std::vector<double> rest;
    for (const held_out_numbers& n : without)
      rest.push_back(n.*number);
    return jackknife(whole.*number, rest, {.scale = interval_scale::log, .level = level});
  }
};

/// From what a bench measured of a mix, with weights of the bench's features.  Throws unless there are losses for each
/// group and a weight for each feature.
inline held_out_mix describe_mix(std::string name, const feature_noise& noise, std::span<const comparison_sum> losses,
                                 std::span<const double> weights, const correlation_bands& bands = {}) {
  require(losses.size() == noise.groups && weights.size() == noise.features(),
          "a mix is described by losses of each group of rows and a weight for each feature");
  const leave_one_out r = correlations_of(noise);
  std::vector<std::uint32_t> all(noise.features());
  std::iota(all.begin(), all.end(), 0U);
  const countable features(r, all);
  const counted_deletions counts =
      count_over(features, outcome_chance(outcome::survived, bands), [](std::span<const double> chances, std::size_t) {
        return std::accumulate(chances.begin(), chances.end(), 0.0);
      });
  // nu = 1 / sinh(z)^2 falls as z = atanh r rises, so that its lower median is that of -z.
  const counted_deletions medians = delete_and_count(noise.groups, [&](std::size_t g, auto width) {
    std::vector<double> places, h;
    for (std::size_t f = 0; f < noise.features(); ++f) {
      const double at = g < noise.groups ? r.without(g, f) : r.r[f];
      if (std::isnan(at)) continue;
      places.push_back(-std::atanh(at));
      h.push_back(width(features.bandwidths()[f]));
    }
    return 1.0 / std::pow(std::sinh(smoothed_quantile(places, h, 0.5)), 2);
  });
  const auto numbers = [&](std::span<const double> nu, std::size_t but) {
    return held_out_numbers{.survived = static_cast<double>(count_surviving(nu, bands)),
                            .median_noise = lower_median({nu.begin(), nu.end()}),
                            .damage = mean_damage(nu, weights),
                            .kl = sum_without(losses, but).mean_kl(),
                            .smoothed = but < noise.groups ? counts.fine[but] : counts.fine_value,
                            .broadly = but < noise.groups ? counts.broad[but] : counts.broad_value,
                            .smoothed_median = but < noise.groups ? medians.fine[but] : medians.fine_value,
                            .broad_median = but < noise.groups ? medians.broad[but] : medians.broad_value};
  };
  held_out_mix out{.name = std::move(name), .features = noise.features()};
  out.whole = numbers(noise.all, noise.groups);
  for (std::size_t g = 0; g < noise.groups; ++g)
    out.without.push_back(numbers(noise.without_group(g), g));
  return out;
}

/// One mix against another on the same rows, group by group.
struct mix_comparison {
  std::string a, b;
  estimate survived{};         ///< features that survive in a less those in b, as counted; spread of the smoothed
  estimate smoothed{};         ///< the same difference of smoothed counts, which does not go in whole steps
  estimate median_noise{};     ///< a / b, of lower medians; spread of the smoothed
  estimate smoothed_median{};  ///< a / b, of smoothed medians
  estimate damage{};           ///< a / b
  estimate kl{};               ///< a / b
};

/// Throws unless both are of the same features and groups.
inline mix_comparison compare_mixes(const held_out_mix& a, const held_out_mix& b, double level = 0.95) {
  require(a.features == b.features && a.without.size() == b.without.size(),
          "mixes are compared on the same features and rows");
  const auto deletions = [&](auto numbers, auto theta) {
    std::vector<std::array<double, 3>> all;
    for (std::size_t g = 0; g <= a.without.size(); ++g) {
      const bool whole = g == a.without.size();
      const std::array<double, 3> of_a = numbers(whole ? a.whole : a.without[g]);
      const std::array<double, 3> of_b = numbers(whole ? b.whole : b.without[g]);
      all.push_back({theta(of_a[0], of_b[0]), theta(of_a[1], of_b[1]), theta(of_a[2], of_b[2])});
    }
    return detail::deletions_of(all);
  };
  const jackknife_options plain{.level = level}, log{.scale = interval_scale::log, .level = level};
  const counted_deletions counts =
      deletions([](const held_out_numbers& n) { return n.counts(); }, [](double x, double y) { return x - y; });
  const counted_deletions medians =
      deletions([](const held_out_numbers& n) { return n.medians(); }, [](double x, double y) { return x / y; });
  const auto plain_ratio = [&](double held_out_numbers::*number) {
    std::vector<double> rest;
    for (std::size_t g = 0; g < a.without.size(); ++g)
      rest.push_back(a.without[g].*number / b.without[g].*number);
    return jackknife(a.whole.*number / b.whole.*number, rest, log);
  };
  return {.a = a.name,
          .b = b.name,
          .survived = counts.concluded(plain),
          .smoothed = counts.smoothed().concluded(plain),
          .median_noise = medians.concluded(log),
          .smoothed_median = medians.smoothed().concluded(log),
          .damage = plain_ratio(&held_out_numbers::damage),
          .kl = plain_ratio(&held_out_numbers::kl)};
}

/// Whether an interval lies on one side of a value: -1 below, 1 above, 0 neither, or there is none.
inline int side_of(const estimate& e, double value) noexcept {
  const interval& range = e.range;
  if (range.kind == interval_kind::refused) return 0;
  return range.lower > value ? 1 : range.upper < value ? -1 : 0;
}

}  // namespace qfa

#endif
