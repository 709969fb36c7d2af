// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_JSON_VALUES_HPP
#define QFA_REPORT_JSON_VALUES_HPP

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/overlap.hpp"
#include "qfa/report/report_json.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/fdr.hpp"
#include "qfa/stats/halving_check.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/confirmed.hpp"
#include "qfa/survival/counted_shares.hpp"
#include "qfa/survival/evidence_range.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// An interval without its value, or null and the reason why there is none.
inline report_json to_json(const interval& i) {
  report_json out;
  if (i.kind == interval_kind::refused) {
    out["interval"] = nullptr;
    if (!i.reason.empty()) out["reason"] = std::string(i.reason);
    return out;
  }
  report_json range{{"lower", number_or_null(i.lower)},
                    {"upper", number_or_null(i.upper)},
                    {"kind", interval_kind_names[static_cast<std::size_t>(i.kind)]},
                    {"level", i.level},
                    {"scale", interval_scale_names[static_cast<std::size_t>(i.scale)]},
                    {"standard_error", number_or_null(i.standard_error)},
                    {"degrees_of_freedom", number_or_null(i.dof)}};
  if (!i.reason.empty()) range["reason"] = std::string(i.reason);
  out["interval"] = std::move(range);
  return out;
}

/// A value and its interval, or the reason why either is missing.
inline report_json to_json(const estimate& e) {
  report_json out{{"value", number_or_null(e.value)}};
  out.update(to_json(e.range));
  if (e.range.kind != interval_kind::refused) out["bias_corrected"] = number_or_null(e.bias_corrected);
  return out;
}

/// Whether groups of rows are long enough, by the block length of a series over rows.
inline report_json to_json(const group_length_check& c, std::string_view why_none) {
  return {{"block_length", value_or_reason(c.block_length, why_none)},
          {"groups", c.groups},
          {"groups_advised", c.advised},
          {"groups_long_enough", c.long_enough()}};
}

/// Whether half as many groups give the same interval.
inline report_json to_json(const halving_check& c) {
  report_json out{
      {"standard_error_ratio", value_or_reason(c.error_ratio, "one of the two intervals is not two-sided")}};
  if (c.known()) {
    out["most_by_chance"] = c.most;
    out["agrees"] = c.agrees();
  }
  return out;
}

/// What is proven of the counted features at the limit of survival: of each verdict but `undecided` an expected share
/// of 5 % at most is wrong, and with `any_dependence` so however the features hang together.
inline report_json census_json(const survey& s) {
  constexpr double rate = 0.05;
  const double tau = s.rules.bands.survives_above;
  const auto counts = [&](test_dependence dependence) {
    std::array<std::size_t, census_verdict_names.size()> count{};
    for (const census_verdict v : confirm(s, tau, rate, dependence))
      ++count[static_cast<std::size_t>(v)];
    report_json out;
    for (std::size_t i = 0; i < count.size(); ++i)
      out[std::string(census_verdict_names[i])] = count[i];
    return out;
  };
  report_json out = counts(test_dependence::independent);
  out["threshold"] = tau;
  out["false_discovery_rate"] = rate;
  out["any_dependence"] = counts(test_dependence::any);
  return out;
}

/// The survived share and mean r without each group of rows, from which the difference between two audits of the same
/// tokens has its interval: whatever both leave out is the same.  `survived_shift` is what each group moves the
/// smoothed share by, and `survived_bias` its bias (stats/smoothed_count.hpp).
inline report_json without_groups_json(const survey& s) {
  report_json survived = report_json::array(), mean_r = report_json::array();
  for (std::size_t g = 0; g < s.correlations.groups; ++g) {
    const std::vector<double> r = s.correlations.without(g, s.counted);
    survived.push_back(number_or_null(outcome_share(r, outcome::survived, s.rules.bands)));
    mean_r.push_back(number_or_null(mean_correlation(r)));
  }
  const countable counted(s.correlations, s.counted);
  const counted_deletions share = count_outcome(counted, {outcome::survived, s.rules.bands});
  report_json shift = report_json::array();
  for (const double fine : share.fine)
    shift.push_back(number_or_null(fine - share.fine_value));
  return {{"survived", std::move(survived)},
          {"mean_r", std::move(mean_r)},
          {"survived_shift", std::move(shift)},
          {"survived_bias", number_or_null(share.bias())}};
}

/// Counts and shares of a census, with every aggregate of the survey that took it.
inline report_json to_json(const survey& s) {
  report_json out;
  out["protocol"] = std::string(s.rules.name);
  out["active"] = s.active_count();
  out["counted"] = s.bands.counted();
  out["unmeasured"] = s.bands[outcome::unmeasured];
  for (const outcome o : {outcome::survived, outcome::blurred, outcome::destroyed}) {
    report_json band{{"count", s.bands[o]}};
    band.update(to_json(s.share(o)));
    if (s.bands.counted() == 0) band["reason"] = "no feature was counted";
    out[std::string(name(o))] = std::move(band);
  }
  if (!s.rules.guarded_r) out["census"] = census_json(s);
  const evidence_range groups = effective_groups_of(s);
  out["effective_groups"] = {{"least", number_or_null(groups.least)},
                             {"median", number_or_null(groups.median)},
                             {"most", number_or_null(groups.most)}};
  out["r_undefined"] = s.undefined;
  out["mean_r"] = to_json(s.mean_r);
  out["median_r"] = to_json(s.median_r);
  out["survival_area"] = to_json(s.area);
  out["half_as_many_groups"] = {{"mean_r", to_json(s.mean_halved)}, {"survived", to_json(s.survived_halved)}};
  out["mass_survival"] = to_json(s.mass);
  out["mass_covered"] = number_or_null(s.mass_covered);
  out["shift_energy_survival"] = to_json(s.shift_energy.share);
  out["shift_energy_covered"] = value_or_reason(s.shift_energy.covered, "no code changed");
  constexpr std::string_view no_logits = "no unembedding is at hand, or the SAE reads no part of the residual stream";
  const double none = std::numeric_limits<double>::quiet_NaN();
  if (s.logits)
    out["logit_survival"] = to_json(s.logits->share);
  else
    out["logit_survival"] = {{"value", nullptr}, {"interval", nullptr}, {"reason", std::string(no_logits)}};
  out["logit_covered"] = value_or_reason(s.logits ? s.logits->covered : none, no_logits);
  report_json curve = report_json::array();
  for (std::size_t i = 0; i < s.curve.size(); ++i)
    curve.push_back({curve_threshold(i), number_or_null(s.curve[i].value), number_or_null(s.curve[i].range.lower),
                     number_or_null(s.curve[i].range.upper)});
  out["survival_curve"] = {{"columns", {"threshold", "share", "lower", "upper"}}, {"rows", std::move(curve)}};
  out["without_each_group"] = without_groups_json(s);
  return out;
}

inline report_json to_json(const set_overlap& o) {
  constexpr std::string_view empty = "a set is empty, or the sizes leave no room";
  return {{"size_a", o.sizes.a},
          {"size_b", o.sizes.b},
          {"intersection", o.sizes.both},
          {"union", o.sizes.either()},
          {"jaccard", to_json(o.jaccard)},
          {"jaccard_chance", value_or_reason(o.chance, empty)},
          {"jaccard_chance_plug_in", value_or_reason(o.plug_in_chance, empty)},
          {"jaccard_ceiling", value_or_reason(o.ceiling, empty)},
          {"jaccard_above_chance", to_json(o.above_chance)},
          {"overlap_coefficient", to_json(o.overlap_coefficient)},
          {"cohen_kappa", to_json(o.kappa)},
          {"odds_ratio", to_json(o.odds_ratio)},
          {"odds_ratio_within_firing_rates", to_json(o.stratified_odds_ratio)}};
}

inline report_json to_json(const damage_overlap& o) {
  report_json worst = report_json::array();
  for (const top_overlap& top : o.worst)
    worst.push_back({{"share", top.share}, {"features", top.sizes.a}, {"common", number_or_null(top.common())}});
  return {{"a", o.a},
          {"b", o.b},
          {"features", o.gap.features},
          {"a_survives_more_by", to_json(o.gap.survived)},
          {"a_mean_r_more_by", to_json(o.gap.mean_r)},
          {"not_survived", to_json(o.not_survived)},
          {"blurred", to_json(o.blurred)},
          {"destroyed", to_json(o.destroyed)},
          {"spearman_damage", to_json(o.spearman)},
          {"pearson_damage", to_json(o.pearson)},
          {"kendall_tau_b_damage", to_json(o.kendall_tau_b)},
          {"rank_biased_overlap", to_json(o.rank_biased)},
          {"damage_undefined", o.undefined},
          {"tied_at_damage_one", {o.tied_at_one_a, o.tied_at_one_b}},
          {"tied_at_damage_zero", {o.tied_at_zero_a, o.tied_at_zero_b}},
          {"worst_features", std::move(worst)}};
}

}  // namespace qfa

#endif
