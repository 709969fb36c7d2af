// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_CONCLUDE_HPP
#define QFA_AUDIT_CONCLUDE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/fit_intervals.hpp"
#include "qfa/audit/prediction.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/meaning/findings.hpp"
#include "qfa/model/cached_pass.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/match_pruning.hpp"
#include "qfa/predict/noise_baseline.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// Refuses a condition's name that is empty or among `taken`: reports tell conditions apart by it.
inline void check_condition_name(const std::string& name, std::span<const std::string> taken) {
  require(!name.empty(), "a condition needs a name, by which reports tell it apart");
  if (std::ranges::find(taken, name) != taken.end())
    fail("a condition of this audit is called \"" + name + "\" already, expected another name");
}

/// What a report says of a pruning whose sparsity was searched for on `rows` rows: with a tolerance, other rows than
/// the reported ones.
inline pruning_match describe_match(const sparsity_match& found, std::string matched_to, std::string method,
                                    double target, std::size_t rows, std::optional<double> tolerance) {
  pruning_match out{.matched_to = std::move(matched_to),
                    .method = std::move(method),
                    .target = target,
                    .reached = found.best.value,
                    .sparsity = found.best.sparsity,
                    .rows = rows,
                    .same_rows = !tolerance,
                    .within_tolerance = found.within_tolerance,
                    .tolerance = tolerance,
                    .trials = {}};
  for (const sparsity_trial& trial : found.trials)
    out.trials.emplace_back(trial.sparsity, trial.value);
  return out;
}

/// The pruning to be run besides one that is matched in nats: at the sparsity from the target's other side, of those
/// that its search visited.
inline std::optional<pruning_match> other_side(const pruning_match& nearest) {
  sparsity_match visited{.best = {nearest.sparsity, nearest.reached}};
  for (const auto& [sparsity, value] : nearest.trials)
    visited.trials.push_back({sparsity, value});
  const std::optional<sparsity_trial> found =
      across(visited, nearest.target, (std::max)(nearest.target - nearest.reference, 0.0));
  if (!found) return std::nullopt;
  pruning_match out = nearest;
  out.sparsity = found->sparsity;
  out.reached = found->value;
  out.within_tolerance = nearest.tolerance && std::fabs(found->value - nearest.target) <= *nearest.tolerance;
  out.across = true;
  return out;
}

/// What a report says of caches through which rows of `context` tokens pass.  Throws where the plan is of another model
/// or hides its policies in one call.
inline audited_cache describe_cache(const cache_use& cache, const model_config& config, std::size_t context) {
  check_layers(cache.plan, config.layers);
  const std::vector<std::size_t> calls = calls_of(cache.schedule, cache.plan, context);
  audited_cache out{.name = cache.plan.name(), .first_call = calls.empty() ? 0 : calls.front(), .calls = calls.size()};
  const cache_info shape = cache_shape(config);
  if (const std::optional<double> bits = cache.plan.stored_bits(context, shape))
    out.bits_per_element = *bits / (2.0 * static_cast<double>(context * shape.width() * shape.layers));
  return out;
}

/// What a process that makes no report of a condition knows of it.
inline condition_result name_and_losses(const pass_record& record, std::size_t batch_rows = 0) {
  condition_result out;
  out.policy = record.name;
  out.reference = !record.pair;
  if (record.losses.empty()) return out;
  out.loss = summarize_losses(record.losses, record.groups, batch_rows);
  if (!out.reference) out.loss->by_token = record.spread.percentiles();
  return out;
}

/// Turns the record of a condition's whole pass into what is reported of it: the survey under both protocols, every
/// feature's statistics, losses, and whether survival was foreseeable.  `reference` is the reference's record, and
/// `record` may be that itself.  `batch_rows` as `summarize_losses` takes it, `logit_lengths` as `take_survey`.  Throws
/// where rows are missing.
inline condition_result conclude(const pass_record& record, const pass_record& reference, const sae& dictionary,
                                 std::size_t batch_rows = 0, const prediction_options& options = {},
                                 std::span<const double> logit_lengths = {}) {
  if (!record.complete()) fail("the activations of \"" + record.name + "\" end before the last block of rows");
  condition_result out = name_and_losses(record, batch_rows);
  out.fit = record.side.fit();
  out.fit.fvu_range = record.side.fvu().range;
  out.fit.l0_range = estimate_l0(record.table).range;
  out.first = record.side.first(record.skip_positions);
  if (record.pair) out.first.flip_share = record.pair->first_flip_share();
  if (record.shift) {
    out.shift = account_for_shift(*record.shift, record.table, reference.side.energies(),
                                  {dictionary.w_dec.data(), dictionary.d_sae, dictionary.d_in});
    out.first.shift_share = out.shift->first_position_share();
  }
  if (record.tokens) out.tokens = account_for_tokens(*record.tokens);
  out.tensors = record.tensors;
  out.bits_per_weight = bits_per_weight(record.tensors);
  out.match = record.match;
  out.cache = record.cache;
  const std::vector<float> norms = decoder_norms(dictionary);
  out.by_published = take_survey(record.table, published, norms, 0.95, logit_lengths);
  out.by_honest = take_survey(record.table, honest, norms, 0.95, logit_lengths);
  out.flip_share = estimate_flip_share(record.table, out.by_honest.counted);
  out.features.resize(record.table.width());
  parallel_for((out.features.size() + 255) / 256, [&](std::size_t block) {
    for (std::size_t f = block * 256; f < (std::min)(out.features.size(), (block + 1) * 256); ++f)
      out.features[f] = summarize(record.table, f);
  });
  if (out.reference) return out;
  out.code_groups = check_group_length(record.groups, record.cosines);
  out.worst = find_worst_features(record.table, out.by_honest);
  out.published_auc = predict_published(record.table, out.by_published, options);
  out.honest_auc = predict_honest(record.table, out.by_honest, options);
  out.baseline_auc = baseline_auc(record.table, out.by_honest,
                                  encoder_norms_squared(dictionary.w_enc, dictionary.d_in, dictionary.d_sae));
  return out;
}

/// What became of the features' meanings, where both records know: of those that the honest protocol counts.
inline std::optional<meaning_findings> conclude_meaning(const pass_record& record, const feature_audit& features,
                                                        const condition_result& known) {
  const std::optional<meaning_record>& reference = features.reference().meaning;
  if (!record.meaning || !record.meaning->pair || !reference || features.relations() == nullptr) return std::nullopt;
  std::vector<std::uint8_t> measured;
  for (const outcome o : known.by_honest.outcomes)
    measured.push_back(o != outcome::unmeasured);
  return find_meanings(reference->side, *record.meaning, *features.relations(), known.features, measured);
}

/// The same with what the features mean, where the audit gathers it.
inline condition_result conclude(const pass_record& record, const feature_audit& features, std::size_t batch_rows = 0,
                                 std::span<const double> logit_lengths = {}) {
  condition_result out = conclude(record, features.reference(), features.dictionary(), batch_rows,
                                  {.families = features.families()}, logit_lengths);
  out.meaning = conclude_meaning(record, features, out);
  return out;
}

/// Holds every condition's meanings against those of the condition `floor`, which only rounds.  Throws where there is
/// none.
inline void hold_meanings_against(audit_result& audit, const std::string& floor) {
  const auto rounded = std::ranges::find(audit.conditions, floor, &condition_result::policy);
  if (rounded == audit.conditions.end() || !rounded->meaning)
    fail("the floor of meanings is \"" + floor + "\", expected a condition of an audit that compares them");
  for (condition_result& c : audit.conditions) {
    if (!c.meaning || &c == &*rounded) continue;
    c.meaning->floor = floor;
    c.meaning->beyond_floor = drift_beyond(*c.meaning, *rounded->meaning, c.features);
  }
}

/// Overlap of every two conditions but the reference and rungs that are in no table, in the order of the conditions,
/// under both protocols.
inline void compare_conditions(audit_result& audit) {
  audit.published_overlaps.clear();
  audit.honest_overlaps.clear();
  for (std::size_t i = 0; i < audit.conditions.size(); ++i)
    for (std::size_t j = i + 1; j < audit.conditions.size(); ++j) {
      const condition_result& a = audit.conditions[i];
      const condition_result& b = audit.conditions[j];
      if (a.reference || b.reference || a.ladder_only || b.ladder_only) continue;
      for (auto [list, of_a, of_b] : {std::tuple{&audit.published_overlaps, &a.by_published, &b.by_published},
                                      std::tuple{&audit.honest_overlaps, &a.by_honest, &b.by_honest}}) {
        list->push_back(compare_damage(*of_a, *of_b));
        list->back().a = a.policy;
        list->back().b = b.policy;
      }
    }
}

/// Damage of prunings at the very loss that they were matched to, where both sides of it were run on the same rows.
inline void interpolate_matches(audit_result& audit) {
  for (condition_result& nearest : audit.conditions) {
    if (!nearest.match || nearest.match->across || nearest.match->same_rows) continue;
    const auto policy = std::ranges::find(audit.conditions, nearest.match->matched_to, &condition_result::policy);
    const auto other = std::ranges::find_if(audit.conditions, [&](const condition_result& c) {
      return c.match && c.match->across && c.match->matched_to == nearest.match->matched_to;
    });
    if (policy == audit.conditions.end() || other == audit.conditions.end() || !policy->loss) continue;
    const auto run = [](const condition_result& c) {
      return costed_run{c.policy, c.match ? c.match->sparsity : 0.0, &c.by_honest, &c.loss->excess};
    };
    nearest.at_equal_loss = compare_at_equal_loss(run(*policy), run(nearest), run(*other));
  }
}

/// Fills in what an audit of a model knows of how it was run.
inline void describe_model_run(audit_protocol& made, const audit_settings& settings, const audit_options& options,
                               const token_rows& tokens, const model_config& config) {
  made.source = "model";
  made.dropped_tokens = tokens.dropped;
  made.bos_added = tokens.bos_added;
  made.processing = describe(settings.weight_processing);
  made.order = order_names[static_cast<std::size_t>(settings.order)];
  made.fused = options.fused;
  made.architecture = name_of(config.family);
  made.loss = options.losses ? "mean over scored tokens, every position of a row but its first" : "not asked for";
}

/// What to say of an SAE that explains less than the mean of the activations does: on the reference, where it belongs
/// to another model, layer or processing, or on compressed models that a report shows.  Nothing where it explains more.
inline std::optional<std::string> bad_fit_warning(double reference_fvu, std::span<const condition_result> conditions) {
  if (reference_fvu > 1.0)
    return "FVU is " + std::to_string(reference_fvu) +
           " on the reference: this SAE explains less than the mean does, and nothing here should be believed";
  std::string where;
  for (const condition_result& c : conditions)
    if (!c.reference && !c.ladder_only && c.fit.fvu > 1.0)
      where += (where.empty() ? "FVU is " : ", ") + std::to_string(c.fit.fvu) + " on " + c.policy;
  if (where.empty()) return std::nullopt;
  return where + ": there the SAE explains less than the mean does";
}

/// Fills in what every audit knows of itself: tokens, groups, the SAE, and the warnings of its settings
/// and of the SAE's fit to the reference and to the conditions that `out` has already.
inline void describe_audit(audit_result& out, audit_protocol made, const feature_audit& features,
                           const audit_settings& settings, const prediction_options& options = {}) {
  const token_layout& layout = features.layout();
  made.rules = settings.rules.name;
  made.hook = settings.hook;
  made.rows = layout.rows;
  made.context = layout.row_tokens;
  made.tokens = layout.rows * layout.row_tokens;
  made.analyzed_tokens = layout.kept_tokens();
  made.documents = layout.documents;
  made.groups = made.halving ? made.halving->to : features.groups().groups();
  made.prepend_bos = settings.prepend_bos;
  made.skip_positions = settings.skip_positions;
  made.fold_seed = options.seed;
  made.simd = features.encode().runs_on().name;
  made.warnings.insert(made.warnings.begin(), settings.warnings.begin(), settings.warnings.end());
  if (const auto warning = bad_fit_warning(features.reference().side.fit().fvu, out.conditions))
    made.warnings.insert(made.warnings.begin(), *warning);
  if (made.groups < minimum_groups)
    made.warnings.push_back("only " +
                            (made.documents > 0 ? std::to_string(made.documents) + " documents on " : std::string()) +
                            std::to_string(layout.rows) + " rows: too few groups for intervals, of which " +
                            std::to_string(minimum_groups) + " are needed");
  if (!features.encode().runs_on().fma)
    made.warnings.push_back(made.simd +
                            " has no fused multiply-add: the last bits differ from those of other machines");
  out.made = std::move(made);
  if (out.groups) out.halves = groups_for_halves(features.groups(), *out.groups);
  out.headline = settings.rules;
  out.sae = features.dictionary().metadata;
  out.sae_checksum = checksum_of(features.dictionary());
  out.activation = features.dictionary().activation;
  out.d_in = features.dictionary().d_in;
  out.d_sae = features.dictionary().d_sae;
}

}  // namespace qfa

#endif
