// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_MODEL_PASSES_HPP
#define QFA_AUDIT_MODEL_PASSES_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/activation_edit.hpp"
#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/audited_model.hpp"
#include "qfa/audit/block_store.hpp"
#include "qfa/audit/checkpoint.hpp"
#include "qfa/audit/condition_turns.hpp"
#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/find_relations.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/audit/token_damage.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/logit_lengths.hpp"
#include "qfa/model/loss.hpp"

namespace qfa {

/// What a pass does otherwise than its audit.
struct pass_options {
  bool losses = true;                    ///< where the audit has them
  bool shift = true;                     ///< where the audit is paired: account for how far activations moved
  std::vector<activation_edit> edits{};  ///< as run_over takes them
  /// Shown what passes at the hook, all positions of each block's rows that this process runs, so that it need not be
  /// run once more for whoever else reads it.  Blocks that a checkpoint holds are not shown, nor are passes.
  std::function<void(std::size_t block, matrix_view<const float> x)> watch{};
};

/// The passes of an audit of a model over its rows: the reference's, then one of each compressed model.  Each goes on
/// from where a checkpoint ends, and is not run at all where that holds it whole.
class model_passes {
 public:
  /// Throws where the SAE does not fit the hook, or a checkpoint is of another audit.
  model_passes(language_model model, sae dictionary, token_rows tokens, const audit_settings& settings,
               const audit_options& options, progress told)
      : options_(options),
        told_(std::move(told)),
        model_(std::move(model), dictionary, settings, options.fused, told_),
        tokens_(std::move(tokens)),
        turns_(options.share),
        features_(std::move(dictionary), turns_.rows_of(layout_of(tokens_, settings, options)), options.paired,
                  store_budget(options)),
        hidden_(model_.stored().config.hidden, store_budget(options)) {
    require(!options_.token_damage || options_.losses,
            "the damage of tokens is held against their losses: expected both");
    if (options_.token_damage) frequencies_ = count_ids(tokens_.ids);
    if (options_.meaning) features_.gather_meanings();
    if (options_.checkpoint.directory.empty()) return;
    require_one_process(options_);
    audit_parts made_of = parts_of_audit(features_.dictionary(), features_.layout(), settings, options_,
                                         features_.encode().runs_on().fma);
    for (auto& part : parts_of_model_audit(model_.stored(), tokens_, settings, options_))
      made_of.push_back(std::move(part));
    checkpoint_ = audit_checkpoint(options_.checkpoint, std::move(made_of));
    checkpoint_.keep(features_.codes().file(), "codes");
    checkpoint_.keep(hidden_.file(), "states");
    if (features_.dense()) checkpoint_.keep(features_.dense()->file(), "activations");
  }

  audited_model& model() noexcept { return model_; }
  const audited_model& model() const noexcept { return model_; }
  const token_rows& tokens() const noexcept { return tokens_; }
  const feature_audit& features() const noexcept { return features_; }

  /// What each feature adds to logits by the reference's unembedding, worked out once (qfa::logit_lengths); empty where
  /// the SAE reads what is no part of the residual stream.
  const std::vector<double>& logit_lengths() {
    const sae& dictionary = features_.dictionary();
    if (logit_lengths_.empty() && writes_to_residual(model_.hook().kind) &&
        dictionary.d_in == model_.stored().config.hidden)
      logit_lengths_ = qfa::logit_lengths(dictionary, model_.stored());
    return logit_lengths_;
  }

  /// The reference's pass.  Throws where the SAE does not fit its activations.
  const pass_record& run_reference() {
    if (std::optional<pass_record> record = finished()) {
      features_.complete_reference(*std::move(record));
      return end_reference();
    }
    std::size_t first_block = 0;
    if (checkpoint_.running() != nullptr) {
      auto [records, blocks] = checkpoint_.take_running();
      features_.resume_reference(std::move(records.front()), blocks);
      first_block = blocks;
    }
    run_over(
        model_.reference(), tokens_, features_.layout(), model_.hook(), "reference", told_,
        [&](std::size_t block, matrix_view<const std::uint32_t> rows, matrix_view<const float> x,
            matrix_view<const float> hidden) {
          features_.add_reference(x, rows);
          if (options_.losses) {
            hidden_.append(hidden);
            std::vector<double> nll(rows.rows() * (tokens_.context - 1));
            score_tokens(model_.reference(), hidden, rows, nll);
            std::vector<token_comparison> same;
            for (const double loss : nll)
              same.push_back({loss, loss, 0.0, true});
            features_.reference().add_losses(features_.layout().first_row(block), same, tokens_.context - 1);
          }
          checkpoint_.offer(features_.reference(), block + 1, stores());
        },
        first_block, options_.losses);
    turns_.complete_reference(features_.reference());
    end_pass(features_.reference());
    return end_reference();
  }

  /// The record of the next pass, where the checkpoint holds it whole: then it is over.
  std::optional<pass_record> finished() {
    std::optional<pass_record> record = checkpoint_.finished(passes_);
    passes_ += record.has_value() ? 1U : 0U;
    return record;
  }

  /// The record of the next pass, where the checkpoint holds it whole or in part; `finished` or `begun` has it then.
  std::optional<pass_record> known() const {
    if (std::optional<pass_record> whole = checkpoint_.finished(passes_)) return whole;
    return begun() != nullptr ? std::optional(*begun()) : std::nullopt;
  }

  /// That of a pass which the checkpoint holds in part, and which `run` goes on with; nullptr where there is none.
  const pass_record* begun() const noexcept { return checkpoint_.running(); }

  /// The pass of the compressed model that `compress` makes, if it is this process's turn (audit/condition_turns.hpp).
  /// `record` says what is known of it before, `how` what is done otherwise.  Returns whether the round is over.
  template <std::invocable Compress>
  bool run(Compress compress, pass_record record, const pass_options& how = {}) {
    if (turns_.mine()) record = run_over_rows(compress(), std::move(record), how);
    return turns_.take(std::move(record));
  }

  /// Completes the passes whose turns have been taken, over all processes' rows, and shows their records in order.
  template <class Show>
  void settle(Show show) {
    turns_.settle([&](const pass_record& record) {
      end_pass(record);
      show(record);
    });
  }

  /// Refuses a record from a checkpoint that is not of this condition.
  static void check_expected(const pass_record& record, const std::string& name) {
    if (record.name != name) fail("the checkpoint goes on with \"" + record.name + "\", expected \"" + name + "\"");
  }

 private:
  /// What each of the audit's stores may hold: codes, final states, and dense activations where it is paired.
  static std::size_t store_budget(const audit_options& options) noexcept {
    return options.spill_budget / (options.paired ? 3 : 2);
  }

  const pass_record& end_reference() {
    const pass_record& record = features_.end_reference(options_.allow_bad_sae);
    if (!options_.meaning && !options_.families) return record;
    feature_relations found =
        find_relations(features_, [&](pass_record& counted) { turns_.complete_reference(counted); });
    if (options_.meaning)
      features_.relate(std::move(found));
    else
      features_.group_families({found.families().begin(), found.families().end()});
    return record;
  }

  pass_record run_over_rows(const compressed_model& compressed, pass_record record, const pass_options& how) {
    const bool losses = options_.losses && how.losses;
    const any_decoder model = model_.ready(compressed);
    record.tensors = compressed.tensors;
    std::size_t first_block = 0;
    if (begun() != nullptr) {
      check_expected(*begun(), record.name);
      auto [records, blocks] = checkpoint_.take_running();
      record = std::move(records.front());
      first_block = blocks;
    }
    const token_layout& layout = features_.layout();
    if (options_.token_damage && losses && first_block == 0)
      record.tokens.emplace(features_.groups(), tokens_.context - 1 - layout.skip_positions);
    compressed_side side(features_, std::move(record), first_block);
    if (!how.shift) side.record().shift.reset();
    run_over(
        model, tokens_, layout, model_.hook(), side.record().name, told_,
        [&](std::size_t block, matrix_view<const std::uint32_t> rows, matrix_view<const float> x,
            matrix_view<const float> hidden) {
          side.add(x, rows);
          if (how.watch) how.watch(block, x);
          if (losses) {
            std::vector<token_comparison> scores(rows.rows() * (tokens_.context - 1));
            const activations of_reference = hidden_[block];
            compare_tokens(model_.reference(), of_reference.view(), model, hidden, rows, scores, options_.token_damage);
            side.record().add_losses(layout.first_row(block), scores, tokens_.context - 1);
            if (side.record().tokens)
              (*side.record().tokens)(
                  layout.first_row(block), rows.rows(),
                  scored_damage(side.measured_tokens(), scores, rows, layout.skip_positions, frequencies_));
          }
          checkpoint_.offer(side.record(), block + 1, stores());
        },
        first_block, losses, how.edits);
    return std::move(side).record();
  }

  /// What a checkpoint keeps beside records.
  std::vector<spill_file*> stores() {
    std::vector<spill_file*> out{&features_.codes().file(), &hidden_.file()};
    if (features_.dense()) out.push_back(&features_.dense()->file());
    return out;
  }

  /// The record of a pass, by then that of all processes, is kept.
  void end_pass(const pass_record& record) {
    checkpoint_.finish(record, stores());
    ++passes_;
  }

  audit_options options_;
  progress told_;
  audited_model model_;
  token_rows tokens_;
  condition_turns turns_;
  feature_audit features_;
  std::vector<std::uint64_t> frequencies_;  // of token ids, where the damage of tokens is asked for
  row_store hidden_;                        // the reference's final states, from which its logits are had again
  audit_checkpoint checkpoint_;
  std::vector<double> logit_lengths_;  // once they were asked for
  std::size_t passes_ = 0;             // that are over
};

}  // namespace qfa

#endif
