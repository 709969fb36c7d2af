// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_SURVEY_HPP
#define QFA_SURVIVAL_SURVEY_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/halving_check.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/survival/aggregates.hpp"
#include "qfa/survival/bands.hpp"
#include "qfa/survival/census.hpp"
#include "qfa/survival/counted_shares.hpp"
#include "qfa/survival/protocol.hpp"
#include "qfa/survival/weighted_survival.hpp"

namespace qfa {

/// What one compression did to the features, under one protocol.
struct survey {
  protocol rules;
  std::vector<std::uint8_t> active;    ///< (features): 1 where the reference fires often enough
  std::vector<double> rates;           ///< (features): of firing, on the reference
  std::vector<outcome> outcomes;       ///< (features): of the active ones; the inactive hold `unmeasured`
  std::vector<std::uint32_t> counted;  ///< active features with a verdict, increasing
  leave_one_out correlations;          ///< r of every feature under the protocol, and without each group
  census bands;                        ///< over the active features
  std::size_t undefined = 0;           ///< counted features whose r is NaN: destroyed, and in no mean or median

  estimate mean_r;
  estimate median_r;                         ///< lower median
  std::array<estimate, 3> shares;            ///< survived, blurred, destroyed, of the counted; indexed by outcome
  std::array<estimate, curve_points> curve;  ///< S(tau) at curve_threshold(i)
  estimate area;                             ///< under S
  estimate mass;                             ///< mass_survival at the limit of survival
  double mass_covered = 0.0;                 ///< the counted features' share of all features' mass
  weighted_survival shift_energy;            ///< by sum of (y - x)^2 |w_j|^2: of what changed, where it is
  std::optional<weighted_survival> logits;   ///< by sum of x |U w_j|: of what is added to logits directly
  halving_check mean_halved;                 ///< of mean_r's interval
  halving_check survived_halved;             ///< of that of the share that survived

  std::size_t active_count() const noexcept { return bands.counted() + bands[outcome::unmeasured]; }
  const estimate& share(outcome o) const { return shares.at(static_cast<std::size_t>(o)); }
  /// r of the counted features, in the order of `counted`.
  std::vector<double> r() const { return correlations.of(counted); }
};

/// The features that both surveys count, increasing.
inline std::vector<std::uint32_t> counted_by_both(const survey& a, const survey& b) {
  std::vector<std::uint32_t> both;
  std::set_intersection(a.counted.begin(), a.counted.end(), b.counted.begin(), b.counted.end(),
                        std::back_inserter(both));
  return both;
}

/// Any statistic of the counted features' r, with its interval.
template <std::invocable<std::span<const double>> Theta>
estimate estimate_over(const survey& s, Theta theta, const jackknife_options& options) {
  return estimate_over(s.correlations, s.counted, theta, options);
}

/// A statistic of two conditions, over the features that both surveys count.
template <std::invocable<std::span<const double>, std::span<const double>> Theta>
estimate estimate_over(const survey& a, const survey& b, Theta theta, const jackknife_options& options) {
  return estimate_over(a.correlations, b.correlations, counted_by_both(a, b), theta, options);
}

/// Takes the census of a table under a protocol, with every aggregate and its interval.
///
/// `decoder_norms` weighs `mass` and `shift_energy`: the length of each feature's decoder row, all 1 if empty.
/// `logit_lengths` (model/logit_lengths.hpp) weighs `logits`, and without it there is no such number.  The set of
/// counted features comes from all groups and stays as groups are left out.  Throws where either is given for some
/// features only.
inline survey take_survey(const feature_table& table, const protocol& rules, std::span<const float> decoder_norms = {},
                          double level = 0.95, std::span<const double> logit_lengths = {}) {
  const std::size_t width = table.width();
  require(decoder_norms.empty() || decoder_norms.size() == width,
          "take_survey needs one decoder norm for each feature, or none");
  require(logit_lengths.empty() || logit_lengths.size() == width,
          "take_survey needs one length in logits for each feature, or none");
  survey s;
  s.rules = rules;
  const auto correlate = [&](const std::optional<group_blocks>& blocks) {
    if (rules.guarded_r) return leave_groups_out(table, published_pearson, level, blocks);
    return leave_groups_out(
        table, [](const comoments& c) { return pearson(c); }, level, blocks);
  };
  s.correlations = correlate({});
  s.active.assign(width, 0);
  s.outcomes.assign(width, outcome::unmeasured);
  for (std::size_t f = 0; f < width; ++f) {
    const feature_totals total = table.total(f);
    s.rates.push_back(firing_rate(total));
    if (!is_active(rules, s.rates.back())) continue;
    s.active[f] = 1;
    if (is_measured(rules, total, s.correlations.evidence[f])) {
      s.counted.push_back(static_cast<std::uint32_t>(f));
      s.outcomes[f] = rules.bands(s.correlations.r[f]);
      s.undefined += std::isnan(s.correlations.r[f]);
    }
    s.bands(s.outcomes[f]);
  }

  const jackknife_options on_atanh{.scale = interval_scale::atanh, .level = level};
  const jackknife_options on_logit{.scale = interval_scale::logit, .level = level};
  s.mean_r = estimate_over(s, mean_correlation, on_atanh);
  s.median_r = estimate_median(s.correlations, s.counted, level);
  const countable counted(s.correlations, s.counted);
  for (const outcome o : {outcome::survived, outcome::blurred, outcome::destroyed})
    s.shares[static_cast<std::size_t>(o)] = count_outcome(counted, {o, rules.bands}).concluded(on_logit);
  s.area = estimate_over(s, survival_area, on_logit);
  const leave_one_out pairs = correlate(blocks_of(table, group_selection::all, 2));
  const auto halved = [&](const estimate& whole, const estimate& in_pairs) {
    return check_by_halving(whole, in_pairs, s.correlations.groups);
  };
  s.mean_halved = halved(s.mean_r, estimate_over(pairs, s.counted, mean_correlation, on_atanh));
  // Both are smoothed alike: of a feature with little more than 5 effective groups, pairs have fewer, and no bandwidth.
  const countable counted_pairs(pairs, s.counted, bandwidths_of(s.correlations, s.counted));
  s.survived_halved = halved(s.share(outcome::survived),
                             count_outcome(counted_pairs, {outcome::survived, rules.bands}).concluded(on_logit));
  s.curve = estimate_curve(s.correlations, s.counted, level);

  std::vector<std::vector<double>> weights{group_masses(table, decoder_norms),
                                           group_shift_energies(table, decoder_norms)};
  if (!logit_lengths.empty()) weights.push_back(group_masses(table, logit_lengths));
  const std::vector<weighted_survival> weighed = weigh_survival(counted, s.counted, width, weights, rules.bands, level);
  s.mass = weighed[0].share;
  s.mass_covered = weighed[0].covered;
  s.shift_energy = weighed[1];
  if (!logit_lengths.empty()) s.logits = weighed[2];
  return s;
}

}  // namespace qfa

#endif
