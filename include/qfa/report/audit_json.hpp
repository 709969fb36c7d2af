// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_AUDIT_JSON_HPP
#define QFA_REPORT_AUDIT_JSON_HPP

#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "qfa/audit/result.hpp"
#include "qfa/report/damage_classes.hpp"
#include "qfa/report/damage_json.hpp"
#include "qfa/report/json_prediction.hpp"
#include "qfa/report/json_values.hpp"
#include "qfa/report/ladder_json.hpp"
#include "qfa/report/meaning_json.hpp"
#include "qfa/report/published_notes.hpp"
#include "qfa/version.hpp"

namespace qfa {

inline report_json to_json(const audited_text& t) {
  return {{"tokenizer", t.tokenizer}, {"kind", t.kind},     {"crc32", t.checksum},
          {"documents", t.documents}, {"document", t.cut},  {"separator", t.separator},
          {"bytes", t.bytes},         {"tokens", t.tokens}, {"replaced_documents", t.replaced}};
}

/// Whether groups of rows that are too short were joined (audit/long_groups.hpp).
inline report_json to_json(const group_halving& h) {
  return {{"groups_before", h.from},
          {"groups", h.to},
          {"block_length", value_or_reason(h.block_length, "no series of any policy has one")},
          {"policy", h.policy.empty() ? report_json(nullptr) : report_json(h.policy)},
          {"series", h.series.empty() ? report_json(nullptr) : report_json(h.series)},
          {"groups_long_enough", h.long_enough},
          {"groups_for_halves", h.for_halves}};
}

/// How a report was made.
inline report_json to_json(const audit_protocol& p) {
  report_json inputs = report_json::array();
  for (const input_file& file : p.inputs) {
    inputs.push_back({{"path", file.path}, {"bytes", file.bytes}, {"crc32", file.checksum}});
    if (!file.role.empty()) inputs.back()["role"] = file.role;
  }
  report_json checkpoints = report_json::array();
  for (const audited_checkpoint& c : p.checkpoints)
    checkpoints.push_back({{"policy", c.condition}, {"path", c.path}, {"quantization", c.quantization}});
  return {{"library", std::string("qfa ") + version},
          {"headline", p.rules},
          {"source", p.source},
          {"hook", p.hook},
          {"gate", p.gate.empty() ? report_json(nullptr) : report_json(p.gate)},
          {"rows", p.rows},
          {"context", p.context},
          {"tokens", p.tokens},
          {"analyzed_tokens", p.analyzed_tokens},
          {"dropped_tokens", p.dropped_tokens},
          {"groups", p.groups},
          {"groups_of", p.documents > 0 ? "documents" : "rows"},
          {"group_halving", p.halving ? to_json(*p.halving) : report_json(nullptr)},
          {"prepend_bos", p.prepend_bos},
          {"bos_added", p.bos_added},
          {"skip_positions", p.skip_positions},
          {"processing", p.processing},
          {"order", p.order},
          {"fused", p.fused},
          {"targets", p.targets},
          {"calibration", p.calibration.empty() ? report_json(nullptr) : report_json(p.calibration)},
          {"calibration_tokens", p.calibration_tokens},
          {"architecture", p.architecture},
          {"model_dtype", p.model_dtype},
          {"loss", p.loss},
          {"fold_seed", p.fold_seed},
          {"simd", p.simd},
          {"checkpoints", std::move(checkpoints)},
          {"inputs", std::move(inputs)},
          {"text", p.text ? to_json(*p.text) : report_json(nullptr)},
          {"warnings", p.warnings}};
}

inline report_json to_json(const sae_fit& fit) {
  return {{"fvu", number_or_null(fit.fvu)},
          {"l0", number_or_null(fit.l0)},
          {"fvu_interval", to_json(fit.fvu_range)},
          {"l0_interval", to_json(fit.l0_range)},
          {"dead_share", number_or_null(fit.dead_share)},
          {"explained_variance", number_or_null(fit.explained_variance)},
          {"explained_variance_legacy", number_or_null(fit.explained_variance_legacy)}};
}

namespace detail {

inline report_json losses_json(const loss_summary& l) {
  report_json out{{"loss", number_or_null(l.loss)},
                  {"perplexity", number_or_null(l.perplexity)},
                  {"excess_loss", to_json(l.excess_loss)},
                  {"perplexity_ratio", to_json(l.perplexity_ratio)},
                  {"improves_perplexity", l.improves()},
                  {"kl", to_json(l.kl)},
                  {"top1_agreement", to_json(l.top1_agreement)}};
  out["loss_interval"] = to_json(l.mean_loss.range);
  out["perplexity_interval"] = to_json(l.mean_perplexity.range);
  out["row_dependence"] = to_json(l.groups, "under 16 rows, or rows do not differ in excess loss");
  out["half_as_many_groups"] = {{"excess_loss", to_json(l.excess_halved)}, {"kl", to_json(l.kl_halved)}};
  if (l.by_token) {
    const auto numbers = [](std::span<const double> all) {
      report_json list = report_json::array();
      for (const double x : all)
        list.push_back(number_or_null(x));
      return list;
    };
    out["by_token"] = {{"tokens", l.by_token->tokens},
                       {"intervals", "unmeasured"},
                       {"relative_error_at_most", signed_histogram::relative_error},
                       {"percentiles", numbers(listed_percentiles)},
                       {"excess_loss", numbers(l.by_token->excess_loss)},
                       {"kl", numbers(l.by_token->kl)}};
  }
  if (std::isfinite(l.batch_loss)) out["batch_mean_loss"] = l.batch_loss;
  return out;
}

inline report_json first_position_json(const first_position& f) {
  return {{"position", f.position},
          {"norm", number_or_null(f.norm)},
          {"norm_elsewhere", number_or_null(f.norm_elsewhere)},
          {"norm_at_0", number_or_null(f.norm_at_0)},
          {"fvu", number_or_null(f.fvu)},
          {"flip_share", value_or_reason(f.flip_share, "no firing came or went")},
          {"shift_share", value_or_reason(f.shift_share, "needs both models' activations at once (--paired)")}};
}

inline report_json match_json(const pruning_match& m) {
  report_json trials = report_json::array();
  for (const auto& [sparsity, value] : m.trials)
    trials.push_back({sparsity, number_or_null(value)});
  return {{"matched_to", m.matched_to},
          {"method", m.method},
          {"target", number_or_null(m.target)},
          {"reference", number_or_null(m.reference)},
          {"reached", number_or_null(m.reached)},
          {"sparsity", m.sparsity},
          {"rows", m.rows},
          {"same_rows_as_reported", m.same_rows},
          {"within_tolerance", m.within_tolerance},
          {"tolerance", m.tolerance ? report_json(*m.tolerance) : report_json(nullptr)},
          {"across", m.across},
          {"trials", std::move(trials)}};
}

inline report_json equal_loss_json(const equal_loss_damage& d) {
  report_json out{{"nearest", d.nearest},
                  {"across", d.across},
                  {"place", number_or_null(d.place)},
                  {"sparsity", number_or_null(d.sparsity)},
                  {"extrapolated", d.extrapolated()},
                  {"counted", d.counted},
                  {"survived", to_json(d.survived)},
                  {"policy_survives_more_by", to_json(d.more_survived)},
                  {"mean_r", to_json(d.mean_r)},
                  {"policy_mean_r_more_by", to_json(d.more_mean_r)}};
  if (!d.reason.empty()) out["reason"] = d.reason;
  return out;
}

inline report_json bits_json(const std::optional<double>& bits) {
  return value_or_reason(bits.value_or(std::numeric_limits<double>::quiet_NaN()),
                         "neither the policy nor the model's files say, or conditions differ in their targets");
}

inline report_json distortion_json(const std::string& name, const distortion& d, const std::optional<double>& bits) {
  return {{"name", name},
          {"weights", d.count()},
          {"bits_per_weight", bits_json(bits)},
          {"sqnr_db", value_or_reason(d.sqnr(), "nothing changed, or all weights are zero")},
          {"relative_frobenius_error", number_or_null(d.relative_frobenius_error())},
          {"cosine", number_or_null(d.cosine())},
          {"zeroed_share", number_or_null(d.zeroed_share())},
          {"worst_error", d.worst().error}};
}

}  // namespace detail

inline report_json to_json(const condition_result& c) {
  report_json out{{"policy", c.policy}, {"reference", c.reference}};
  // Of a model, whose weights are known.
  if (c.loss || c.bits_per_weight || !c.tensors.empty()) out["bits_per_weight"] = detail::bits_json(c.bits_per_weight);
  if (c.loss) out["loss"] = detail::losses_json(*c.loss);
  out["sae_fit"] = to_json(c.fit);
  out["first_position"] = detail::first_position_json(c.first);
  if (c.shift) out["shift"] = to_json(*c.shift);
  if (c.tokens) out["tokens"] = to_json(*c.tokens);
  if (c.code_groups)
    out["code_dependence"] = to_json(*c.code_groups, "under 16 rows, or rows do not differ in the codes' cosine");
  out["published"] = to_json(c.by_published);
  out["honest"] = to_json(c.by_honest);
  std::size_t dead = 0, born = 0;
  for (const feature_summary& f : c.features)
    dead += f.dead, born += f.born;
  out["flip_share"] = to_json(c.flip_share);
  if (std::isnan(c.flip_share.value))
    out["flip_share"]["reason"] = c.by_honest.counted.empty() ? "no feature is counted" : "nothing changed";
  out["dead"] = dead;
  out["born"] = born;
  // The same for all of them: none of as many tokens shows a firing.
  out["dead_rate_at_most"] = value_or_reason(
      dead > 0 ? unseen_rate_bound(c.features.front().tokens) : std::numeric_limits<double>::quiet_NaN(),
      "no feature is dead");
  const auto classes = count_damage_classes(c);
  for (std::size_t i = 0; i < classes.size(); ++i)
    out["damage_classes"][std::string(damage_class_names[i])] = classes[i];
  if (!c.reference) {
    out["worst_features"] = to_json(c.worst);
    out["prediction_published"] = to_json(c.published_auc);
    out["prediction_honest"] = to_json(c.honest_auc);
    out["prediction_honest"]["baseline_auc"] = to_json(c.baseline_auc);
  }
  if (c.meaning) out["meaning"] = to_json(*c.meaning);
  if (c.cache)
    out["cache"] = {{"name", c.cache->name},
                    {"first_call_tokens", c.cache->first_call},
                    {"calls", c.cache->calls},
                    {"bits_per_element",
                     value_or_reason(c.cache->bits_per_element.value_or(std::numeric_limits<double>::quiet_NaN()),
                                     "the policy does not say")}};
  if (c.match) out["pruning_match"] = detail::match_json(*c.match);
  if (c.at_equal_loss) out["at_equal_loss"] = detail::equal_loss_json(*c.at_equal_loss);
  if (c.effective) out["effective_bits"] = to_json(*c.effective);
  if (c.ladder_only) out["ladder_only"] = true;
  if (!c.tensors.empty()) {
    distortion all;
    report_json tensors = report_json::array();
    for (const compressed_tensor& t : c.tensors) {
      all += t.change;
      tensors.push_back(detail::distortion_json(t.info.name, t.change, bits_per_weight({&t, 1})));
      if (!t.policy.empty()) tensors.back()["policy"] = t.policy;
    }
    out["distortion"] = detail::distortion_json("all", all, c.bits_per_weight);
    out["tensors"] = std::move(tensors);
  }
  return out;
}

/// How an audit was made, and what its published numbers hang on: stands at the top of report.json and, line by line,
/// of features.csv, which both have published numbers beside the honest ones.
inline report_json protocol_json(const audit_result& a) {
  report_json out = to_json(a.made);
  out["published"] = published_notes_json(a);
  return out;
}

/// The whole report, format "qfa-report-1" (examples/docs/schemas).  What has no value is null, with a reason beside it
/// where that is not plain.
inline report_json to_json(const audit_result& a) {
  report_json out{{"format", "qfa-report-1"}};
  out["protocol"] = protocol_json(a);
  out["sae"] = {{"format", a.sae.format},
                {"activation", activation_names[static_cast<std::size_t>(a.activation)]},
                {"d_in", a.d_in},
                {"d_sae", a.d_sae},
                {"model_name", a.sae.model_name},
                {"dtype", a.sae.dtype},
                {"checksum", a.sae_checksum}};
  if (a.sae.neuronpedia_id) out["sae"]["neuronpedia_id"] = *a.sae.neuronpedia_id;
  out["note"] =
      "survival is comparable only between audits with the same kind of SAE: a gate turns noise into flips "
      "(ReLU: noise-to-signal falls by 4 a bit; JumpReLU and TopK: by about 2)";
  report_json conditions = report_json::array();
  for (const condition_result& c : a.conditions)
    conditions.push_back(to_json(c));
  out["conditions"] = std::move(conditions);
  if (a.ladder) out["ladder"] = to_json(*a.ladder, a);
  const auto overlaps = [](const std::vector<damage_overlap>& all) {
    report_json list = report_json::array();
    for (const damage_overlap& o : all)
      list.push_back(to_json(o));
    return list;
  };
  out["overlaps"] = {{"published", overlaps(a.published_overlaps)}, {"honest", overlaps(a.honest_overlaps)}};
  return out;
}

}  // namespace qfa

#endif
