// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_LADDER_WORTH_HPP
#define QFA_BITS_LADDER_WORTH_HPP

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "qfa/bits/bits_to_break.hpp"
#include "qfa/bits/effective_bits.hpp"
#include "qfa/bits/feature_ladder.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"

namespace qfa {

/// Bits over the fitted features of a ladder: what a condition is worth, or what features need.
struct worth_in_bits {
  ladder_bits median{};
  ladder_bits worst_decile{};
  std::size_t at_most = 0;   ///< features that lie below the ladder
  std::size_t at_least = 0;  ///< and above it
  std::vector<double> bits;  ///< (fitted features): by the scale, beyond the ladder as well; infinite where nothing is
                             ///< left of the feature, or nothing happened to it
  /// Of each of `bits` of a condition, cut at the ladder's ends; of what features need there are none.
  std::vector<interval> ranges{};
};

struct ladder_worths {
  std::vector<worth_in_bits> conditions;  ///< effective bits, one for each condition
  std::vector<worth_in_bits> breaks;      ///< bits to break, one for each correlation
};

/// Measures conditions on a ladder, and what its features need so that r stays above each of `taus`.
///
/// Every aggregate has its interval from the jackknife over groups of rows, the same group being left out of the ladder
/// and of the condition: the sampling that they share cancels.  Groups are shared among threads; each group's laws are
/// fitted once for all conditions and then forgotten, but for a float for each condition, group and feature: of these a
/// feature's own interval is made, with the degrees of freedom and the skewness of its r.  Throws unless the conditions
/// are of the ladder's rows and dictionary.
inline ladder_worths measure_worth(const feature_ladder& ladder, std::span<const leave_one_out* const> conditions,
                                   std::span<const double> taus, double level = 0.95) {
  for (const leave_one_out* c : conditions)
    require(c->groups == ladder.groups() && c->features() == ladder.rungs()[0].correlations->features(),
            "a condition is measured by a ladder of the same rows and the same dictionary");
  const std::size_t groups = ladder.groups(), columns = conditions.size() + taus.size();
  const auto column = [&](std::size_t which, std::span<const bits_scale> scales, std::optional<std::size_t> without) {
    std::vector<double> bits;
    bits.reserve(scales.size());
    for (std::size_t i = 0; i < scales.size(); ++i) {
      if (which >= conditions.size()) {
        bits.push_back(bits_to_break(scales[i], taus[which - conditions.size()]));
        continue;
      }
      const std::size_t feature = ladder.features()[ladder.fitted()[i]];
      const leave_one_out& c = *conditions[which];
      bits.push_back(effective_bits(scales[i], noise_left(without ? c.without(*without, feature) : c.r[feature])));
    }
    return bits;
  };
  // The worst features are worth the fewest bits, and need the most.
  const auto decile = [&](std::size_t which, std::vector<double> bits) {
    return which < conditions.size() ? worst_decile_of_effective(std::move(bits))
                                     : worst_decile_of_needed(std::move(bits));
  };

  const std::vector<bits_scale> scales = ladder.scales();
  const std::size_t fitted = scales.size();
  std::vector<std::vector<double>> whole;
  for (std::size_t c = 0; c < columns; ++c)
    whole.push_back(column(c, scales, {}));
  std::vector<double> medians(columns * groups), deciles(columns * groups);
  std::vector<float> moved(conditions.size() * groups * fitted);  // bits without the group, less bits
  parallel_for(groups, [&](std::size_t g) {
    const std::vector<bits_scale> rest = ladder.scales(g);
    for (std::size_t c = 0; c < columns; ++c) {
      std::vector<double> bits = column(c, rest, g);
      for (std::size_t i = 0; i < (c < conditions.size() ? fitted : 0); ++i)
        moved[(c * groups + g) * fitted + i] = static_cast<float>(bits[i] - whole[c][i]);
      medians[c * groups + g] = middle_of(bits);
      deciles[c * groups + g] = decile(c, std::move(bits));
    }
  });

  ladder_worths out;
  const ladder_range range = ladder.range();
  for (std::size_t c = 0; c < columns; ++c) {
    worth_in_bits w;
    w.bits = whole[c];
    w.ranges.resize(c < conditions.size() ? fitted : 0);
    parallel_for(w.ranges.size(), [&](std::size_t i) {
      std::vector<double> without;
      for (std::size_t g = 0; g < groups; ++g)
        without.push_back(w.bits[i] + static_cast<double>(moved[(c * groups + g) * fitted + i]));
      const group_evidence& evidence = conditions[c]->evidence[ladder.features()[ladder.fitted()[i]]];
      jackknife_options options = correlation_interval(evidence, level);
      options.scale = interval_scale::identity;  // bits are the logarithm already
      w.ranges[i] = within_ladder(range, jackknife(w.bits[i], without, options)).bits.range;
    });
    for (const double b : w.bits) {
      w.at_most += censor(range, b) == censoring::at_most;
      w.at_least += censor(range, b) == censoring::at_least;
    }
    const std::span<const double> all_medians(medians.data() + c * groups, groups);
    const std::span<const double> all_deciles(deciles.data() + c * groups, groups);
    w.median = within_ladder(range, jackknife(middle_of(w.bits), all_medians, {.level = level}));
    w.worst_decile = within_ladder(range, jackknife(decile(c, w.bits), all_deciles, {.level = level}));
    (c < conditions.size() ? out.conditions : out.breaks).push_back(std::move(w));
  }
  return out;
}

}  // namespace qfa

#endif
