// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_SURVIVAL_TRANSFER_HPP
#define QFA_CONTROLS_SURVIVAL_TRANSFER_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/reference_profiles.hpp"
#include "qfa/compare/auc.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/predict/cross_validation.hpp"
#include "qfa/predict/folds.hpp"
#include "qfa/predict/least_minority.hpp"
#include "qfa/predict/predictors.hpp"
#include "qfa/predict/standardized_logistic.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// What the reference shows of the counted features on its even and on its odd groups, whole and without each group:
/// what predictions of all conditions of an audit are made from.
///
/// Memory: 56 bytes for each feature and group.
class half_profiles {
 public:
  /// On one half of the groups.
  struct half {
    predictor_table predictors;            ///< all_predictors
    std::vector<double> rate_to_variance;  ///< p / Var x, to be multiplied by the error's variance; NaN: does not vary
    std::vector<double> nearby{};          ///< share of the firings near the threshold; empty where nobody counted them
  };

  /// `table` has the reference's codes on its x side; `nearby` is of the same codes (sae/near_threshold.hpp), or empty.
  /// Throws where it is neither empty nor (groups, width).
  half_profiles(const feature_table& table, std::span<const std::uint32_t> counted,
                std::span<const std::uint32_t> nearby = {})
      : groups_(filled_groups(table)), without_(groups_.size()) {
    require(nearby.empty() || nearby.size() == table.groups() * table.width(),
            "firings near thresholds are counted for each group and feature of the reference's table");
    whole_ = {make(table, counted, nearby, group_selection::even, no_group),
              make(table, counted, nearby, group_selection::odd, no_group)};
    parallel_for(groups_.size(), [&](std::size_t g) {
      without_[g] = make(table, counted, nearby, in_odd(g) ? group_selection::odd : group_selection::even, groups_[g]);
    });
  }

  std::size_t groups() const noexcept { return groups_.size(); }

  /// The even or odd half without the group, or whole where `group` is `groups()`.
  const half& of(bool odd, std::size_t group) const {
    return group < groups() && in_odd(group) == odd ? without_[group] : whole_[odd ? 1 : 0];
  }

  /// The variance of an error of counted feature `f`'s pre-activation, up to a common factor, where one half is what
  /// the reference showed of it.
  using error_variance = std::function<double(const half&, std::size_t f)>;

  /// -nu of every feature under such an error: survival is ranked by it with nothing fitted.
  std::vector<double> scores(bool odd, std::size_t group, const error_variance& variance) const {
    const half& seen = of(odd, group);
    std::vector<double> out = seen.rate_to_variance;
    for (std::size_t f = 0; f < out.size(); ++f)
      out[f] = std::isnan(out[f]) ? -std::numeric_limits<double>::infinity() : -out[f] * variance(seen, f);
    return out;
  }

 private:
  bool in_odd(std::size_t g) const noexcept { return selects(group_selection::odd, groups_[g]); }

  static half make(const feature_table& table, std::span<const std::uint32_t> counted,
                   std::span<const std::uint32_t> nearby, group_selection selection, std::size_t left_out) {
    half out{tabulate(reference_profiles(table, counted, selection, left_out), all_predictors), {}};
    std::uint64_t tokens = 0;
    for (std::size_t g = 0; g < table.groups(); ++g)
      if (selects(selection, g) && g != left_out) tokens += table.tokens(g);
    for (const std::uint32_t f : counted) {
      comoments all;
      std::uint64_t firings = 0, close = 0;
      for (std::size_t g = 0; g < table.groups(); ++g) {
        if (!selects(selection, g) || g == left_out) continue;
        all += table.cell(f, g).either;
        firings += table.cell(f, g).reference_firings;
        if (!nearby.empty()) close += nearby[g * table.width() + f];
      }
      if (!nearby.empty()) out.nearby.push_back(ratio(static_cast<double>(close), static_cast<double>(firings)));
      all.add_zeros(tokens - all.count);
      out.rate_to_variance.push_back(all.xx > 0.0 ? static_cast<double>(firings) / all.xx
                                                  : std::numeric_limits<double>::quiet_NaN());
    }
    return out;
  }

  std::vector<std::size_t> groups_;
  std::array<half, 2> whole_;
  std::vector<half> without_;
};

/// Membership of the features that survived, r > limit.
inline std::vector<std::uint8_t> surviving(std::span<const double> r, double limit = 0.9) {
  std::vector<std::uint8_t> in = not_surviving(r, limit);
  for (std::uint8_t& x : in)
    x = x == 0;
  return in;
}

/// The mean of `score(odd)` over the two ways round: what is seen on the odd groups, or on the even ones, and judged on
/// the others.
template <class Score>
double both_ways(Score score) {
  return 0.5 * (score(false) + score(true));
}

/// How well one condition foretells what survives another, on other tokens of the same features.
struct survival_transfer {
  std::string from;
  std::string to;
  /// AUC of survival under `to` by -nu measured under `from`, nothing fitted; interval on logit; refused where the
  /// smaller class of a half has fewer than 25 features, and what is fitted with it.
  estimate measured;
  double fitted = std::numeric_limits<double>::quiet_NaN();  ///< by predictors of the reference, fitted to `from`'s
                                                             ///< survival of other features; NaN where nothing can be
  std::size_t minority = 0;  ///< features in the smaller class under `to`, in whichever half has fewer
};

/// nu = (1 - r^2) / r^2 falls as r rises, so that -nu ranks as r does; all r <= 0 rank last and alike.  Where
/// `families` names the features' families, each is held out as a whole from what is fitted.
inline survival_transfer measure_transfer(const half_profiles& reference, const damage_sample& from,
                                          const damage_sample& to, std::span<const std::uint32_t> families = {},
                                          std::uint64_t seed = 0, double limit = 0.9) {
  survival_transfer out;
  out.from = from.name;
  out.to = to.name;
  out.minority = (std::min)(minority_of(surviving(to.even, limit)), minority_of(surviving(to.odd, limit)));
  if (out.minority < least_auc_minority) {
    out.measured = refused_auc();
    return out;
  }
  const auto measured = [&](std::size_t g) {
    return both_ways([&](bool odd) {
      std::vector<double> score = from.half_without(odd, g);
      for (double& r : score)
        r = (std::max)(r, 0.0);
      return auc(score, surviving(to.half_without(!odd, g), limit));
    });
  };
  out.measured = jackknife(measured(to.groups), to.groups, measured, {.scale = interval_scale::logit});
  try {
    out.fitted = both_ways([&](bool odd) {
      const std::vector<std::uint8_t> learned = surviving(odd ? from.even : from.odd, limit);
      const auto fit = [](matrix_view<const double> x, std::span<const std::uint8_t> positive) {
        return fit_standardized_logistic(x, positive);
      };
      return auc(
          out_of_fold_scores(
              reference.of(odd, reference.groups()).predictors.view(), learned,
              families.empty() ? stratified_folds(learned, 5, seed) : grouped_folds(families, learned, 5, seed), fit),
          surviving(odd ? to.even : to.odd, limit));
    });
  } catch (const error&) {
    // One class has fewer features than there are folds.
  }
  return out;
}

}  // namespace qfa

#endif
