// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_MODEL_AUDIT_HPP
#define QFA_AUDIT_MODEL_AUDIT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/block_store.hpp"
#include "qfa/audit/conclude.hpp"
#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/losses.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/model/compare_models.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/match_pruning.hpp"
#include "qfa/model/processing.hpp"

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
      : stored_(std::move(model)),
        settings_(settings),
        options_(options),
        told_(std::move(told)),
        hook_(parse_hook(settings.hook, stored_.config)),
        tokens_(std::move(tokens)),
        features_((check_width(dictionary), std::move(dictionary)),
                  token_layout{tokens_.rows(), tokens_.context, settings.skip_positions}, options.paired,
                  store_budget(options)),
        processed_(process(stored_, settings.weight_processing)),
        reference_(processed_),
        hidden_(store_budget(options)) {
    if (const auto warning = reference_warning(stored_)) warnings_.push_back(*warning);
    run_reference();
  }

  const audit_settings& settings() const noexcept { return settings_; }
  const token_rows& tokens() const noexcept { return tokens_; }
  /// The reference, ready to run.
  const decoder<>& reference() const noexcept { return reference_; }
  /// Every condition so far, the reference first.  References to them stay good while others are added.
  const std::deque<condition_result>& conditions() const noexcept { return conditions_; }

  /// Rows that policies learn from, those that need it; best none of the reported ones.  `where` says in the report
  /// which they are.
  void calibrate_on(token_rows rows, std::string where) {
    calibration_ = std::move(rows);
    calibration_source_ = std::move(where);
  }

  /// Compresses the model by a policy and audits it.  `name` is what reports call it.  Throws where it is empty or
  /// taken.
  template <weight_policy Policy>
  const condition_result& run(const Policy& policy, const std::string& name, const target_patterns& targets = {}) {
    check_name(name);
    return run(compress_by(policy, targets), name);
  }
  template <named_policy Policy>
  const condition_result& run(const Policy& policy, const target_patterns& targets = {}) {
    return run(policy, describe(policy), targets);
  }

  /// Audits a model that was compressed elsewhere and is given as it is stored.  `on_inputs` changes the inputs of its
  /// linear layers, where it is run so.  Throws where it is not of the reference's architecture, and as `run` does.
  const condition_result& run_model(language_model compressed, const std::string& name,
                                    const target_patterns& targets = {}, input_visitor on_inputs = {}) {
    check_name(name);
    std::vector<std::string> warnings = comparison_warnings(name, stored_, compressed);
    compressed_model made{.model = {},
                          .tensors = compare_tensors(stored_, compressed, targets, options_.fused),
                          .on_inputs = std::move(on_inputs)};
    made.model = share_equal_tensors(stored_, std::move(compressed));
    process_compressed(made);
    if (settings_.order == compression_order::process_then_compress && settings_.weight_processing.any())
      warnings.push_back(name + " was compressed as it is stored: it is processed after that, whatever the order");
    const condition_result& added = run(made, name);
    warnings_.insert(warnings_.end(), warnings.begin(), warnings.end());
    return added;
  }

  /// The published match (arXiv 2606.03002): the sparsity whose perplexity, on the reported rows, is nearest to that of
  /// the condition called `matched_to`; then that pruning is audited.
  const condition_result& match_pruning_as_published(const std::string& matched_to,
                                                     const target_patterns& targets = {}) {
    const double target = condition(matched_to).loss->perplexity;
    const sparsity_match match = qfa::match_pruning(published_bisection{}, target, [&](double sparsity) {
      return std::exp(pruned_loss(sparsity, targets, tokens_, matched_to));
    });
    return run_match(match, matched_to, "published bisection on perplexity", target, tokens_.rows(), {}, targets);
  }

  /// Matches the loss in nats within a tolerance, on rows other than those that are reported: a sparsity that was
  /// chosen on the reported rows would fit their noise.
  template <weight_policy Policy>
  const condition_result& match_pruning_in_nats(const Policy& policy, const std::string& matched_to,
                                                const token_rows& matching, double tolerance,
                                                const target_patterns& targets = {}) {
    const decoder<> compressed = ready(compress_by(policy, targets));
    const double target = mean_loss(compressed, matching, "match " + matched_to, told_);
    const sparsity_match match =
        qfa::match_pruning(loss_bisection{.tolerance = tolerance}, target,
                           [&](double sparsity) { return pruned_loss(sparsity, targets, matching, matched_to); });
    return run_match(match, matched_to, "bisection on nats", target, matching.rows(), tolerance, targets);
  }

  /// Everything so far, with the overlap of every two conditions; `made` says how (the audit fills in what it knows).
  audit_result result(audit_protocol made = {}) const {
    audit_result out;
    made.source = "model";
    made.dropped_tokens = tokens_.dropped;
    made.bos_added = tokens_.bos_added;
    made.processing = describe(settings_.weight_processing);
    made.order = order_names[static_cast<std::size_t>(settings_.order)];
    made.fused = options_.fused;
    made.architecture = name_of(stored_.config.family);
    made.loss = "mean over scored tokens, every position of a row but its first";
    if (calibrated_) {
      made.calibration = calibration_source_;
      made.calibration_tokens = calibration_.ids.size();
      if (const auto warning = reported_rows_warning(calibration_, tokens_)) made.warnings.push_back(*warning);
    }
    made.warnings.insert(made.warnings.end(), warnings_.begin(), warnings_.end());
    describe_audit(out, std::move(made), features_, settings_);
    out.conditions.assign(conditions_.begin(), conditions_.end());
    compare_conditions(out);
    return out;
  }

 private:
  /// What each of the audit's stores may hold: codes, final states, and dense activations where it is paired.
  static std::size_t store_budget(const audit_options& options) {
    return options.spill_budget / (options.paired ? 3 : 2);
  }

  void check_name(const std::string& name) const {
    std::vector<std::string> taken;
    for (const condition_result& c : conditions_)
      taken.push_back(c.policy);
    check_condition_name(name, taken);
  }

  void check_width(const sae& dictionary) const {
    const std::size_t width = hook_width(stored_.config, hook_);
    if (width != dictionary.d_in)
      fail("the SAE takes activations " + std::to_string(dictionary.d_in) + " wide, but " + settings_.hook + " of " +
           stored_.source + " is " + std::to_string(width) + " wide");
  }

  template <class Policy>
  compressed_model compress_by(const Policy& policy, const target_patterns& targets) {
    const compress_options how{
        .fused = options_.fused, .calibration = &calibration_, .like = &reference_, .on_progress = told_};
    const bool stored_first = settings_.order == compression_order::compress_then_process;
    compressed_model out = compress(stored_first ? stored_ : processed_, policy, targets, how);
    calibrated_ = calibrated_ || needs_of(policy).any();
    if (stored_first) process_compressed(out);
    return out;
  }

  /// Processes a model that was compressed as it is stored.  Where its inputs are changed as well, that is done as in
  /// deployment, to what the stored weights read: the parts of processing that would move inputs are left out, which
  /// move no hook but v and z.
  void process_compressed(compressed_model& compressed) const {
    processing parts = applicable(settings_.weight_processing, stored_.config);
    if (compressed.on_inputs) {
      if (parts.fold_value_biases && stored_.config.qkv_bias &&
          (hook_.kind == hook_kind::v || hook_.kind == hook_kind::z))
        fail("a policy that changes activations cannot be audited at " + settings_.hook +
             ", which fold_value_biases moves: leave that part out of the processing, or process before compressing");
      parts = keeping_inputs(parts);
    }
    // What the policy left alone is shared with the reference again.
    compressed.model = share_equal_tensors(processed_, process(compressed.model, parts));
  }

  /// A compressed model, ready to run.
  decoder<> ready(const compressed_model& compressed) const {
    decoder<> out(compressed.model, reference_);
    out.visit_inputs(compressed.on_inputs);
    return out;
  }

  void run_reference() {
    by_row<comparison_sum> losses;
    run_over(reference_, tokens_, hook_, "reference", told_,
             [&](std::size_t, matrix_view<const std::uint32_t> rows, matrix_view<const float> x,
                 matrix_view<const float> hidden) {
               features_.add_reference(x);
               hidden_.append(hidden);
               std::vector<double> nll(rows.rows() * (tokens_.context - 1));
               score_tokens(reference_, hidden, rows, nll);
               std::vector<token_comparison> same;
               for (const double loss : nll)
                 same.push_back({loss, loss, 0.0, true});
               losses.add_rows(std::span<const token_comparison>(same), tokens_.context - 1);
             });
    const feature_findings found = features_.end_reference(options_.allow_bad_sae);
    conditions_.push_back(conclude("reference", found, features_.dictionary(), true));
    conditions_.back().loss = summarize_losses(losses, features_.groups(), options_.loss_batch_rows);
  }

  const condition_result& run(const compressed_model& compressed, const std::string& name) {
    const decoder<> model = ready(compressed);
    compressed_side side(features_);
    by_row<comparison_sum> losses;
    run_over(model, tokens_, hook_, name, told_,
             [&](std::size_t block, matrix_view<const std::uint32_t> rows, matrix_view<const float> x,
                 matrix_view<const float> hidden) {
               side.add(x);
               std::vector<token_comparison> scores(rows.rows() * (tokens_.context - 1));
               const activations of_reference = hidden_[block];
               compare_tokens(reference_, of_reference.view(), model, hidden, rows, scores);
               losses.add_rows(std::span<const token_comparison>(scores), tokens_.context - 1);
             });
    condition_result added = conclude(name, std::move(side).findings(), features_.dictionary(), false);
    added.loss = summarize_losses(losses, features_.groups(), options_.loss_batch_rows);
    added.tensors = compressed.tensors;
    added.bits_per_weight = bits_per_weight(added.tensors);
    count_reference_bits(compressed.tensors);
    return conditions_.emplace_back(std::move(added));
  }

  /// What the reference's matrices take where a condition has compressed them: one number for the report, if it is the
  /// same for all conditions.
  void count_reference_bits(std::vector<compressed_tensor> tensors) {
    for (compressed_tensor& tensor : tensors) {
      const std::string_view stored = stored_name(tensor.info.name);
      // Processing gives a tied unembedding a tensor of its own.
      const language_model& holder = stored_.contains(stored) ? stored_ : processed_;
      tensor.stored_bits = detail::known_bits(holder.at(stored).bits * static_cast<double>(tensor.weights));
    }
    const std::optional<double> bits = bits_per_weight(tensors);
    std::optional<double>& known = conditions_.front().bits_per_weight;
    known = conditions_.size() == 1 || known == bits ? bits : std::nullopt;
  }

  double pruned_loss(double sparsity, const target_patterns& targets, const token_rows& tokens, const std::string& to) {
    const magnitude_pruner pruner{.sparsity = sparsity};
    return mean_loss(ready(compress_by(pruner, targets)), tokens, "match " + to, told_);
  }

  const condition_result& run_match(const sparsity_match& match, const std::string& matched_to, std::string method,
                                    double target, std::size_t rows, std::optional<double> tolerance,
                                    const target_patterns& targets) {
    const magnitude_pruner pruner{.sparsity = match.best.sparsity};
    const bool taken = std::ranges::any_of(conditions_, [&](const auto& c) { return c.policy == describe(pruner); });
    run(pruner, taken ? describe(pruner) + " matched to " + matched_to : describe(pruner), targets);
    conditions_.back().match = describe_match(match, matched_to, std::move(method), target, rows, tolerance);
    return conditions_.back();
  }

  const condition_result& condition(const std::string& name) const {
    for (const condition_result& c : conditions_)
      if (c.policy == name) return c;
    fail("no condition of this audit is called \"" + name + "\"");
  }

  language_model stored_;
  audit_settings settings_;
  audit_options options_;
  progress told_;
  hook_point hook_;
  token_rows tokens_;
  feature_audit features_;
  language_model processed_;
  decoder<> reference_;
  token_rows calibration_;
  std::string calibration_source_;
  bool calibrated_ = false;  // by any policy so far
  std::vector<std::string> warnings_;
  row_store hidden_;  // the reference's final states, from which its logits are had again
  std::deque<condition_result> conditions_;
};

}  // namespace qfa

#endif
