// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_FEATURE_LADDER_HPP
#define QFA_BITS_FEATURE_LADDER_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/bits/effective_bits.hpp"
#include "qfa/bits/ladder_fit.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/leave_one_out.hpp"

namespace qfa {

/// One step of the reference ladder: what rounding to so many bits did to every feature.
struct ladder_rung {
  double bits = 0.0;
  const leave_one_out* correlations = nullptr;  ///< of the survey; outlives the ladder
};

/// Whether a feature has a law.  Three rungs of 4 bits or more must be usable: 0 < r < 1 there, and the groups of rows
/// say how sure log nu is.  A feature without them is counted under what most of its other rungs are: `gone`, nothing
/// is left of it (r <= 0 or undefined); `unmoved`, r = 1; `unsure`, no interval.
enum class law_verdict : std::uint8_t { fitted, unmoved, gone, unsure };
inline constexpr std::array<std::string_view, 4> law_verdict_names{"fitted", "unmoved", "gone", "unsure"};

inline constexpr std::size_t fewest_rungs = 3;

/// Bits from which on the law is fitted: it is one of small noise.  On stories260K (per-row rounding) nu grows 8- to
/// 11-fold from 4 to 3 bits in the median feature, and the law cannot grow more than 4-fold a bit.  Fitted to that rung
/// as well, laws of half the rows read RTN of 8, 5 and 3 bits on the others as 7.6, 5.2 and 2.6 bits with a TopK SAE;
/// without it, and with the line below the knee, the median feature is read within .21 bits on every rung, with a ReLU
/// SAE and with the TopK one (tests/oracle).
inline constexpr double law_from = 4.0;

/// The damage law of every feature, from a ladder of bit widths, and how nu is read as bits; the same without each
/// group of rows.  The law is fitted to the rungs from 4 bits on; the next one below, if there is one, is the scale's
/// low end.
///
/// A rung weighs 1 / se^2, se being the jackknife's standard error of log2 nu.  The weights stay as groups are left
/// out: they are part of the procedure, not of what it estimates.  Rungs where nu is 0 or infinite have no logarithm,
/// and are left out of a feature's fit.
class feature_ladder {
 public:
  /// `features`: those that a survey counts.  Throws for fewer than three rungs from 4 bits on, for two of the same
  /// bits, and unless all are of the same groups and dictionary.
  feature_ladder(std::vector<ladder_rung> rungs, std::span<const std::uint32_t> features)
      : rungs_(in_order(std::move(rungs))), search_(bits_of(rungs_)), features_(features.begin(), features.end()) {
    for (const ladder_rung& rung : rungs_)
      require(
          rung.correlations->groups == groups() && rung.correlations->features() == rungs_[0].correlations->features(),
          "a ladder's rungs need the same rows and the same dictionary");
    const std::size_t steps = rungs_.size();
    while (first_ < steps && bits()[first_] < law_from)
      ++first_;
    require(steps - first_ >= fewest_rungs, "a ladder needs at least three rungs of 4 bits or more");
    verdicts_.resize(features_.size());
    fits_.resize(features_.size());
    log2_nu_.resize(features_.size() * steps);
    weights_.resize(features_.size() * steps);
    parallel_for(features_.size(), [&](std::size_t i) { calibrate(i); });
    for (std::size_t i = 0; i < features_.size(); ++i)
      if (verdicts_[i] == law_verdict::fitted) fitted_.push_back(static_cast<std::uint32_t>(i));
  }

  std::span<const ladder_rung> rungs() const noexcept { return rungs_; }
  std::span<const double> bits() const noexcept { return search_.bits(); }
  /// From the low end of the scales to the highest rung.
  ladder_range range() const noexcept { return {bits()[first_ == 0 ? 0 : first_ - 1], bits().back()}; }
  std::size_t groups() const noexcept { return rungs_[0].correlations->groups; }
  /// The features that were asked for; what follows goes by their places in this list.
  std::span<const std::uint32_t> features() const noexcept { return features_; }
  law_verdict verdict(std::size_t i) const noexcept { return verdicts_[i]; }
  std::size_t count(law_verdict which) const noexcept {
    return static_cast<std::size_t>(std::ranges::count(verdicts_, which));
  }
  /// Of a fitted feature; no damage, with an infinite loss, of another.
  const ladder_fit& fit(std::size_t i) const noexcept { return fits_[i]; }
  /// log2 nu on each rung, infinite where nu is 0 or infinite.
  std::span<const double> log2_nu(std::size_t i) const noexcept {
    return {log2_nu_.data() + i * rungs_.size(), rungs_.size()};
  }
  /// Of each rung; 0 where it is left out of the fit.
  std::span<const double> weights(std::size_t i) const noexcept {
    return {weights_.data() + i * rungs_.size(), rungs_.size()};
  }
  /// The places of the fitted features, increasing.
  std::span<const std::uint32_t> fitted() const noexcept { return fitted_; }

  /// The scales of the fitted features, in the order of `fitted`: of all groups, or without one of them.  A rung on
  /// which nu becomes 0 without the group is left out, and a feature that keeps fewer than three keeps its law.
  std::vector<bits_scale> scales(std::optional<std::size_t> without = {}) const {
    std::vector<bits_scale> out;
    out.reserve(fitted_.size());
    std::vector<double> values(rungs_.size()), weights(rungs_.size());
    for (const std::uint32_t i : fitted_) {
      bits_scale& scale = out.emplace_back();
      scale.law = fits_[i].law;
      scale.knee = bits()[first_];
      if (first_ > 0) {
        const leave_one_out& r = *rungs_[first_ - 1].correlations;
        scale.low = bits()[first_ - 1];
        scale.log2_nu_at_low = std::log2(noise_left(without ? r.without(*without, features_[i]) : r.r[features_[i]]));
      }
      if (!without) continue;
      std::size_t usable = 0;
      for (std::size_t s = 0; s < rungs_.size(); ++s) {
        const double nu = noise_left(rungs_[s].correlations->without(*without, features_[i]));
        const bool counts = weights_[i * rungs_.size() + s] > 0.0 && nu > 0.0 && std::isfinite(nu);
        values[s] = counts ? std::log2(nu) : 0.0;
        weights[s] = counts ? weights_[i * rungs_.size() + s] : 0.0;
        usable += counts;
      }
      if (usable >= fewest_rungs) scale.law = search_(values, weights).law;
    }
    return out;
  }

 private:
  static std::vector<ladder_rung> in_order(std::vector<ladder_rung> rungs) {
    std::ranges::sort(rungs, {}, &ladder_rung::bits);
    return rungs;
  }
  static std::vector<double> bits_of(std::span<const ladder_rung> rungs) {
    std::vector<double> bits;
    for (const ladder_rung& rung : rungs)
      bits.push_back(rung.bits);
    return bits;
  }

  void calibrate(std::size_t i) {
    const std::size_t steps = rungs_.size();
    double* const values = log2_nu_.data() + i * steps;
    double* const weights = weights_.data() + i * steps;
    std::size_t usable = 0, unmoved = 0, gone = 0, unsure = 0;
    std::vector<double> nu_without(groups());
    for (std::size_t s = 0; s < steps; ++s) {
      const leave_one_out& r = *rungs_[s].correlations;
      const double nu = noise_left(r.r[features_[i]]);
      values[s] = std::log2(nu);
      weights[s] = 0.0;
      if (s < first_) continue;
      unmoved += nu == 0.0;
      gone += std::isinf(nu);
      if (!std::isfinite(values[s])) continue;
      for (std::size_t g = 0; g < groups(); ++g)
        nu_without[g] = noise_left(r.without(g, features_[i]));
      const double effective = r.evidence[features_[i]].effective;
      const double error =
          jackknife(nu, nu_without,
                    {.scale = interval_scale::log, .dof = effective - 1.0, .effective_groups = effective})
              .range.scale_error /
          std::numbers::ln2;
      const double weight = 1.0 / (error * error);
      if (std::isfinite(weight))
        weights[s] = weight, ++usable;
      else
        ++unsure;
    }
    if (usable >= fewest_rungs) {
      // A rung that is left out needs a value all the same.
      std::vector<double> finite(values, values + steps);
      for (std::size_t s = 0; s < steps; ++s)
        if (weights[s] == 0.0) finite[s] = 0.0;
      fits_[i] = search_(finite, {weights, steps});
      verdicts_[i] = law_verdict::fitted;
    } else {
      verdicts_[i] = gone >= unmoved && gone >= unsure ? law_verdict::gone
                     : unmoved >= unsure               ? law_verdict::unmoved
                                                       : law_verdict::unsure;
    }
  }

  std::vector<ladder_rung> rungs_;  // by bits
  ladder_search search_;
  std::size_t first_ = 0;  // rung from 4 bits on
  std::vector<std::uint32_t> features_;
  std::vector<law_verdict> verdicts_;  // (features)
  std::vector<ladder_fit> fits_;       // (features)
  std::vector<double> log2_nu_;        // (features, rungs)
  std::vector<double> weights_;        // (features, rungs)
  std::vector<std::uint32_t> fitted_;
};

/// The slope of log2 nu over bits by plain least squares over the rungs of at least `from` bits: -2 of a feature that
/// only gain noise damages, -1 where only flips do.  Below 4 bits nu grows faster.  Rungs without a finite log2 nu are
/// left out; NaN for fewer than two.  Throws where the two differ in length.
inline double slope_per_bit(std::span<const double> bits, std::span<const double> log2_nu, double from = law_from) {
  require(bits.size() == log2_nu.size(), "slope_per_bit needs one value for each rung");
  const auto counts = [&](std::size_t s) { return bits[s] >= from && std::isfinite(log2_nu[s]); };
  double n = 0.0, mean_bits = 0.0, mean_value = 0.0;
  for (std::size_t s = 0; s < bits.size(); ++s)
    if (counts(s)) n += 1.0, mean_bits += bits[s], mean_value += log2_nu[s];
  if (n < 2.0) return std::numeric_limits<double>::quiet_NaN();
  mean_bits /= n;
  mean_value /= n;
  double along = 0.0, spread = 0.0;
  for (std::size_t s = 0; s < bits.size(); ++s)
    if (counts(s)) {
      along += (bits[s] - mean_bits) * (log2_nu[s] - mean_value);
      spread += (bits[s] - mean_bits) * (bits[s] - mean_bits);
    }
  return along / spread;
}

}  // namespace qfa

#endif
