// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_POISSON_BOOTSTRAP_HPP
#define QFA_STATS_POISSON_BOOTSTRAP_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/compress/counter_random.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"

// Poisson bootstrap over groups of rows: in each replicate a group counts w times, w from Poisson(1), as a bootstrap's
// multinomial counts are in the limit, but without their sum, so that any process can draw any group's weight (Najmi
// 2015).  Second to the jackknife: for values that are skewed or bounded, and for counts over a threshold, whose
// deletions move in whole steps.

namespace qfa {

/// The least k for which a Poisson variable of mean 1 is at most k with a chance above u, 0 <= u < 1.
constexpr std::uint32_t poisson_count(double u) noexcept {
  double chance = 0.36787944117144233;  // exp(-1), of k = 0
  double at_most = chance;
  std::uint32_t k = 0;
  while (u >= at_most && k < 20) {  // beyond 20 there is less than 2^-64
    ++k;
    chance /= static_cast<double>(k);
    at_most += chance;
  }
  return k;
}

/// The weight of each group in each replicate: a function of seed, replicate and group, and of nothing else.
class poisson_weights {
 public:
  explicit constexpr poisson_weights(std::uint64_t seed) noexcept
      : random_(seed, "Poisson bootstrap over groups", random_use::sampling) {}

  constexpr std::uint32_t operator()(std::size_t replicate, std::size_t group) const noexcept {
    return poisson_count(random_.uniform(std::uint64_t{replicate} << 20 | group));
  }
  /// Of all groups.  A replicate in which no group counted (one of 2,981 with 8 groups) takes each once.
  std::vector<std::uint32_t> of(std::size_t replicate, std::size_t groups) const {
    std::vector<std::uint32_t> weights(groups);
    std::uint64_t sum = 0;
    for (std::size_t g = 0; g < groups; ++g)
      sum += weights[g] = (*this)(replicate, g);
    if (sum == 0) weights.assign(groups, 1);
    return weights;
  }

 private:
  counter_random random_;
};

struct bootstrap_options {
  interval_scale scale = interval_scale::identity;
  double level = 0.95;
  std::size_t replicates = 999;  ///< with 999, the ends at 95 % are order statistics: the 25th and the 975th
  std::uint64_t seed = 0;
};

/// Interval of `whole`, a statistic of all groups; theta(weights) is the statistic with each group counted so often
/// (`std::span<const std::uint32_t>`), called from all threads.
///
/// The basic interval on the scale h: [2 h - h*(upper), 2 h - h*(lower)], which reflects the replicates about the
/// value: where they are shifted or skewed, the truth is so, too.  (Percentiles do not, and were seen to cover too
/// seldom.)  `bias_corrected` is 2 theta - mean theta*.  Refused under 8 groups, where the value or one of the
/// replicates is undefined, where the value stands at the bound of its scale, and where all replicates are equal: a
/// zero-width interval would claim that it is known exactly.  `dof` is NaN.  Throws where the level is not in (0, 1),
/// and for too few replicates to have some beyond the interval's ends.
template <std::invocable<std::span<const std::uint32_t>> Theta>
estimate poisson_bootstrap(double whole, std::size_t groups, Theta theta, const bootstrap_options& options = {}) {
  // 1 - 0.9 is a hair below a tenth: 19 replicates have one beyond each of its ends all the same.
  const double tail = 0.5 * (1.0 - options.level) * static_cast<double>(options.replicates + 1) + 1e-9;
  require(options.level > 0.0 && options.level < 1.0 && tail >= 1.0,
          "a bootstrap's interval needs a level between 0 and 1 and replicates enough to have values beyond its ends");
  estimate result;
  result.value = whole;
  interval& range = result.range;
  range.level = options.level;
  range.scale = options.scale;
  const auto refuse = [&](std::string_view reason) {
    range.reason = reason;
    return result;
  };
  if (!std::isfinite(whole)) return refuse("the value is undefined");
  if (groups < minimum_groups) return refuse("fewer than 8 groups of rows");
  const double center = to_scale(options.scale, whole);
  if (!std::isfinite(center)) return refuse("the value is at the bound of its scale");

  const poisson_weights weights(options.seed);
  std::vector<double> values(options.replicates);
  parallel_for(values.size(), [&](std::size_t b) {
    const std::vector<std::uint32_t> drawn = weights.of(b, groups);
    values[b] = theta(std::span<const std::uint32_t>(drawn));
  });
  const double n = static_cast<double>(values.size());
  double mean = 0.0, squares = 0.0;
  for (const double value : values) {
    if (!std::isfinite(value)) return refuse("the value is undefined in one of the replicates");
    mean += value / n;
  }
  for (const double value : values)
    squares += (value - mean) * (value - mean);
  result.bias_corrected = 2.0 * whole - mean;
  range.standard_error = std::sqrt(squares / (n - 1.0));

  std::sort(values.begin(), values.end());
  if (values.front() == values.back()) return refuse("no group moves the value");
  const auto beyond = static_cast<std::size_t>(std::floor(tail));
  const double low = to_scale(options.scale, values[beyond - 1]);
  const double high = to_scale(options.scale, values[values.size() - beyond]);
  range.kind = interval_kind::two_sided;
  range.lower = from_scale(options.scale, 2.0 * center - high);
  range.upper = from_scale(options.scale, 2.0 * center - low);
  return result;
}

/// A feature's co-moments with each group of the table counted so often: w copies of a cell are {w n, means, w xx, w
/// yy, w xy}.  `weights` has one entry for each group of the table.  Throws where it has not.
inline comoments weighted_total(const feature_table& table, std::size_t feature,
                                std::span<const std::uint32_t> weights) {
  require(weights.size() == table.groups(), "weighted_total needs a weight for each group of the table");
  comoments sum;
  std::uint64_t tokens = 0;
  for (std::size_t g = 0; g < table.groups(); ++g) {
    const double w = static_cast<double>(weights[g]);
    comoments cell = table.cell(feature, g).either;
    tokens += weights[g] * table.tokens(g);
    cell.count *= weights[g];
    cell.xx *= w;
    cell.yy *= w;
    cell.xy *= w;
    sum += cell;
  }
  sum.add_zeros(tokens - sum.count);
  return sum;
}

/// r of chosen features in a replicate, to first order in the weights:
///
///   z* = z + sum_g w_g u_g / sum_g w_g,   z = atanh r,   u_g = -(G - 1) (z(-g) - mean of z(-g))
///
/// so that any number of aggregates, of pairs of conditions as well, need no more than leave-one-out values.  Where
/// atanh is infinite or r does not move, r itself takes the steps; an undefined r stays undefined.
class correlation_replicates {
 public:
  correlation_replicates(const leave_one_out& r, std::span<const std::uint32_t> features)
      : r_(r.of(features)), on_atanh_(r_.size(), 1), groups_(r.groups), influence_(groups_ * r_.size()) {
    for (std::size_t j = 0; j < r_.size(); ++j) {
      for (std::size_t g = 0; g < groups_; ++g)
        if (std::fabs(r.without(g, features[j])) >= 1.0 - 1e-14) on_atanh_[j] = 0;
      if (std::fabs(r_[j]) >= 1.0 - 1e-14) on_atanh_[j] = 0;
      double mean = 0.0;
      const double n = static_cast<double>(groups_);
      for (std::size_t g = 0; g < groups_; ++g) {
        const double without = r.without(g, features[j]);
        mean += (influence_[g * r_.size() + j] = on_atanh_[j] != 0 ? std::atanh(without) : without) / n;
      }
      for (std::size_t g = 0; g < groups_; ++g) {
        double& u = influence_[g * r_.size() + j];
        u = (1.0 - n) * (u - mean);
      }
    }
  }

  std::vector<double> operator()(std::span<const std::uint32_t> weights) const {
    std::vector<double> steps(r_.size(), 0.0);
    double sum = 0.0;
    for (std::size_t g = 0; g < groups_; ++g) {
      if (weights[g] == 0) continue;
      const double w = static_cast<double>(weights[g]);
      sum += w;
      for (std::size_t j = 0; j < steps.size(); ++j)
        steps[j] += w * influence_[g * steps.size() + j];
    }
    for (std::size_t j = 0; j < steps.size(); ++j) {
      const double step = steps[j] / sum;
      steps[j] = on_atanh_[j] != 0 ? std::tanh(std::atanh(r_[j]) + step) : std::clamp(r_[j] + step, -1.0, 1.0);
    }
    return steps;
  }

 private:
  std::vector<double> r_;
  std::vector<std::uint8_t> on_atanh_;
  std::size_t groups_;
  std::vector<double> influence_;  // (groups, features)
};

/// Any statistic of the chosen features' r, by the bootstrap; theta takes a `std::span<const double>`.
template <std::invocable<std::span<const double>> Theta>
estimate bootstrap_over(const leave_one_out& r, std::span<const std::uint32_t> features, Theta theta,
                        const bootstrap_options& options) {
  const correlation_replicates replicates(r, features);
  const std::vector<double> whole = r.of(features);
  return poisson_bootstrap(
      theta(std::span<const double>(whole)), r.groups,
      [&](std::span<const std::uint32_t> weights) {
        const std::vector<double> drawn = replicates(weights);
        return theta(std::span<const double>(drawn));
      },
      options);
}

/// The same of two conditions, with the same weights for both.  Throws unless both are of the same groups and
/// dictionary.
template <std::invocable<std::span<const double>, std::span<const double>> Theta>
estimate bootstrap_over(const leave_one_out& a, const leave_one_out& b, std::span<const std::uint32_t> features,
                        Theta theta, const bootstrap_options& options) {
  require(a.groups == b.groups && a.features() == b.features(),
          "bootstrap_over compares conditions of the same rows and the same dictionary");
  const correlation_replicates of_a(a, features), of_b(b, features);
  const auto statistic = [&](const std::vector<double>& x, const std::vector<double>& y) {
    return theta(std::span<const double>(x), std::span<const double>(y));
  };
  return poisson_bootstrap(
      statistic(a.of(features), b.of(features)), a.groups,
      [&](std::span<const std::uint32_t> weights) { return statistic(of_a(weights), of_b(weights)); }, options);
}

}  // namespace qfa

#endif
