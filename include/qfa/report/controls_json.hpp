// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_CONTROLS_JSON_HPP
#define QFA_REPORT_CONTROLS_JSON_HPP

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "qfa/controls/control_findings.hpp"
#include "qfa/predict/least_minority.hpp"
#include "qfa/report/control_words.hpp"
#include "qfa/report/json_prediction.hpp"
#include "qfa/report/json_values.hpp"
#include "qfa/stats/block_length.hpp"

namespace qfa {

inline report_json to_json(const control_contrast& c) {
  return {{"control", c.control},
          {"seeds", c.seeds},
          {"survived", to_json(c.survived)},
          {"policy_survives_more_by", to_json(c.more_survived)},
          {"mean_r", to_json(c.mean_r)},
          {"policy_mean_r_more_by", to_json(c.more_mean_r)}};
}

inline report_json to_json(const shared_damage& s) {
  return {{"a", s.a},
          {"b", s.b},
          {"size_a", s.overlap.sizes.a},
          {"size_b", s.overlap.sizes.b},
          {"intersection", s.overlap.sizes.both},
          {"jaccard", to_json(s.overlap.jaccard)},
          {"jaccard_null", to_json(s.overlap.null_jaccard)},
          {"jaccard_excess", to_json(s.overlap.excess)},
          {"jaccard_ceiling", value_or_reason(s.jaccard_ceiling(), "neither fails a feature")},
          {"null_overlaps", s.overlap.controls},
          {"jaccard_random_pruning", value_or_reason(s.pruning_jaccard, "there is no random pruning of the same loss")},
          {"spearman_damage", value_or_reason(s.order.spearman, "damage does not vary")},
          {"partial_spearman_damage", to_json(s.order.partial)},
          {"partial_spearman_null", value_or_reason(s.order.null_partial, "there is no control")},
          {"reliability_a", value_or_reason(s.order.reliability_a, "damage does not vary")},
          {"reliability_b", value_or_reason(s.order.reliability_b, "damage does not vary")},
          {"spearman_over_noise_ceiling", value_or_reason(s.order.corrected, "a reliability is not above .5")},
          {"odds_ratio_within_predicted_survival", to_json(s.like_survival.odds_ratio)},
          {"odds_ratio_null", value_or_reason(s.like_survival.null_odds_ratio, "no control gives a finite one")},
          {"rank_biased_overlap", to_json(s.worst.rank_biased)},
          {"rank_biased_overlap_null", value_or_reason(s.worst.null_rank_biased, "there is no control")},
          {"worst_5_percent", s.worst.worst},
          {"worst_5_percent_shared", value_or_reason(s.worst.common, "no feature is counted")},
          {"worst_5_percent_shared_null", value_or_reason(s.worst.null_common, "there is no control")},
          {"verdict", std::string(name(s.verdict()))}};
}

inline report_json to_json(const controlled_prediction& p) {
  estimate no_flips;
  no_flips.range.reason = "the SAE's gate makes no flips, or their cost is not known";
  report_json out{{"auc", to_json(p.auc)},
                  {"auc_isotropic_noise", to_json(p.noise_auc)},
                  {"auc_isotropic_noise_with_flips", to_json(p.flips_auc.value_or(no_flips))},
                  {"baseline", p.baseline_name()},
                  {"auc_less_baseline", to_json(p.gain)},
                  {"auc_covariant_noise", to_json(p.covariance_auc)},
                  {"label_shuffles", p.shuffles},
                  {"auc_shuffled_mean", number_or_null(p.shuffled_mean)},
                  {"auc_shuffled_95_percent", number_or_null(p.shuffled_95)},
                  {"verdict", name(p.verdict())}};
  if (!p.reason.empty()) out["reason"] = p.reason;
  if (!p.fitted) return out;
  out["average_precision"] = number_or_null(p.fitted->average_precision);
  out["brier"] = number_or_null(p.fitted->brier);
  out["calibration_slope"] = number_or_null(p.fitted->calibration_slope);
  out["calibration_intercept"] = number_or_null(p.fitted->calibration_intercept);
  out["base_rate"] = number_or_null(p.fitted->base_rate);
  out["minority"] = p.fitted->minority;
  out["auc_over_families"] = to_json(p.fitted->over_families);
  out["predictor_reliability"] = detail::by_predictor(all_predictors, p.fitted->predictor_reliability);
  return out;
}

inline report_json to_json(const controlled_policy& p, const control_findings& all) {
  report_json contrasts = report_json::array(), beyond = report_json::array(), matches = report_json::array();
  for (const control_contrast& c : p.contrasts)
    contrasts.push_back(to_json(c));
  for (std::size_t i = 0; i < p.beyond.size(); ++i) {
    report_json share{{"floor", all.floors[i].what}};
    share.update(to_json(p.beyond[i]));
    beyond.push_back(std::move(share));
  }
  for (const matched_pruning& m : p.matches)
    matches.push_back({{"sparsity", m.sparsity},
                       {"loss_gap", number_or_null(m.gap)},
                       {"tolerance", m.tolerance},
                       {"within_tolerance", m.within_tolerance},
                       {"sparsity_across", m.across ? report_json(*m.across) : report_json(nullptr)},
                       {"place", number_or_null(m.place)},
                       {"sparsity_at_equal_loss", value_or_reason(m.sparsity_at_equal_loss, m.reason)}});
  report_json out{{"policy", p.policy},
                  {"survivors", p.survivors},
                  {"survived", to_json(p.survived)},
                  {"mean_r", to_json(p.mean_r)},
                  {"activation_error_energy", number_or_null(p.error_energy)},
                  {"flip_share", value_or_reason(p.flip_share, "nothing changed")},
                  {"reliability", value_or_reason(p.reliability, "damage does not vary")},
                  {"beyond_numerics", std::move(beyond)},
                  {"controls", std::move(contrasts)},
                  {"random_pruning", std::move(matches)},
                  {"selection",
                   {{"survivors_that_survive_other_rows", to_json(p.selection.survivors_again)},
                    {"mean_r_of_worst_where_chosen", number_or_null(p.selection.chosen_worst)},
                    {"mean_r_of_worst_on_other_rows", to_json(p.selection.worst_again)}}},
                  {"prediction", to_json(p.prediction)}};
  if (!p.refusal.empty()) out["reason"] = p.refusal;
  return out;
}

inline report_json to_json(const survival_transfer& t) {
  return {{"from", t.from},
          {"to", t.to},
          {"auc", to_json(t.measured)},
          {"auc_fitted", value_or_reason(t.fitted, t.minority < least_auc_minority
                                                       ? std::string(small_class)
                                                       : "a class has fewer features than there are folds")},
          {"minority", t.minority}};
}

inline report_json to_json(const survival_variant& v) {
  report_json conditions = report_json::array();
  for (const survival_variant::condition& c : v.conditions)
    conditions.push_back({{"policy", c.policy},
                          {"survived", to_json(c.survived)},
                          {"mean_r", to_json(c.mean_r)},
                          {"flip_share", value_or_reason(c.flip_share, "nothing changed")},
                          {"counted_by_both", c.against.features},
                          {"audit_survives_more_by", to_json(c.against.more_survived)},
                          {"audit_mean_r_more_by", to_json(c.against.more_mean_r)},
                          {"decision", decision(v.kind, c.against)}});
  return {{"what", v.what},
          {"kind", variant_kind_names[static_cast<std::size_t>(v.kind)]},
          {"counted", v.counted},
          {"reference_fvu", number_or_null(v.fvu)},
          {"conditions", std::move(conditions)}};
}

namespace detail {

template <class T>
report_json json_list(const std::vector<T>& all) {
  report_json out = report_json::array();
  for (const T& one : all)
    out.push_back(to_json(one));
  return out;
}

}  // namespace detail

/// Whether the controls' groups of rows are long enough, and where not, on how many rows they would be.
inline report_json group_length_json(const control_findings& c) {
  report_json out = to_json(c.group_length, "the audit's series have none");
  out["rows_long_enough"] = c.group_length.long_enough()
                                ? report_json(nullptr)
                                : report_json(std::ceil(rows_long_enough(c.group_length.block_length, c.rows)));
  return out;
}

/// The key "controls" of a report.
inline report_json to_json(const control_findings& c) {
  report_json floors = report_json::array(), policies = report_json::array();
  for (const numerics_floor& floor : c.floors)
    floors.push_back({{"what", floor.what},
                      {"tau_null", number_or_null(floor.tau)},
                      {"tau_null_of_even_groups", number_or_null(floor.tau_of_half[0])},
                      {"tau_null_of_odd_groups", number_or_null(floor.tau_of_half[1])},
                      {"least_r", number_or_null(floor.least)},
                      {"changes_nothing", floor.exact}});
  for (const controlled_policy& p : c.policies)
    policies.push_back(to_json(p, c));
  return {{"seeds", c.settings.seeds},
          {"rows", c.rows},
          {"context", c.context},
          {"analyzed_tokens", c.tokens},
          {"groups", c.groups},
          {"groups_before", c.groups_before},
          {"group_length", group_length_json(c)},
          {"counted", c.counted},
          {"sae_activation", activation_names[static_cast<std::size_t>(c.gate)]},
          {"reference_against_itself",
           {{"holds", c.self.holds()},
            {"changed_features", c.self.changed_features},
            {"least_r", number_or_null(c.self.least_r)},
            {"kl", value_or_reason(c.self.kl, "no losses were asked for")},
            {"excess_loss", value_or_reason(c.self.excess_loss, "no losses were asked for")}}},
          {"numerics_floors", std::move(floors)},
          {"policies", std::move(policies)},
          {"shared_damage", detail::json_list(c.pairs)},
          {"transfer", detail::json_list(c.transfers)},
          {"families", c.families},
          {"largest_family", c.largest_family},
          {"variants", detail::json_list(c.variants)},
          {"in_words", controls_in_words(c)},
          {"notes", c.notes}};
}

}  // namespace qfa

#endif
