// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_MODEL_AUDIT_HPP
#define QFA_AUDIT_MODEL_AUDIT_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/conclude.hpp"
#include "qfa/audit/ladder.hpp"
#include "qfa/audit/long_groups.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/audit/model_passes.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/model/compare_models.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/match_pruning.hpp"

namespace qfa {

/// The main job: what policies do to the features of a model.
///
///   model_audit audit(load_model(dir), load_sae(sae_dir), tokens, settings, options);   // runs the reference
///   audit.run(rtn{.bits = 6});                                                          // any weight policy
///   audit.match_pruning_as_published("rtn:bits=6");
///   const audit_result result = audit.result();
class model_audit {
 public:
  /// Runs the reference.  Throws where the SAE does not fit the hook or the activations.
  model_audit(language_model model, sae dictionary, token_rows tokens, const audit_settings& settings,
              const audit_options& options = {}, progress told = {})
      : settings_(settings),
        options_(options),
        told_(told),
        conclude_(options),
        passes_(std::move(model), std::move(dictionary), std::move(tokens), settings, options, std::move(told)) {
    if (const auto warning = reference_warning(this->model().stored())) warnings_.push_back(*warning);
    conditions_.emplace_back();
    fill(passes_.run_reference());
  }

  const audit_settings& settings() const noexcept { return settings_; }
  const token_rows& tokens() const noexcept { return passes_.tokens(); }
  /// The reference, ready to run.
  const any_decoder& reference() const noexcept { return model().reference(); }
  /// Every condition so far, the reference first; references to them stay good.  Where processes share out the
  /// conditions, one that has just been run may be nothing but its name until others run or `result` is asked for.
  /// Where a later one asks for longer groups of rows, `result` concludes it once more.
  const std::deque<condition_result>& conditions() const noexcept { return conditions_; }

  /// Rows that policies learn from, those that need it; best none of the reported ones.  `where` says in the report
  /// which they are.
  void calibrate_on(token_rows rows, std::string where) {
    passes_.model().calibrate_on(std::move(rows));
    calibration_source_ = std::move(where);
  }

  /// Compresses the model by a policy and audits it.  `name` is what reports call it.  Throws where it is empty or
  /// taken.
  template <weight_policy Policy>
  const condition_result& run(const Policy& policy, const std::string& name, const target_patterns& targets = {}) {
    pass_record record = about(name);
    if (const condition_result* const known = finished(name)) return *known;
    return run_policy(policy, std::move(record), targets);
  }
  template <named_policy Policy>
  const condition_result& run(const Policy& policy, const target_patterns& targets = {}) {
    return run(policy, describe(policy), targets);
  }
  /// The same with texts that pass through caches, as `cache` has them.
  template <weight_policy Policy>
  const condition_result& run(const Policy& policy, const cache_use& cache, const std::string& name,
                              const target_patterns& targets = {}) {
    pass_record record = about(name, &cache);
    if (const condition_result* const known = finished(name)) return *known;
    record.calibrated = record.calibrated || needs_of(policy).any();
    return run([&] { return model().with_cache(model().compress_by(policy, targets), cache); }, std::move(record));
  }

  /// Audits caches by themselves, with the weights as they are.  Throws as `run` does, and where the plan is of another
  /// number of layers or learns and there are no rows for it.
  const condition_result& run_cache(const cache_use& cache, const std::string& name) {
    pass_record record = about(name, &cache);
    if (const condition_result* const known = finished(name)) return *known;
    return run([&] { return model().with_cache(model().uncompressed(), cache); }, std::move(record));
  }

  /// Audits a model that was compressed elsewhere and is given as it is stored.  `on_inputs` changes the inputs of its
  /// linear layers, where it is run so.  Throws where it is not of the reference's architecture, and as `run` does.
  const condition_result& run_model(language_model compressed, const std::string& name,
                                    const target_patterns& targets = {}, input_visitor on_inputs = {}) {
    pass_record record = about(name);
    if (const condition_result* const known = finished(name)) return *known;
    record.warnings = comparison_warnings(name, model().stored(), compressed);
    if (settings_.order == compression_order::process_then_compress && settings_.weight_processing.any())
      record.warnings.push_back(name +
                                " was compressed as it is stored: it is processed after that, whatever the order");
    return run([&] { return model().take(std::move(compressed), targets, std::move(on_inputs)); }, std::move(record));
  }

  /// Adds a condition by the record of its whole pass, made elsewhere on the same input.  Throws as `run` does, and
  /// where the record is not of these rows.
  const condition_result& add(const pass_record& record) {
    check_name(record.name);
    if (record.groups != features().groups() || !record.pair || record.table.width() != features().dictionary().d_sae)
      fail("the record of \"" + record.name + "\" is not of a compressed model on this audit's rows");
    settle();
    conditions_.emplace_back();
    return fill(record);
  }

  /// The published match (arXiv 2606.03002): the sparsity whose perplexity, on the reported rows, is nearest to that of
  /// the condition called `matched_to`; then that pruning is audited.  Throws without losses, and as `run`.
  const condition_result& match_pruning_as_published(const std::string& matched_to,
                                                     const target_patterns& targets = {}) {
    settle();
    require(options_.losses, "pruning that is matched on perplexity needs an audit with losses");
    const double target = condition(matched_to).loss->perplexity;
    std::optional<pruning_match> match = known_match(matched_to);
    if (!match)
      match = describe_match(
          qfa::match_pruning(published_bisection{}, target,
                             [&](double s) { return std::exp(pruned_loss(s, targets, tokens(), matched_to)); }),
          matched_to, "published bisection on perplexity", target, tokens().rows(), {});
    return run_match(*match, false, targets);
  }

  /// Matches the loss in nats within a tolerance, on rows that are not reported: a sparsity chosen on those would fit
  /// their noise.  One from the target's other side is run as well: the damage at the very loss lies between them.
  template <weight_policy Policy>
  const condition_result& match_pruning_in_nats(const Policy& policy, const std::string& matched_to,
                                                const token_rows& matching, double tolerance,
                                                const target_patterns& targets = {}) {
    const bool calibrated = needs_of(policy).any();
    std::optional<pruning_match> match = known_match(matched_to);
    if (!match) {
      const double target = loss_of(model().ready(model().compress_by(policy, targets)), matching, matched_to);
      match =
          describe_match(qfa::match_pruning(loss_bisection{.tolerance = tolerance}, target,
                                            [&](double s) { return pruned_loss(s, targets, matching, matched_to); }),
                         matched_to, "bisection on nats", target, matching.rows(), tolerance);
      match->reference = loss_of(reference(), matching, matched_to);
    }
    const condition_result& nearest = run_match(*match, calibrated, targets);
    if (const std::optional<pruning_match> other = other_side(*match)) run_match(*other, calibrated, targets);
    return nearest;
  }

  /// Everything so far, and what takes all conditions together; `made` says how (the audit fills in what it knows).
  audit_result result(audit_protocol made = {}) {
    settle();
    made.halving = conclude_.settle(conditions_, features(), passes_.logit_lengths());
    audit_result out;
    out.groups = conclude_.groups();
    describe_model_run(made, settings_, options_, tokens(), model().stored().config);
    if (calibrated_) {
      made.calibration = calibration_source_;
      made.calibration_tokens = model().calibration().ids.size();
      if (auto w = reported_rows_warning(model().calibration(), tokens())) made.warnings.push_back(*std::move(w));
    }
    made.warnings.insert(made.warnings.end(), warnings_.begin(), warnings_.end());
    out.conditions.assign(conditions_.begin(), conditions_.end());
    describe_audit(out, std::move(made), features(), settings_);
    if (options_.share.concludes)
      conclude_together(out, options_.ladder_only, options_.meaning_floor, features().families());
    return out;
  }

 private:
  const audited_model& model() const noexcept { return passes_.model(); }
  const feature_audit& features() const noexcept { return passes_.features(); }

  void check_name(const std::string& name) const {
    std::vector<std::string> taken;
    for (const condition_result& c : conditions_)
      taken.push_back(c.policy);
    check_condition_name(name, taken);
  }

  /// The record of a condition that has not begun.
  pass_record about(const std::string& name, const cache_use* cache = nullptr) const {
    check_name(name);
    pass_record record = features().begin(name);
    if (cache != nullptr) {
      record.cache = describe_cache(*cache, model().stored().config, tokens().context);
      record.calibrated = cache->plan.learns();
    }
    return record;
  }

  /// Adds the next condition from the checkpoint, if it is finished there.
  const condition_result* finished(const std::string& name) {
    const std::optional<pass_record> record = passes_.finished();
    if (!record) return nullptr;
    passes_.check_expected(*record, name);
    return &add(*record);
  }

  /// That of the pruning which a checkpoint goes on with, whole or begun: its sparsity need not be searched for again.
  std::optional<pruning_match> known_match(const std::string& matched_to) const {
    const std::optional<pass_record> record = passes_.known();
    if (!record) return std::nullopt;
    if (!record->match || record->match->matched_to != matched_to)
      fail("the checkpoint goes on with \"" + record->name + "\", expected pruning matched to \"" + matched_to + "\"");
    return record->match;
  }

  template <weight_policy Policy>
  const condition_result& run_policy(const Policy& policy, pass_record record, const target_patterns& targets) {
    record.calibrated = record.calibrated || needs_of(policy).any();
    return run([&] { return model().compress_by(policy, targets); }, std::move(record));
  }

  /// Runs what `compress` makes, on the process whose turn it is.
  template <std::invocable Compress>
  const condition_result& run(Compress compress, pass_record record) {
    const std::string name = record.name;
    const bool round_over = passes_.run(compress, std::move(record));
    conditions_.emplace_back().policy = name;
    if (round_over) settle();
    return conditions_.back();
  }

  /// Fills the conditions that are run and were not complete.
  void settle() { passes_.settle([&](const pass_record& record) { fill(record); }); }

  /// Fills the first condition that is not yet.
  const condition_result& fill(const pass_record& record) {
    condition_result& place = conditions_[filled_++] = conclude_(record, features(), passes_.logit_lengths());
    calibrated_ = calibrated_ || record.calibrated;
    warnings_.insert(warnings_.end(), record.warnings.begin(), record.warnings.end());
    if (!record.tensors.empty()) count_reference_bits(record.tensors);
    return place;
  }

  /// What the reference's matrices take where a condition has compressed them: one number for the report, if it is the
  /// same for all conditions.
  void count_reference_bits(const std::vector<compressed_tensor>& tensors) {
    const std::optional<double> bits = model().bits_before(tensors);
    std::optional<double>& known = conditions_.front().bits_per_weight;
    known = !counted_ || known == bits ? bits : std::nullopt;
    counted_ = true;
  }

  double loss_of(const any_decoder& of, const token_rows& rows, const std::string& matched_to) const {
    return mean_loss(of, rows, "match " + matched_to, told_, options_.share);
  }
  double pruned_loss(double sparsity, const target_patterns& targets, const token_rows& rows, const std::string& to) {
    return loss_of(model().ready(model().compress_by(magnitude_pruner{.sparsity = sparsity}, targets)), rows, to);
  }

  const condition_result& run_match(const pruning_match& match, bool calibrated, const target_patterns& targets) {
    const magnitude_pruner pruner{.sparsity = match.sparsity};
    if (known_match(match.matched_to)) {
      if (const std::optional<pass_record> whole = passes_.finished()) return add(*whole);
      return run_policy(pruner, *passes_.begun(), targets);
    }
    const bool taken = std::ranges::any_of(conditions_, [&](const auto& c) { return c.policy == describe(pruner); });
    pass_record record = about(taken ? describe(pruner) + " matched to " + match.matched_to : describe(pruner));
    record.match = match;
    record.calibrated = calibrated;
    return run_policy(pruner, std::move(record), targets);
  }

  const condition_result& condition(const std::string& name) const {
    for (const condition_result& c : conditions_)
      if (c.policy == name) return c;
    fail("no condition of this audit is called \"" + name + "\"");
  }

  audit_settings settings_;
  audit_options options_;
  progress told_;
  long_groups conclude_;
  model_passes passes_;
  std::string calibration_source_;
  bool calibrated_ = false;  // by any policy so far
  std::vector<std::string> warnings_;
  std::deque<condition_result> conditions_;
  std::size_t filled_ = 0;  // of them
  bool counted_ = false;    // what the reference's matrices take
};

}  // namespace qfa

#endif
