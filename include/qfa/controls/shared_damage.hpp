// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_SHARED_DAMAGE_HPP
#define QFA_CONTROLS_SHARED_DAMAGE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/audit/reference_profiles.hpp"
#include "qfa/compare/correlation.hpp"
#include "qfa/compare/overlap.hpp"
#include "qfa/compare/partial_correlation.hpp"
#include "qfa/compare/reliability.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/controls/stratified_overlap.hpp"
#include "qfa/controls/worst_agreement.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/predict/predictors.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Whether two compressions fail the same features more than any two perturbations do.
///
/// Weak features fail first under whatever comes, so independence is no null for the Jaccard index J of what did not
/// survive A and B.  Unrelated noise of the same size is: B gives way to noise matched to it, of which the features
/// with the least r count as failed, as many as B fails, and J_null is the J of that with what A fails.  The same with
/// A's noise and B; J_null is the mean over sides and seeds.
struct null_overlap {
  set_sizes sizes;           ///< of what A and B fail
  estimate jaccard;          ///< interval on logit
  estimate null_jaccard;     ///< J_null, interval on logit
  estimate excess;           ///< J - J_null, the same groups left out of both; interval on no scale
  std::size_t controls = 0;  ///< overlaps that J_null is the mean of
};

/// `noise_of_a` and `noise_of_b` are the controls that there are of either, one may be empty; all samples are of the
/// same features and groups.  Values are NaN where A and B both fail nothing, and J_null where there is no control.
/// Throws where samples differ in features or groups.
inline null_overlap compare_with_null(const damage_sample& a, const damage_sample& b,
                                      std::span<const damage_sample> noise_of_a,
                                      std::span<const damage_sample> noise_of_b, double limit = 0.9) {
  const auto fits = [&](const damage_sample& s) { return s.groups == a.groups && s.features() == a.features(); };
  require(fits(b) && std::ranges::all_of(noise_of_a, fits) && std::ranges::all_of(noise_of_b, fits),
          "an overlap is compared with its null on the same features and groups");
  null_overlap out;
  out.controls = noise_of_a.size() + noise_of_b.size();
  std::vector<double> real(a.groups + 1), null(a.groups + 1), excess(a.groups + 1);
  parallel_for(a.groups + 1, [&](std::size_t g) {  // the last is of all groups
    const std::vector<std::uint8_t> in_a = not_surviving(a.without(g), limit),
                                    in_b = not_surviving(b.without(g), limit);
    const set_sizes sizes = count_overlap(in_a, in_b);
    double sum = 0.0;
    for (const damage_sample& noise : noise_of_b)
      sum += jaccard(count_overlap(in_a, least_correlated(noise.without(g), sizes.b)));
    for (const damage_sample& noise : noise_of_a)
      sum += jaccard(count_overlap(least_correlated(noise.without(g), sizes.a), in_b));
    if (g == a.groups) out.sizes = sizes;
    real[g] = jaccard(sizes);
    null[g] = ratio(sum, static_cast<double>(out.controls));
    excess[g] = real[g] - null[g];
  });
  const auto estimated = [&](const std::vector<double>& values, interval_scale scale) {
    return jackknife(values.back(), std::span(values).first(a.groups), {.scale = scale});
  };
  out.jaccard = estimated(real, interval_scale::logit);
  out.null_jaccard = estimated(null, interval_scale::logit);
  out.excess = estimated(excess, interval_scale::identity);
  return out;
}

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

/// What may be said of two compressions' damage: a shared mode only where both J - J_null and the partial Spearman lie
/// above 0 for sure.
///   shared          both do
///   not_shared      one of the two lies below 0 for sure
///   undetermined    neither, though there is a control
///   nothing_failed  one of them fails no feature
///   no_control      there is no noise to hold it against
///   at_ceiling      unrelated noise fails the same features too, all but 1 in 100 that sets of these sizes can share:
///                   J has no room left above J_null, and no sign of their difference says anything
enum class sharing : std::uint8_t { shared, not_shared, undetermined, nothing_failed, no_control, at_ceiling };
inline constexpr std::array<std::string_view, 6> sharing_names{
    "shared mode", "not a shared mode", "undetermined", "nothing failed", "no control", "J at its ceiling"};

/// From this share of J_max on, J and J_null are at their ceiling (our own bar): what is left is a handful of features
/// where hundreds fail.
inline constexpr double ceiling_share = 0.99;

constexpr std::string_view name(sharing s) noexcept { return sharing_names[static_cast<std::size_t>(s)]; }

/// The claim that two compressions hurt the same features, with what decides it.
struct shared_damage {
  std::string a;
  std::string b;
  null_overlap overlap;
  damage_agreement order;
  /// J_null with random pruning of the same loss in the place of noise, NaN where there is none.
  double pruning_jaccard = std::numeric_limits<double>::quiet_NaN();
  stratified_overlap like_survival{};  ///< among features whose survival was equally foreseeable
  worst_agreement worst{};             ///< whatever number of features either fails

  /// J_max = min(a, b) / max(a, b): what sets of these sizes can reach.
  double jaccard_ceiling() const { return qfa::jaccard_ceiling(overlap.sizes); }

  sharing verdict() const {
    if (overlap.sizes.a == 0 || overlap.sizes.b == 0) return sharing::nothing_failed;
    if (overlap.controls == 0) return sharing::no_control;
    const double ceiling = ceiling_share * jaccard_ceiling();
    if (overlap.jaccard.value >= ceiling && overlap.null_jaccard.value >= ceiling) return sharing::at_ceiling;
    const interval& e = overlap.excess.range;
    const interval& p = order.partial.range;
    const auto known = [](const interval& range) { return range.kind != interval_kind::refused; };
    if (known(e) && known(p) && e.lower > 0.0 && p.lower > 0.0) return sharing::shared;
    if ((known(e) && e.upper < 0.0) || (known(p) && p.upper < 0.0)) return sharing::not_shared;
    return sharing::undetermined;
  }
};

}  // namespace qfa

#endif
