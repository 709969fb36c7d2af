// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_PARTIAL_DAMAGE_HPP
#define QFA_CONTROLS_PARTIAL_DAMAGE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/audit/reference_profiles.hpp"
#include "qfa/compare/correlation.hpp"
#include "qfa/compare/partial_correlation.hpp"
#include "qfa/compare/reliability.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/predict/predictors.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// How alike two compressions order the features by damage, beyond what a feature's rarity, mean and peak foretell of
/// any damage, and how well either order would repeat.
struct damage_agreement {
  double spearman = std::numeric_limits<double>::quiet_NaN();
  estimate partial;  ///< Spearman with the ranks of the three and their squares held fixed; interval on atanh
  double null_partial = std::numeric_limits<double>::quiet_NaN();   ///< the mean of the same with matched noise
  double reliability_a = std::numeric_limits<double>::quiet_NaN();  ///< of damage, by even and odd groups
  double reliability_b = std::numeric_limits<double>::quiet_NaN();
  double corrected = std::numeric_limits<double>::quiet_NaN();  ///< Spearman over its noise ceiling; may exceed 1
};

/// The reliability of the order of damage in one sample, by its two halves.
inline double reliability_of(const damage_sample& s) { return split_half_reliability(s.even, s.odd); }

/// Removes from ranks of damage what the reference's rarity, mean and peak explain of them, on all groups and without
/// each: built once for all samples of an audit.
///
/// Memory: 7 doubles for each feature and group.
class damage_controls {
 public:
  /// `table` has the reference's codes on its x side, and the groups of the samples.
  damage_controls(const feature_table& table, std::span<const std::uint32_t> counted) {
    const std::vector<std::size_t> groups = filled_groups(table);
    std::vector<predictor_table> predictors(groups.size() + 1);
    parallel_for(predictors.size(), [&](std::size_t g) {
      const std::size_t left_out = g < groups.size() ? groups[g] : no_group;
      predictors[g] = tabulate(reference_profiles(table, counted, group_selection::all, left_out), held_fixed);
    });
    for (const predictor_table& t : predictors)
      controls_.emplace_back(t.view());
  }

  std::size_t groups() const noexcept { return controls_.size() - 1; }

  /// Without `group`, or of all where that is `groups()`.
  std::vector<double> residual(const damage_sample& s, std::size_t group) const {
    std::vector<double> d = s.without(group);
    for (double& x : d)
      x = damage(x);
    return controls_[group].residual_ranks(d);
  }

 private:
  static constexpr std::array held_fixed{predictor::rarity, predictor::log_mean, predictor::log_max};
  std::vector<rank_controls> controls_;
};

/// `noise_of_a` and `noise_of_b` as `compare_with_null` takes them.
inline damage_agreement compare_order(const damage_controls& controls, const damage_sample& a, const damage_sample& b,
                                      std::span<const damage_sample> noise_of_a,
                                      std::span<const damage_sample> noise_of_b) {
  const auto partial = [&](const damage_sample& x, const damage_sample& y, std::size_t g) {
    return pearson(controls.residual(x, g), controls.residual(y, g));
  };
  const std::size_t all = controls.groups();
  damage_agreement out;
  out.partial = jackknife(partial(a, b, all), all, [&](std::size_t g) { return partial(a, b, g); },
                          {.scale = interval_scale::atanh});
  double sum = 0.0;
  for (const damage_sample& noise : noise_of_b)
    sum += partial(a, noise, all);
  for (const damage_sample& noise : noise_of_a)
    sum += partial(noise, b, all);
  out.null_partial = ratio(sum, static_cast<double>(noise_of_a.size() + noise_of_b.size()));
  out.spearman = spearman(a.r, b.r);
  out.reliability_a = reliability_of(a);
  out.reliability_b = reliability_of(b);
  out.corrected = noise_ceiling_corrected(out.spearman, out.reliability_a, out.reliability_b);
  return out;
}

}  // namespace qfa

#endif
