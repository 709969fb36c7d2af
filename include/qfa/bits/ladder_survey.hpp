// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_LADDER_SURVEY_HPP
#define QFA_BITS_LADDER_SURVEY_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "qfa/bits/bits_to_break.hpp"
#include "qfa/bits/feature_ladder.hpp"
#include "qfa/bits/ladder_worth.hpp"
#include "qfa/bits/survival_over_bits.hpp"
#include "qfa/core/error.hpp"
#include "qfa/predict/predictors.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/stats/percentile.hpp"
#include "qfa/survival/bands.hpp"

namespace qfa {

/// A middle with the values between which 90 % of the features lie.
struct feature_spread {
  double median = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();   ///< 5th percentile
  double high = std::numeric_limits<double>::quiet_NaN();  ///< 95th
};

inline feature_spread spread_of(std::vector<double> values) {
  std::erase_if(values, [](double v) { return std::isnan(v); });
  return {percentile(values, 50.0), percentile(values, 5.0), percentile(values, 95.0)};
}

/// What a ladder of bit widths says of the features, and of the conditions that are measured by it.
struct ladder_survey {
  std::vector<double> bits;               ///< of the rungs, increasing
  std::vector<std::uint32_t> counted;     ///< features that were asked for, increasing
  std::vector<law_verdict> verdicts;      ///< (counted)
  std::vector<std::uint32_t> features;    ///< of them, those that have a law
  std::vector<bits_scale> scales;         ///< (features): the law, and the line below it
  ladder_range range;                     ///< within which bits are known
  feature_spread misfit;                  ///< of the laws: weighted root mean square of log2 nu about them
  feature_spread slope;                   ///< of log2 nu per bit, as slope_per_bit
  worth_in_bits breaks;                   ///< bits at which r falls to the limit of survival
  worth_in_bits destroys;                 ///< and to that of destruction
  std::vector<worth_in_bits> rungs;       ///< effective bits of the rungs by their own ladder: how well the laws hold
  std::vector<worth_in_bits> conditions;  ///< and of the conditions
  std::vector<quartile_curves> curves;    ///< over the counted features, with a law or without
  bands_over_bits bands;                  ///< likewise

  std::size_t count(law_verdict which) const noexcept {
    return static_cast<std::size_t>(std::ranges::count(verdicts, which));
  }
};

/// Surveys the features by a ladder.  `features`: those that the rungs' surveys count; `profiles` and `family_of`: of
/// each of them (family_of may be empty).  Throws as feature_ladder and measure_worth do.
inline ladder_survey take_ladder_survey(std::vector<ladder_rung> rungs,
                                        std::span<const leave_one_out* const> conditions,
                                        std::span<const std::uint32_t> features,
                                        std::span<const firing_profile> profiles, const correlation_bands& limits = {},
                                        std::span<const std::uint32_t> family_of = {}) {
  require(profiles.size() == features.size(), "take_ladder_survey needs a firing profile for each feature");
  const feature_ladder ladder(std::move(rungs), features);
  const std::size_t steps = ladder.bits().size();
  ladder_survey out;
  out.bits.assign(ladder.bits().begin(), ladder.bits().end());
  out.counted.assign(features.begin(), features.end());
  out.scales = ladder.scales();
  out.range = ladder.range();
  std::vector<double> misfits, slopes;
  for (std::size_t i = 0; i < features.size(); ++i)
    out.verdicts.push_back(ladder.verdict(i));
  for (const std::uint32_t i : ladder.fitted()) {
    out.features.push_back(features[i]);
    const std::span<const double> weights = ladder.weights(i);
    misfits.push_back(std::sqrt(ladder.fit(i).loss / std::accumulate(weights.begin(), weights.end(), 0.0)));
    slopes.push_back(slope_per_bit(ladder.bits(), ladder.log2_nu(i)));
  }
  out.misfit = spread_of(std::move(misfits));
  out.slope = spread_of(std::move(slopes));

  std::vector<const leave_one_out*> measured;
  for (const ladder_rung& rung : ladder.rungs())
    measured.push_back(rung.correlations);
  measured.insert(measured.end(), conditions.begin(), conditions.end());
  ladder_worths found = measure_worth(ladder, measured, std::array{limits.survives_above, limits.destroyed_below});
  for (std::size_t c = 0; c < measured.size(); ++c)
    (c < steps ? out.rungs : out.conditions).push_back(std::move(found.conditions[c]));
  out.breaks = std::move(found.breaks[0]);
  out.destroys = std::move(found.breaks[1]);

  const std::size_t groups = ladder.groups();
  const auto brackets = [&](std::size_t g) {
    std::vector<censored_value> of_features;
    std::vector<double> r(steps);
    for (const std::uint32_t f : features) {
      for (std::size_t s = 0; s < steps; ++s) {
        const leave_one_out& c = *ladder.rungs()[s].correlations;
        r[s] = g < groups ? c.without(g, f) : c.r[f];
      }
      of_features.push_back(bracket_of_break(ladder.bits(), r, limits.survives_above));
    }
    return of_features;
  };
  out.curves = curves_by_quartile(profiles, ladder.bits(), groups, brackets);

  std::vector<outcome> bands;
  for (const std::uint32_t f : features)
    for (const ladder_rung& rung : ladder.rungs())
      bands.push_back(limits(rung.correlations->r[f]));
  out.bands = fit_bands_over_bits(profiles, ladder.bits(), bands, family_of);
  return out;
}

}  // namespace qfa

#endif
