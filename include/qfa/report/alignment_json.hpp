// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_ALIGNMENT_JSON_HPP
#define QFA_REPORT_ALIGNMENT_JSON_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "qfa/alignment/align.hpp"
#include "qfa/alignment/align_budget.hpp"
#include "qfa/alignment/align_directions.hpp"
#include "qfa/alignment/decision_tree.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/mitigation.hpp"
#include "qfa/report/json_values.hpp"
#include "qfa/report/onset_json.hpp"
#include "qfa/version.hpp"

namespace qfa {

inline report_json to_json(const bounds& b) {
  return report_json::array({number_or_null(b.lower), number_or_null(b.upper)});
}
/// Hits, trials, the share and its Wilson interval.
inline report_json to_json(const proportion& p) {
  report_json out{{"hits", p.hits},
                  {"trials", p.trials},
                  {"value", number_or_null(p.value())},
                  {"interval", to_json(p.interval())}};
  if (p.trials == 0) out["reason"] = "there is no prompt of this kind";
  return out;
}

namespace detail {

/// Beside what the judge counted, the rate behind it where his errors are known: of conditional flips, whose other side
/// the reference's verdicts are taken to know.
inline report_json counts_json(const flip_counts& counts, const std::optional<judge_error>& judge) {
  const flip_summary s = summarize(counts);
  report_json table;
  for (std::size_t r = 0; r < verdict_names.size(); ++r)
    for (std::size_t c = 0; c < verdict_names.size(); ++c)
      table[std::string(verdict_names[r])][std::string(verdict_names[c])] =
          counts.count(static_cast<verdict>(r), static_cast<verdict>(c));
  report_json out{{"verdicts", std::move(table)},           {"conditional_flip", to_json(s.conditional)},
                  {"reverse_flip", to_json(s.reverse)},     {"net", number_or_null(s.net)},
                  {"mcnemar_p", number_or_null(s.mcnemar)}, {"refused_to_garbled", to_json(s.refused_garbled)},
                  {"garbled", to_json(s.garbled)},          {"reference_garbled", to_json(s.reference_garbled)}};
  if (judge) {
    const corrected_flip behind = corrected(s.conditional, *judge);
    out["corrected_conditional_flip"] = {{"value", number_or_null(behind.value)},
                                         {"interval", to_json(behind.interval)}};
  }
  return out;
}

/// A share of flips that something takes back, of which an interval would say nothing where there is no value.
inline report_json taken_back_json(double value, const bounds& interval, std::string_view reason) {
  const bool known = !std::isnan(value);
  report_json out{{"value", number_or_null(value)},
                  {"interval", known ? to_json(interval) : report_json::array({nullptr, nullptr})}};
  if (!known) out["reason"] = reason;
  return out;
}

inline report_json reduction_json(const grain_reduction& r) {
  report_json out = taken_back_json(r.estimate.value, r.estimate.interval, "the coarser grain flips nothing");
  out.update({{"scales", scale_lifetime_names[static_cast<std::size_t>(r.lifetime)]},
              {"both", r.counts.both},
              {"coarse_only", r.counts.coarse_only},
              {"fine_only", r.counts.fine_only},
              {"neither", r.counts.neither},
              {"coarse_scales", r.scales[0]},
              {"fine_scales", r.scales[1]},
              {"half_added", r.estimate.half_added}});
  return out;
}

inline report_json mode_json(const std::optional<failure_mode>& m) {
  return m ? report_json(std::string(name(*m))) : report_json(nullptr);
}

}  // namespace detail

/// `judge`: how often verdicts are right, where it is known.
inline report_json to_json(const measured_cache& m, const std::optional<judge_error>& judge = {}) {
  return {{"name", m.name},
          {"bits", detail::optional_json(m.bits)},
          {"bits_per_element", detail::optional_json(m.bits_per_element)},
          {"perplexity", number_or_null(m.text.perplexity())},
          {"perplexity_ratio", number_or_null(m.perplexity_ratio)},
          {"scored_tokens", m.text.tokens},
          {"harmful", detail::counts_json(m.harmful, judge)},
          {"harmless", detail::counts_json(m.harmless, judge)}};
}

namespace detail {

/// V_rel, V_conc, V_marg.
inline report_json ratios_json(const vulnerability_ratios& v) {
  return {{"v_rel", number_or_null(v.relative)},
          {"v_conc", number_or_null(v.concentration)},
          {"v_marg", number_or_null(v.margin)}};
}
inline report_json ranks_json(const vulnerability_ranks& r) {
  return {{"v_rel", number_or_null(r.relative)},
          {"v_conc", number_or_null(r.concentration)},
          {"v_marg", number_or_null(r.margin)}};
}

}  // namespace detail

/// A frozen probe on the compressed model: as it is, and with the mean shift of its training prompts taken off.
inline report_json to_json(const probe_fidelity& p) {
  const auto changed = [](const probe_change& c) -> report_json {
    return {{"auroc", number_or_null(c.auroc)},
            {"auroc_lost", to_json(c.auroc_lost)},
            {"true_positive_rate", number_or_null(c.true_positives)},
            {"true_positive_rate_lost", to_json(c.true_positives_lost)},
            {"false_positive_rate", number_or_null(c.false_positives)},
            {"decisions_lost", c.lost},
            {"decisions_gained", c.gained},
            {"mcnemar_p", number_or_null(c.mcnemar_p)},
            {"right_to_wrong", c.to_wrong},
            {"wrong_to_right", c.to_right},
            {"mcnemar_p_right", number_or_null(c.mcnemar_p_right)}};
  };
  return {{"threshold", number_or_null(p.threshold)},
          {"auroc", to_json(p.auroc)},
          {"true_positive_rate", number_or_null(p.true_positives)},
          {"false_positive_rate", number_or_null(p.false_positives)},
          {"frozen", changed(p.frozen)},
          {"recentered", changed(p.recentered)}};
}

/// Vulnerability is qfa's own definition, in three readings.
inline report_json to_json(const aligned_directions& d) {
  report_json sites = report_json::array(), proxies = report_json::array(), rankings;
  for (const direction_finding& f : d.found.sites) {
    report_json site{{"site", name_of(f.site)},
                     {"channels", f.channels},
                     {"separation", number_or_null(f.separation)},
                     {"vulnerability", detail::ratios_json(f.vulnerable.direction.all)},
                     {"of_fluctuation", detail::ratios_json(f.vulnerable.direction.of_fluctuation)},
                     {"percentile_among_permuted_labels", detail::ranks_json(f.vulnerable.among_permuted)},
                     {"percentile_among_principal_axes", detail::ranks_json(f.vulnerable.among_axes)},
                     {"bias_share", number_or_null(f.bias_share())},
                     {"d_prime", number_or_null(f.detection.d_reference)},
                     {"d_prime_compressed", number_or_null(f.detection.d_compressed)},
                     {"sign_flips", to_json(f.detection.sign_flips)},
                     {"probe", to_json(f.probe)},
                     {"cosine", number_or_null(f.stability.cosine)},
                     {"split_half_cosine", number_or_null(f.stability.split_half)}};
    if (std::isnan(f.vulnerable.direction.all.relative))
      site["reason"] = "the two kinds of prompts do not differ at this site";
    sites.push_back(std::move(site));
  }
  for (const layer_reduction& r : d.proxies)
    proxies.push_back({{"per_tensor_error", number_or_null(r.per_tensor_error)},
                       {"per_channel_error", number_or_null(r.per_channel_error)},
                       {"reduction", number_or_null(r.reduction)}});
  for (const layer_ranking& r : d.rankings)
    rankings[r.by] = r.layers;
  return {{"cache", d.cache},
          {"sites", std::move(sites)},
          {"proxy_reduction_by_layer", std::move(proxies)},
          {"rankings", std::move(rankings)}};
}

inline report_json to_json(const aligned_budget& b, const std::optional<judge_error>& judge = {}) {
  const auto plan = [](const budgeted_plan& p) -> report_json {
    return {{"plan", p.plan.name()},
            {"bytes", p.bytes},
            {"predicted_cost", number_or_null(p.predicted)},
            {"measured_cost", detail::optional_json(p.measured)}};
  };
  report_json uniform = report_json::array(), measured = report_json::array();
  for (const budgeted_plan& p : b.found.uniform)
    uniform.push_back(plan(p));
  for (const measured_cache& m : b.uniform)
    measured.push_back(to_json(m, judge));
  return {{"bytes", b.found.bytes},
          {"tokens", b.found.tokens},
          {"exact", b.found.exact},
          {"bound", number_or_null(b.found.bound)},
          {"searched", plan(b.found.searched)},
          {"uniform", std::move(uniform)},
          {"chosen", to_json(b.chosen, judge)},
          {"uniform_within_budget", std::move(measured)}};
}

/// The whole report of `align`.  What has no value is null.
inline report_json to_json(const alignment_result& a) {
  const auto rows = [](const auto& list) {
    report_json out = report_json::array();
    for (const auto& one : list)
      out.push_back(to_json(one));
    return out;
  };
  const std::optional<judge_error>& judge = a.settings.judge;
  const auto caches = [&](const std::vector<measured_cache>& list) {
    report_json out = report_json::array();
    for (const measured_cache& one : list)
      out.push_back(to_json(one, judge));
    return out;
  };
  report_json out{{"format", "qfa-alignment-1"}, {"version", version}};
  out["settings"] = {{"sweep_bits", a.settings.bits},
                     {"mechanism_bits", a.settings.mechanism_bits},
                     {"group", a.settings.group},
                     {"block", a.settings.block},
                     {"seed", a.settings.seed},
                     {"thresholds",
                      {{"pcr_low", a.settings.tree.low},
                       {"pcr_high", a.settings.tree.high},
                       {"layer_flip", a.settings.tree.layer_flip},
                       {"few_layers", a.settings.tree.few_layers},
                       {"onset", a.settings.thresholds.onset},
                       {"collapse", a.settings.thresholds.collapse},
                       {"complete", a.settings.thresholds.complete},
                       {"posterior", a.settings.posterior.needed}}}};
  if (judge) out["settings"]["judge"] = {{"sensitivity", judge->sensitivity}, {"specificity", judge->specificity}};
  out["warnings"] = a.warnings;
  out["reference"] = to_json(a.reference, judge);
  out["sweep"] = {{"rows", caches(a.sweep.rows)},
                  {"noise_of_that_size", caches(a.sweep.floors)},
                  {"by_rate", detail::onset_json(a.sweep.published)},
                  {"by_lower_bound", detail::onset_json(a.sweep.confirmed)},
                  {"fitted_onset", detail::fitted_onset_json(a.sweep.fitted)}};
  out["caches"] = caches(a.others);
  out["layers"] = {{"split", prompt_split_names[static_cast<std::size_t>(a.layers_chosen_on)]},
                   {"prompts", a.choosing_prompts},
                   {"flips", rows(a.layers.flips)},
                   {"critical", a.layers.critical},
                   {"worst", a.layers.worst},
                   {"pattern", layer_pattern_names[static_cast<std::size_t>(a.layers.pattern)]}};
  const auto lifetimes = [](const std::vector<grain_reduction>& of_each) {
    report_json list = report_json::array();
    for (const grain_reduction& r : of_each)
      list.push_back(detail::reduction_json(r));
    return list;
  };
  out["geometry"] = {{"layer", a.geometry.layer},
                     {"prompts", a.counted_prompts},
                     {"scaled_tokens", a.geometry.scaled_tokens},
                     {"per_channel_reduction", lifetimes(a.geometry.per_channel)},
                     {"against_random_groups", detail::reduction_json(a.geometry.direction)},
                     {"group_reduction", lifetimes(a.geometry.groups)},
                     {"outlier_channels", a.geometry.outliers},
                     {"outlier_flips", to_json(a.geometry.outlier_flips)},
                     {"random_flips", to_json(a.geometry.random_flips)},
                     {"causal_ratio", number_or_null(a.geometry.causal)}};
  report_json probabilities, ranges = report_json::array();
  for (std::size_t m = 0; m < failure_mode_names.size(); ++m)
    probabilities[std::string(failure_mode_names[m])] = a.found.posterior.probability[m];
  for (const failure_mode m : a.found.published)
    ranges.push_back(std::string(name(m)));
  out["diagnosis"] = {
      {"mode", detail::mode_json(a.found.mode)},
      {"verdict",
       a.found.posterior.verdict ? detail::mode_json(a.found.posterior.verdict) : report_json("undetermined")},
      {"probability", std::move(probabilities)},
      {"published_ranges_hold", std::move(ranges)},
      {"geometry_agrees", a.found.geometry_agrees},
      {"prescription", a.found.mode ? report_json(std::string(prescription(*a.found.mode))) : report_json(nullptr)},
      {"test_per_channel", detail::reduction_json(a.test_per_channel)},
      {"test_groups", detail::reduction_json(a.test_groups)},
      {"foretold", a.foretold ? report_json(*a.foretold) : report_json(nullptr)}};
  out["directions"] = a.directions ? to_json(*a.directions) : report_json(nullptr);
  report_json list = report_json::array();
  for (const verified_mitigation& m : a.verified.rows) {
    report_json row{{"strategy", m.what.strategy},
                    {"plan", m.what.plan},
                    {"for_mode", detail::mode_json(m.what.fits)},
                    {"prescribed", m.prescribed},
                    {"baseline", m.what.baseline},
                    {"flip_recovery", detail::taken_back_json(m.recovered.value, m.recovered.interval,
                                                              "the unprotected cache flips nothing")},
                    {"refusal_recovery", number_or_null(m.refusals_recovered)},
                    {"overhead_bytes", m.overhead ? number_or_null(m.overhead->bytes) : report_json(nullptr)},
                    {"overhead", m.overhead ? number_or_null(m.overhead->relative) : report_json(nullptr)},
                    {"measured", to_json(m.measured, judge)}};
    list.push_back(std::move(row));
  }
  out["mitigations"] = {
      {"bits", a.verified.bits}, {"unprotected", to_json(a.verified.unprotected, judge)}, {"rows", std::move(list)}};
  return out;
}

}  // namespace qfa

#endif
