// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_FEATURE_STATISTICS_HPP
#define QFA_STATS_FEATURE_STATISTICS_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/stats/comoments.hpp"
#include "qfa/stats/feature_table.hpp"

// What can be said of one feature on two models, each definition once.  x is the reference's code, y the compressed
// model's, n the tokens, n_x, n_y and n_xy the tokens with x > 0, with y > 0 and with both; E is the mean over all
// tokens.  What has no value is NaN.

namespace qfa {

/// a / b; NaN where b is 0.  What has nothing to be measured against has no value, whatever stands above.
constexpr double ratio(double a, double b) noexcept {
  return b != 0.0 ? a / b : std::numeric_limits<double>::quiet_NaN();
}

inline double ratio(std::uint64_t a, std::uint64_t b) noexcept {
  return ratio(static_cast<double>(a), static_cast<double>(b));
}

// ---- evidence and scale of the reference ----

/// n_x / n.
inline double firing_rate(const feature_totals& t) noexcept { return ratio(t.fired.reference_firings, t.tokens); }
/// n_y / n.
inline double compressed_firing_rate(const feature_totals& t) noexcept {
  return ratio(t.fired.compressed_firings(), t.tokens);
}
/// E x over all tokens, not only those that fire (as arXiv 2606.03002 means it).
inline double mean_activation(const feature_totals& t) noexcept {
  return ratio(t.fired.either.sum_x(), static_cast<double>(t.tokens));
}
/// Mean of x over the tokens with x > 0.
inline double mean_when_active(const feature_totals& t) noexcept {
  return ratio(t.fired.either.sum_x(), static_cast<double>(t.fired.reference_firings));
}

// ---- correlation ----

/// The published damage score d = 1 - r (arXiv 2606.03002).
constexpr double damage(double r) noexcept { return 1.0 - r; }

/// Noise to signal, nu = (1 - r^2) / r^2: what independent errors add up in, unlike 1 - r.  Infinite at r = 0, and
/// where r^2 is too small for a double.
inline double noise_to_signal(double r) noexcept {
  const double shared = r * r;
  return shared == 0.0 ? std::numeric_limits<double>::infinity() : (1.0 - r) * (1.0 + r) / shared;
}

/// r over the tokens on which both fire: how faithful the magnitude is once the gate agrees.
inline double common_support_pearson(const feature_totals& t) noexcept { return pearson(t.fired.both); }

/// Why r has no value, or nothing where it has one.
inline std::string_view why_no_pearson(const feature_totals& t) noexcept {
  if (t.fired.reference_firings == 0) return "the feature never fires on the reference";
  if (!(t.all.xx > 0.0)) return "the feature does not vary on the reference";
  if (t.fired.compressed_firings() == 0) return "the feature never fires on the compressed model";
  if (!(t.all.yy > 0.0)) return "the feature does not vary on the compressed model";
  return {};
}

// ---- gain: Pearson's r does not see a uniform scaling ----

/// Slope of the regression of y on x, beta = Cov / Var x; 1 when nothing changed, under 1 when attenuated.
inline double regression_gain(const feature_totals& t) noexcept { return ratio(t.all.xy, t.all.xx); }

// ---- support: on which tokens it fires ----

/// n_y / n_x.
inline double firing_rate_ratio(const feature_totals& t) noexcept {
  return ratio(t.fired.compressed_firings(), t.fired.reference_firings);
}
/// n_xy / n_x: the share of firings that is kept.
inline double firing_recall(const feature_totals& t) noexcept {
  return ratio(t.fired.both_firings(), t.fired.reference_firings);
}
/// n_xy / n_y: the share of the compressed model's firings that is no ghost.
inline double firing_precision(const feature_totals& t) noexcept {
  return ratio(t.fired.both_firings(), t.fired.compressed_firings());
}
/// n_xy / (n_x + n_y - n_xy).  NaN if neither side fires: two silences agree about nothing.
inline double firing_jaccard(const feature_totals& t) noexcept {
  return ratio(t.fired.both_firings(), t.fired.either.count);
}
/// Pearson's r of the two firing indicators, (n n_xy - n_x n_y) / sqrt(n_x n_y (n - n_x)(n - n_y)).
inline double firing_phi(const feature_totals& t) noexcept {
  const double n = static_cast<double>(t.tokens);
  const double x = static_cast<double>(t.fired.reference_firings);
  const double y = static_cast<double>(t.fired.compressed_firings());
  const double both = static_cast<double>(t.fired.both_firings());
  const double spread = x * y * (n - x) * (n - y);
  return spread > 0.0 ? (n * both - x * y) / std::sqrt(spread) : std::numeric_limits<double>::quiet_NaN();
}
/// M- = sum of x where y = 0, over sum of x.
inline double lost_mass_share(const feature_totals& t) noexcept {
  return ratio(t.fired.lost_mass, t.fired.either.sum_x());
}
/// M+ = sum of y where x = 0, over sum of y.
inline double ghost_mass_share(const feature_totals& t) noexcept {
  return ratio(t.fired.ghost_mass, t.fired.either.sum_y());
}

// ---- energy of the error ----

/// Share of the error's energy that flips of the gate carry, E_flip / (E_flip + E_on).  The rest is on tokens where
/// both sides fire.  ReLU errors are nearly all gain, a JumpReLU's mostly flips: why their damage is not comparable.
inline double flip_share(const feature_totals& t) noexcept {
  return ratio(t.fired.flip_energy, t.fired.flip_energy + t.fired.on_energy);
}

/// E (y - x)^2, from the errors themselves: E_flip + E_on over n.
inline double error_energy(const feature_totals& t) noexcept {
  return ratio(t.fired.flip_energy + t.fired.on_energy, static_cast<double>(t.tokens));
}

/// The same energy in three parts, by the regression of y on x:
///
///   E (y - x)^2 = (E y - E x)^2 + (beta - 1)^2 Var x + (1 - r^2) Var y,     beta = Cov / Var x
///
/// since y - x = (E y - E x) + (beta - 1)(x - E x) + e, where the residual e has mean 0, is uncorrelated with x, and
/// has variance Var y - Cov^2 / Var x = (1 - r^2) Var y.  Variances divide by n.
struct error_parts {
  double bias = std::numeric_limits<double>::quiet_NaN();   ///< (E y - E x)^2: a constant would undo it
  double gain = std::numeric_limits<double>::quiet_NaN();   ///< (beta - 1)^2 Var x: a factor would
  double noise = std::numeric_limits<double>::quiet_NaN();  ///< (1 - r^2) Var y: nothing affine will

  constexpr double sum() const noexcept { return bias + gain + noise; }
};

/// Gain and noise are NaN where x does not vary: there is no slope to speak of.
inline error_parts split_error(const feature_totals& t) noexcept {
  if (t.tokens == 0) return {};
  const comoments& c = t.all;
  const double n = static_cast<double>(t.tokens);
  const double shift = c.mean_y - c.mean_x;
  if (!(c.xx > 0.0)) return {.bias = shift * shift};
  const double slope = c.xy / c.xx - 1.0;
  // Rounding may push the residual of a perfect fit below zero.
  const double residual = std::fmax(c.yy - c.xy * (c.xy / c.xx), 0.0);
  return {shift * shift, slope * slope * c.xx / n, residual / n};
}

/// E (y - x)^2 / Var x.
inline double normalized_error(const feature_totals& t) noexcept {
  return ratio(error_energy(t) * static_cast<double>(t.tokens), t.all.xx);
}

/// Share of the error that an affine recalibration of the feature would undo, 1 - (1 - r^2) Var y / E (y - x)^2.  NaN
/// where there is no error.
inline double repairable_share(const feature_totals& t) noexcept {
  return 1.0 - ratio(split_error(t).noise, error_energy(t));
}

// ---- deaths and births ----

/// Firings that a flag or a verdict needs.
inline constexpr std::uint64_t minimum_firings = 50;

/// Fires at least 50 times on the reference and never on the compressed model.
inline bool died(const feature_totals& t) noexcept {
  return t.fired.reference_firings >= minimum_firings && t.fired.compressed_firings() == 0;
}

/// Fires at least 50 times on the compressed model, and on the reference at no more than a tenth of that rate.
inline bool was_born(const feature_totals& t) noexcept {
  return t.fired.compressed_firings() >= minimum_firings &&
         10 * t.fired.reference_firings <= t.fired.compressed_firings();
}

/// What 0 of n leaves possible: a rate above this would have shown with the probability `level`.  1 - (1 -
/// level)^(1/n), the exact form of the rule of three, 3/n at 95 %.
inline double unseen_rate_bound(double n, double level = 0.95) noexcept {
  return n > 0.0 ? -std::expm1(std::log1p(-level) / n) : 1.0;
}

// ---- how many groups the evidence comes from ----

/// What a feature's evidence amounts to in groups of rows.
struct group_evidence {
  std::size_t groups = 0;  ///< in which the reference fires
  /// m_eff = (sum of a_g)^2 / sum of a_g^2, a_g = sum of x^2 over the group; 0 for a silent feature.
  double effective = 0.0;
  double of_error = 0.0;  ///< the same of the sums of (y - x)^2, where the damage comes from; 0 where there is none

  /// Degrees of freedom of r's interval: one less than the effective groups, of the reference's energy or of the
  /// error's, whichever are fewer.  The spread of r comes from the error, which may lie in fewer places than what it is
  /// held against: a few lost firings.  The error counts for 5 groups at least, what the evidence needs at all: at t(4)
  /// even a single event's interval, 2.8 standard errors, reaches beyond the exact Poisson limit of one, 5.6 or 1.7 on
  /// the scale of log nu.
  double dof() const noexcept {
    const bool fewer = of_error > 0.0 && of_error < effective;
    if (!fewer || effective <= minimum_effective_groups) return effective - 1.0;
    return (of_error > minimum_effective_groups ? of_error : minimum_effective_groups) - 1.0;
  }
};

namespace detail {

/// Sums over a group: of x^2, 0 where the reference is silent, and of (y - x)^2.
struct group_energy {
  double reference = 0.0;
  double error = 0.0;
};

template <class Energy>
group_evidence evidence_over(std::size_t groups, Energy energy) noexcept {
  group_evidence evidence;
  group_energy sum, squares;
  for (std::size_t i = 0; i < groups; ++i) {
    const group_energy a = energy(i);
    evidence.groups += a.reference > 0.0;
    sum.reference += a.reference;
    squares.reference += a.reference * a.reference;
    sum.error += a.error;
    squares.error += a.error * a.error;
  }
  if (squares.reference > 0.0) evidence.effective = sum.reference * (sum.reference / squares.reference);
  if (squares.error > 0.0) evidence.of_error = sum.error * (sum.error / squares.error);
  return evidence;
}

inline group_energy energy_of(const feature_table& table, std::size_t feature, std::size_t group) noexcept {
  const feature_cell& cell = table.cell(feature, group);
  return {cell.reference_firings == 0 ? 0.0 : cell.either.energy_x(), cell.flip_energy + cell.on_energy};
}

}  // namespace detail

inline group_evidence evidence_of(const feature_table& table, std::size_t feature) noexcept {
  return detail::evidence_over(table.groups(), [&](std::size_t g) { return detail::energy_of(table, feature, g); });
}

/// Of the groups in `blocks` alone, those of a block counting as one.
inline group_evidence evidence_of(const feature_table& table, std::size_t feature,
                                  std::span<const std::vector<std::size_t>> blocks) noexcept {
  return detail::evidence_over(blocks.size(), [&](std::size_t b) {
    detail::group_energy energy;
    for (const std::size_t g : blocks[b]) {
      const detail::group_energy more = detail::energy_of(table, feature, g);
      energy.reference += more.reference;
      energy.error += more.error;
    }
    return energy;
  });
}

}  // namespace qfa

#endif
