// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_VARIANT_CONTRAST_HPP
#define QFA_CONTROLS_VARIANT_CONTRAST_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/controls/damage_sample.hpp"
#include "qfa/core/error.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Which choice of an audit is made otherwise.
///   positions  position 0 in the statistics or not
///   bos        rows with BOS or without
///   gate       codes that ignore the SAE's gate
///   unlearned  a dictionary that has learned nothing, or not these activations
enum class variant_kind : std::uint8_t { positions, bos, gate, unlearned };
inline constexpr std::array<std::string_view, 4> variant_kind_names{"positions", "bos", "gate", "unlearned"};

/// How much more survives as audited than with a choice made otherwise, of the features that both count, each feature
/// against itself: an unlearned dictionary's feature j fires as often as the trained one's.
struct variant_contrast {
  std::size_t features = 0;  ///< that both count
  estimate more_survived;    ///< share with r > 0.9; interval on no scale
  estimate more_mean_r;      ///< interval on no scale
};

/// The standard error of the mean of `values` where whole families are drawn, by the residuals of the families' sums:
/// K/(K - 1) sum_k (sum_k - n_k mean)^2 over n^2.  NaN under 2 families.  Throws where the two differ in length.
inline double error_over_families(std::span<const double> values, std::span<const std::uint32_t> family_of) {
  require(values.size() == family_of.size(), "error_over_families needs a family for each value");
  std::map<std::uint32_t, std::pair<double, double>> sums;  // of values, and members
  double mean = 0.0;
  const auto n = static_cast<double>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    mean += values[i] / n;
    sums[family_of[i]].first += values[i];
    sums[family_of[i]].second += 1.0;
  }
  double squares = 0.0;
  for (const auto& entry : sums) {
    const double residual = entry.second.first - entry.second.second * mean;
    squares += residual * residual;
  }
  const auto k = static_cast<double>(sums.size());
  return k < 2.0 ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(k / (k - 1.0) * squares) / n;
}

/// Widens an interval over groups of rows by an independent error, of `dof` degrees of freedom: squares add up, and
/// degrees of freedom are Satterthwaite's (1946).  On no scale only.  Throws for a two-sided interval on a scale.
inline void widen(estimate& e, double error, double dof) {
  if (e.range.kind != interval_kind::two_sided) return;
  require(e.range.scale == interval_scale::identity, "an interval is widened on no scale");
  if (!std::isfinite(error)) {
    e.range.kind = interval_kind::refused;
    e.range.reason = "the error over features is undefined";
    return;
  }
  const double by_groups = e.range.standard_error * e.range.standard_error, by_features = error * error;
  const double all = by_groups + by_features;
  e.range.dof = all * all / (by_groups * by_groups / e.range.dof + by_features * by_features / dof);
  e.range.standard_error = std::sqrt(all);
  set_ends(e.range, e.value, e.range.standard_error, 0.0);
}

/// `counted` are the features of `audited` in the dictionary, and `other_counted` those of `other`, both increasing.
/// The same groups of rows are left out of both.  Where `family_of` names the family of each counted feature, features
/// are a sample, too: another dictionary of the kind has other features, and whole families of them are drawn.  (What
/// noise of rows moves single features by is in both errors, which errs toward a draw.)  Without it features are all
/// that there are.  Throws where a sample and its list differ in features, and where families are known of some
/// features only.
inline variant_contrast contrast_with_variant(const damage_sample& audited, std::span<const std::uint32_t> counted,
                                              const damage_sample& other, std::span<const std::uint32_t> other_counted,
                                              std::span<const std::uint32_t> family_of = {}, double limit = 0.9) {
  require(audited.features() == counted.size() && other.features() == other_counted.size(),
          "a variant is held against the audit by the features of both samples");
  require(family_of.empty() || family_of.size() == counted.size(), "a variant's contrast needs every feature's family");
  variant_contrast out;
  std::vector<std::pair<std::size_t, std::size_t>> both;
  std::vector<std::uint32_t> families;
  for (std::size_t i = 0, k = 0; i < counted.size() && k < other_counted.size();) {
    if (counted[i] == other_counted[k]) {
      both.emplace_back(i, k);
      if (!family_of.empty()) families.push_back(family_of[i]);
    }
    const bool next_i = counted[i] <= other_counted[k], next_k = other_counted[k] <= counted[i];
    i += next_i;
    k += next_k;
  }
  out.features = both.size();
  if (audited.groups != other.groups) {
    out.more_survived.range.reason = out.more_mean_r.range.reason = "the rows of the variant fall into other groups";
    return out;
  }
  const auto differences = [&](std::size_t g, auto value) {
    const std::vector<double> r = audited.without(g), s = other.without(g);
    std::vector<double> d;
    for (const auto& [i, k] : both)
      d.push_back(value(r[i]) - value(s[k]));
    return d;
  };
  const auto estimated = [&](auto value) {
    const auto mean = [&](std::size_t g) {
      double sum = 0.0;
      for (const double d : differences(g, value))
        sum += d;
      return ratio(sum, static_cast<double>(both.size()));
    };
    estimate e = jackknife(mean(audited.groups), audited.groups, mean);
    if (family_of.empty()) return e;
    std::vector<std::uint32_t> distinct = families;
    std::ranges::sort(distinct);
    const auto drawn = static_cast<std::size_t>(std::unique(distinct.begin(), distinct.end()) - distinct.begin());
    if (drawn < minimum_groups) {
      e.range.kind = interval_kind::refused;
      e.range.reason = "fewer than 8 families of features";
      return e;
    }
    widen(e, error_over_families(differences(audited.groups, value), families), static_cast<double>(drawn) - 1.0);
    return e;
  };
  out.more_survived = estimated([limit](double r) { return r > limit ? 1.0 : 0.0; });
  out.more_mean_r = estimated([](double r) { return r; });
  return out;
}

/// What a contrast decides, by mean r, in words.  Of an unlearned dictionary: whether damage says anything of learned
/// features (C7); of other choices: whether survival hangs on them (C11).
inline std::string_view decision(variant_kind kind, const variant_contrast& c) noexcept {
  const interval& range = c.more_mean_r.range;
  const bool known = range.kind == interval_kind::two_sided;
  const bool more = known && range.lower > 0.0, less = known && range.upper < 0.0;
  if (kind == variant_kind::unlearned)
    return !known ? "undetermined"
           : more ? "learned features are damaged less"
           : less ? "learned features are damaged more"
                  : "a draw";
  return !known ? "undetermined" : more ? "survival is lower so" : less ? "survival is higher so" : "not told apart";
}

}  // namespace qfa

#endif
