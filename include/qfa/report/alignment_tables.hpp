// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_ALIGNMENT_TABLES_HPP
#define QFA_REPORT_ALIGNMENT_TABLES_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/alignment/align.hpp"
#include "qfa/alignment/align_budget.hpp"
#include "qfa/alignment/align_directions.hpp"
#include "qfa/alignment/decision_tree.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/mitigation.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

inline std::string of_trials(const proportion& p) { return std::to_string(p.hits) + "/" + std::to_string(p.trials); }
inline std::string bounds_text(const bounds& b, int decimals, double unit = 1.0) {
  if (!std::isfinite(b.lower) && !std::isfinite(b.upper)) return "";
  return "[" + fixed(unit * b.lower, decimals) + ", " + fixed(unit * b.upper, decimals) + "]";
}
/// Nothing of what has no value: half a flip added to none would give an interval all the same.
inline std::string bounds_of(double value, const bounds& b) { return std::isnan(value) ? "" : bounds_text(b, 2); }
inline std::string bits_text(const std::optional<double>& bits) {
  return fixed(bits.value_or(std::numeric_limits<double>::quiet_NaN()), 2);
}
inline std::string layers_text(std::span<const std::size_t> layers) {
  std::string out;
  for (const std::size_t l : layers)
    out += (out.empty() ? "" : ", ") + std::to_string(l);
  return out.empty() ? "none" : out;
}

inline std::vector<std::string> behavior_head(std::string what, const std::optional<judge_error>& judge) {
  std::vector<std::string> head{std::move(what), "KV bits", "PPL ratio", "flips", "%", "95 %"};
  if (judge) head.insert(head.end(), {std::string("corrected %"), std::string("95 %")});
  head.insert(head.end(), {"over-refused", "net %", "McNemar p", "garbled"});
  return head;
}
inline std::vector<std::string> behavior_row(const measured_cache& m, const std::optional<judge_error>& judge) {
  const flip_summary of_harmful = summarize(m.harmful), all = summarize(m.all());
  const proportion& flips = of_harmful.conditional;
  std::vector<std::string> row{
      m.name,           bits_text(m.bits_per_element),   fixed(m.perplexity_ratio, 4),
      of_trials(flips), fixed(100.0 * flips.value(), 1), bounds_text(flips.interval(), 1, 100.0)};
  if (judge) {
    const corrected_flip behind = corrected(flips, *judge);
    row.insert(row.end(), {fixed(100.0 * behind.value, 1), bounds_text(behind.interval, 1, 100.0)});
  }
  row.insert(row.end(), {of_trials(summarize(m.harmless).reverse), fixed(100.0 * all.net, 1), fixed(all.mcnemar, 4),
                         of_trials(all.garbled)});
  return row;
}

}  // namespace detail

/// What perplexity hides: conditional flips of harmful prompts with their Wilson interval, harmless prompts that are
/// refused now (of those that were answered), net flips over all prompts, McNemar's exact p, and garbled output, beside
/// the perplexity ratio.  Where the judge's errors are known, the flips behind what he counted.  Below each cache of
/// the sweep stands noise of the same size.
inline std::string behavior_table(const alignment_result& a) {
  const std::optional<judge_error>& judge = a.settings.judge;
  text_table table(detail::behavior_head("cache", judge));
  table.add(detail::behavior_row(a.reference, judge));
  for (std::size_t i = 0; i < a.sweep.rows.size(); ++i) {
    table.add(detail::behavior_row(a.sweep.rows[i], judge));
    std::vector<std::string> floor = detail::behavior_row(a.sweep.floors[i], judge);
    floor.front() = "  noise of that size";
    floor[1].clear();
    table.add(std::move(floor));
  }
  for (const measured_cache& m : a.others)
    table.add(detail::behavior_row(m, judge));
  return table.str() + without_interval("PPL ratio, over-refused, net %, garbled");
}

/// Each layer quantized alone.
inline std::string layers_table(const alignment_result& a) {
  text_table table({"layer alone", "flips", "%", "95 %"});
  for (std::size_t l = 0; l < a.layers.flips.size(); ++l) {
    const proportion& p = a.layers.flips[l];
    table.add({std::to_string(l), detail::of_trials(p), fixed(100.0 * p.value(), 1),
               detail::bounds_text(p.interval(), 1, 100.0)});
  }
  return table.str();
}

/// What a finer grain takes back at the critical layer, and in all.
inline std::string reductions_table(const alignment_result& a) {
  text_table table({"reduction", "scales", "coarse", "fine", "both", "value", "95 %"});
  const auto add = [&](const std::string& what, const grain_reduction& r) {
    table.add({what, std::to_string(r.scales[0]) + " v " + std::to_string(r.scales[1]),
               detail::of_trials(r.counts.coarse()), detail::of_trials(r.counts.fine()), std::to_string(r.counts.both),
               fixed(r.estimate.value, 2), detail::bounds_of(r.estimate.value, r.estimate.interval)});
  };
  const auto add_each = [&](const std::string& what, const std::vector<grain_reduction>& of_each) {
    for (const grain_reduction& r : of_each)
      add(what + ", scales by " + std::string(scale_lifetime_names[static_cast<std::size_t>(r.lifetime)]), r);
  };
  add_each("PCR", a.geometry.per_channel);
  add("PCR_dir, against random groups", a.geometry.direction);
  add_each("groups, all layers", a.geometry.groups);
  add("PCR, all layers, test prompts", a.test_per_channel);
  add("groups, all layers, test prompts", a.test_groups);
  return table.str() + "scales: of one layer's keys, and as many of its values, of a prompt of " +
         std::to_string(a.geometry.scaled_tokens) + " tokens in one call, under the coarser and the finer grain\n";
}

/// What each mitigation gave back on the test prompts, and what it costs.
inline std::string mitigations_table(const alignment_result& a) {
  text_table table({"mitigation", "flips", "R1", "95 %", "R2", "PPL ratio", "KV bits", "overhead %"});
  const auto flips = [](const measured_cache& m) { return detail::of_trials(summarize(m.harmful).conditional); };
  const measured_cache& base = a.verified.unprotected;
  table.add({base.name, flips(base), "", "", "", fixed(base.perplexity_ratio, 4),
             detail::bits_text(base.bits_per_element), ""});
  for (const verified_mitigation& m : a.verified.rows)
    table.add({(m.prescribed ? "> " : "  ") + m.what.strategy + (m.what.baseline ? " (baseline)" : ""),
               flips(m.measured), fixed(m.recovered.value, 2),
               detail::bounds_of(m.recovered.value, m.recovered.interval), fixed(m.refusals_recovered, 2),
               fixed(m.measured.perplexity_ratio, 4), detail::bits_text(m.measured.bits_per_element),
               m.overhead ? signed_fixed(100.0 * m.overhead->relative, 1) : "-"});
  return table.str() + without_interval("R2, PPL ratio");
}

/// How the protected cache hits the directions behind refusals, all heads together: qfa's own three readings of
/// vulnerability, the direction's percentile among permuted labels by the first, detection before and after, and the
/// direction found again, whose ceiling is the cosine of the reference's two halves.
inline std::string directions_table(const aligned_directions& d) {
  text_table table({"direction under " + d.cache, "V_rel", "V_conc", "V_marg", "pctl", "bias", "d'", "d' comp.",
                    "sign flips", "AUROC", "AUROC comp.", "TPR", "TPR comp.", "recentered", "cosine", "ceiling"});
  for (const direction_finding& f : d.found.sites) {
    if (f.site.head) continue;
    const vulnerability_ratios& v = f.vulnerable.direction.all;
    table.add(
        {name_of(f.site), fixed(v.relative, 3), fixed(v.concentration, 3), fixed(v.margin, 3),
         fixed(f.vulnerable.among_permuted.relative, 0), fixed(f.bias_share(), 2), fixed(f.detection.d_reference, 2),
         fixed(f.detection.d_compressed, 2), detail::of_trials(f.detection.sign_flips), fixed(f.probe.auroc.value, 3),
         fixed(f.probe.frozen.auroc, 3), fixed(f.probe.true_positives, 2), fixed(f.probe.frozen.true_positives, 2),
         fixed(f.probe.recentered.true_positives, 2), fixed(f.stability.cosine, 4), fixed(f.stability.split_half, 4)});
  }
  std::string out =
      table.str() + without_interval("all of these") + "stand-in for PCR from keys alone (qfa's own), by layer:";
  for (std::size_t l = 0; l < d.proxies.size(); ++l)
    out += (l == 0 ? " " : ", ") + std::to_string(l) + ": " + fixed(d.proxies[l].reduction, 2);
  return out + "\n";
}

/// What was chosen within a budget, and what it and the uniform plans come to on the test prompts.
inline std::string budget_text(const aligned_budget& b, const std::optional<judge_error>& judge = {}) {
  text_table table(detail::behavior_head("within the budget, on the test prompts", judge));
  table.add(detail::behavior_row(b.chosen, judge));
  for (const measured_cache& m : b.uniform)
    table.add(detail::behavior_row(m, judge));
  return b.found.text() + table.str() + without_interval("PPL ratio, over-refused, net %, garbled");
}

/// The bits at which the fitted curve has the rate of an onset, or why there are none.
inline std::string fitted_onset_text(const fitted_onset& f, double rate) {
  const std::string what = "fitted over all bits, " + fixed(100.0 * rate, 0) + " % of refusals flip at: ";
  if (!f.bits) return what + "unknown, since " + std::string(f.reason.empty() ? "nothing was fitted" : f.reason) + "\n";
  const auto end = [](double bits) { return std::isfinite(bits) ? fixed(bits, 2) : std::string("open"); };
  return what + fixed(*f.bits, 2) + " bits [" + end(f.interval.lower) + ", " + end(f.interval.upper) + "]" +
         (f.extrapolated ? ", beyond the bits of the sweep" : "") + "\n";
}

/// Diagnosis and prescription in words.
inline std::string diagnosis_text(const alignment_result& a) {
  const auto onset = [](const std::optional<double>& bits) { return bits ? fixed(*bits, 0) + " bits" : "never"; };
  std::string out;
  const proportion refused{a.reference.harmful.reference(verdict::refused), a.reference.harmful.prompts()},
      over{a.reference.harmless.reference(verdict::refused), a.reference.harmless.prompts()};
  out += "the reference refuses " + detail::of_trials(refused) + " harmful and " + detail::of_trials(over) +
         " harmless test prompts\n";
  out += "flips begin: " + onset(a.sweep.published.onset) + " (rate), " + onset(a.sweep.confirmed.onset) +
         " (lower bound); collapse: " + onset(a.sweep.published.collapse) + " (rate), " +
         onset(a.sweep.confirmed.collapse) + " (lower bound)\n";
  out += fitted_onset_text(a.sweep.fitted, a.settings.thresholds.onset);
  out += "critical layers: " + detail::layers_text(a.layers.critical) + " (" +
         std::string(layer_pattern_names[static_cast<std::size_t>(a.layers.pattern)]) + "), by " +
         std::to_string(a.choosing_prompts) + " prompts of the split " +
         std::string(prompt_split_names[static_cast<std::size_t>(a.layers_chosen_on)]) + "\n";
  out += "outlier channels of layer " + std::to_string(a.geometry.layer) + ": " +
         detail::layers_text(a.geometry.outliers) + "; quantized alone they flip " +
         detail::of_trials(a.geometry.outlier_flips) + ", as many others " +
         detail::of_trials(a.geometry.random_flips) + " (causal ratio " + fixed(a.geometry.causal, 2) +
         ", unmeasured)\n";
  if (!a.found.mode) {
    out += "diagnosis: undetermined, since one scale for the critical layer flips nothing\n";
    return out;
  }
  const auto& posterior = a.found.posterior;
  out += "diagnosis: " + std::string(name(*a.found.mode)) + " (PCR " + fixed(a.geometry.published().estimate.value, 2) +
         " from " + std::to_string(a.counted_prompts) + " prompts); " +
         (posterior.verdict ? "certain enough: P = " + fixed(posterior.of(*posterior.verdict), 2)
                            : std::string("undetermined: no mode is as likely as it must be")) +
         "\n  ";
  for (std::size_t m = 0; m < failure_mode_names.size(); ++m)
    out += (m == 0 ? "P(" : ", P(") + std::string(failure_mode_names[m]) + ") = " + fixed(posterior.probability[m], 2);
  out += "\n  published ranges that hold its PCR and group reduction: ";
  for (std::size_t i = 0; i < a.found.published.size(); ++i)
    out += (i == 0 ? "" : ", ") + std::string(name(a.found.published[i]));
  out += a.found.published.empty() ? "none\n" : "\n";
  if (a.foretold)
    out += "the calibration prompts " + std::string(*a.foretold ? "foretold" : "did not foretell") +
           " on which side of 30 % PCR lies on the test prompts\n";
  out += "prescription: " + std::string(prescription(*a.found.mode)) + "\n";
  for (const verified_mitigation& m : a.verified.rows)
    if (m.prescribed)
      out += "verified: R1 = " + fixed(m.recovered.value, 2) + " " + detail::bounds_text(m.recovered.interval, 2) +
             " on " + std::to_string(m.counts.prompts()) + " refused test prompts" +
             (m.overhead ? ", for " + signed_fixed(100.0 * m.overhead->relative, 1) + " % memory" : std::string()) +
             ", by " + m.what.plan + "\n";
  return out;
}

}  // namespace qfa

#endif
