// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALLOCATE_HELD_OUT_HPP
#define QFA_ALLOCATE_HELD_OUT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/allocate/damage_table.hpp"
#include "qfa/core/error.hpp"
#include "qfa/locate/feature_noise.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/bands.hpp"
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

/// What a model with mixed precision comes to on rows that chose nothing.
struct held_out_numbers {
  double survived = 0.0;      ///< features
  double median_noise = 0.0;  ///< lower median of nu
  double damage = 0.0;        ///< weighted mean of min(nu, 99): the objective
  double kl = 0.0;            ///< nats a token
};

/// The same of all groups of rows, and without each of them.
struct held_out_mix {
  std::string name;
  std::vector<std::size_t> chosen{};  ///< (units) options
  std::uint64_t bits = 0;
  std::size_t features = 0;  ///< measured on those rows
  held_out_numbers whole{};
  std::vector<held_out_numbers> without{};
  double fvu = std::numeric_limits<double>::quiet_NaN();  ///< of the SAE on this model, on those rows

  estimate survived_share(double level = 0.95) const {
    const auto share = [&](const held_out_numbers& n) { return n.survived / static_cast<double>(features); };
    return estimated(share, {.scale = interval_scale::logit, .level = level});
  }
  estimate median_noise(double level = 0.95) const { return of(&held_out_numbers::median_noise, level); }
  estimate damage(double level = 0.95) const { return of(&held_out_numbers::damage, level); }
  estimate kl(double level = 0.95) const { return of(&held_out_numbers::kl, level); }

 private:
  template <class Theta>
  estimate estimated(Theta theta, const jackknife_options& options) const {
    std::vector<double> rest;
    for (const held_out_numbers& n : without)
      rest.push_back(theta(n));
    return jackknife(theta(whole), rest, options);
  }
  estimate of(double held_out_numbers::*number, double level) const {
    return estimated([&](const held_out_numbers& n) { return n.*number; },
                     {.scale = interval_scale::log, .level = level});
  }
};

/// From what a bench measured of a mix, with weights of the bench's features.
inline held_out_mix describe_mix(std::string name, const feature_noise& noise, std::span<const comparison_sum> losses,
                                 std::span<const double> weights, const correlation_bands& bands = {}) {
  require(losses.size() == noise.groups && weights.size() == noise.features(),
          "a mix is described by losses of each group of rows and a weight for each feature");
  const auto numbers = [&](std::span<const double> nu, std::size_t but) {
    comparison_sum sum;
    for (std::size_t g = 0; g < losses.size(); ++g)
      if (g != but) sum += losses[g];
    return held_out_numbers{static_cast<double>(count_surviving(nu, bands)), lower_median({nu.begin(), nu.end()}),
                            mean_damage(nu, weights), sum.mean_kl()};
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
  estimate survived{};      ///< features that survive in a less those in b
  estimate median_noise{};  ///< a / b
  estimate damage{};        ///< a / b
  estimate kl{};            ///< a / b
};

/// Throws unless both are of the same features and groups.
inline mix_comparison compare_mixes(const held_out_mix& a, const held_out_mix& b, double level = 0.95) {
  require(a.features == b.features && a.without.size() == b.without.size(),
          "mixes are compared on the same features and rows");
  const auto estimated = [&](auto theta, interval_scale scale) {
    std::vector<double> rest;
    for (std::size_t g = 0; g < a.without.size(); ++g)
      rest.push_back(theta(a.without[g], b.without[g]));
    return jackknife(theta(a.whole, b.whole), rest, {.scale = scale, .level = level});
  };
  const auto ratio_of = [&](double held_out_numbers::*number) {
    return estimated([&](const held_out_numbers& x, const held_out_numbers& y) { return x.*number / (y.*number); },
                     interval_scale::log);
  };
  mix_comparison out{.a = a.name, .b = b.name};
  out.survived =
      estimated([](const auto& x, const auto& y) { return x.survived - y.survived; }, interval_scale::identity);
  out.median_noise = ratio_of(&held_out_numbers::median_noise);
  out.damage = ratio_of(&held_out_numbers::damage);
  out.kl = ratio_of(&held_out_numbers::kl);
  return out;
}

/// Whether an interval lies on one side of a value: -1 below, 1 above, 0 neither, or there is none.
inline int side_of(const estimate& e, double value) noexcept {
  const interval& range = e.range;
  if (range.kind == interval_kind::refused) return 0;
  return range.lower > value ? 1 : range.upper < value ? -1 : 0;
}

}  // namespace qfa

#endif
