// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_UNIT_BENCH_HPP
#define QFA_LOCATE_UNIT_BENCH_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/audited_model.hpp"
#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/layout.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/audit/side_record.hpp"
#include "qfa/audit/team_share.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/core/team.hpp"
#include "qfa/locate/assemble.hpp"
#include "qfa/locate/bench_checkpoint.hpp"
#include "qfa/locate/bench_groups.hpp"
#include "qfa/locate/bench_parts.hpp"
#include "qfa/locate/branch_record.hpp"
#include "qfa/locate/branches.hpp"
#include "qfa/locate/feature_noise.hpp"
#include "qfa/locate/unit_effect.hpp"
#include "qfa/locate/units.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/compare_models.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/survival/protocol.hpp"

namespace qfa {

/// The reference, its features, and any models that are made of it and of its compressed forms, measured against it on
/// the same rows.
///
///   unit_bench bench(model, dictionary, tokens, settings);       // a pass of the reference: which features there are
///   const auto units = bench.units(unit_kind::tensors);
///   const unit_option int4 = bench.compress(rtn{.bits = 4});
///   bench.measure(nullptr, units.size(), [&](std::size_t u) { ... return bench.assembled(options, units, choice); },
///                 [&](std::size_t u, unit_effect effect) { ... });
class unit_bench {
 public:
  /// Throws where the SAE does not fit the hook or the activations.  The features are those that the settings' protocol
  /// counts, told by the reference alone.
  unit_bench(language_model model, sae dictionary, token_rows tokens, const audit_settings& settings,
             const bench_options& options = {}, progress told = {})
      : options_(options),
        told_(told),
        model_(std::move(model), dictionary, settings, options.fused, std::move(told)),
        tokens_(std::move(tokens)),
        features_(std::move(dictionary), share_of(layout_of(tokens_, settings.skip_positions, options.tokens_per_block),
                                                  share_among(options.ranks))),
        groups_(features_.groups()) {
    if (options.checkpoint != nullptr && options.checkpoint->keeps())
      options.checkpoint->enter(parts_of_bench(features_, model_.stored(), tokens_, settings, options));
    run_over(
        model_.reference(), tokens_, layout(), model_.hook(), "reference", told_,
        [&](std::size_t, matrix_view<const std::uint32_t>, matrix_view<const float> x, matrix_view<const float>) {
          features_.pass_reference(x);
        },
        0, false);
    merge_for_all(options_.ranks, features_.reference(), pass_record_kind);
    features_.end_reference(options.allow_bad_sae);
    choose_features();
  }

  const audited_model& model() const noexcept { return model_; }
  const token_rows& tokens() const noexcept { return tokens_; }
  const feature_audit& reference() const noexcept { return features_; }
  const token_layout& layout() const noexcept { return features_.layout(); }
  /// By which numbers are concluded; until `join_groups` they are the rows' own.
  const bench_groups& groups() const noexcept { return groups_; }
  const bench_options& options() const noexcept { return options_; }
  const progress& told() const noexcept { return told_; }
  /// The features that are measured, increasing: what every number by feature is of.
  const std::vector<std::uint32_t>& features() const noexcept { return chosen_; }
  /// The reference's by those groups.
  const feature_table& table() const noexcept { return joined_ ? *joined_ : features_.reference().table; }

  /// Concludes from here on by groups that hold two blocks of `block_length` rows (locate/lengthen_groups.hpp), also
  /// which features are measured; by the rows' own where it is NaN.
  void join_groups(double block_length) {
    groups_ = bench_groups(features_.groups(), block_length);
    joined_.reset();
    if (groups_.joined())
      joined_ = features_.reference().table.joined(features_.groups().places_among(groups_.whole()));
    choose_features();
  }

  /// Sum of x |w_j| over the reference's tokens, of each of the features.
  std::vector<double> masses() const {
    const std::vector<float> norms = decoder_norms(features_.dictionary());
    std::vector<double> out;
    for (const std::uint32_t f : chosen_)
      out.push_back(features_.reference().table.total(f).fired.either.sum_x() * static_cast<double>(norms[f]));
    return out;
  }

  /// Rows that policies learn from, those that need it.
  void calibrate_on(token_rows rows) { model_.calibrate_on(std::move(rows)); }

  std::vector<compression_unit> units(unit_kind kind, const target_patterns& targets = {}) const {
    return units_of(model_.given_to_policies().config, kind, targets, options_.fused);
  }

  /// Refuses a policy that changes activations: no unit has a part of those by itself.
  static void check(const any_policy& policy) {
    if (policy.changes_activations())
      fail("the policy " + policy.name() +
           " changes activations, which several matrices read at once: what one of them does by itself cannot be told");
  }
  /// Throws as `check` does, and as compressing does (model/compress.hpp).
  unit_option compress(const any_policy& policy, const target_patterns& targets = {}) const {
    check(policy);
    compressed_model made = model_.compress_given(policy, targets);
    return {policy.name(), std::move(made.model), std::move(made.tensors)};
  }

  /// Unit u as options[choice[u]] has it, or as it was (locate/assemble.hpp); processed, and sharing with the reference
  /// every tensor that equals it.
  language_model assembled(std::span<const unit_option> options, std::span<const compression_unit> units,
                           std::span<const std::size_t> choice) const {
    std::vector<language_model> forms;  // which share their tensors
    for (const unit_option& option : options)
      forms.push_back(option.model);
    language_model mixed = assemble(model_.given_to_policies(), forms, units, choice);
    return share_equal_tensors(model_.processed(), model_.finish({.model = std::move(mixed)}).model);
  }

  /// Ready to run, sharing packed weights with `like`, or with the reference.
  runnable_model ready(language_model model, const runnable_model* like = nullptr) const {
    any_decoder decoder(model, like == nullptr ? model_.reference() : like->decoder);
    return {std::move(model), std::move(decoder)};
  }

  /// Measures the models make(0), ..., make(count - 1), and gives take(i, effect) each one's effect, in order.  Each
  /// pass leaves that of `trunk`, or of the reference where there is none, at the first layer where the two models
  /// differ.  Returns the trunk's own effect.
  ///
  /// Where losses are not asked for, a model that leaves its trunk behind the hook is not run at all: its features are
  /// the trunk's.
  template <class Make, class Take>
  unit_effect measure(const runnable_model* trunk, std::size_t count, Make make, Take take,
                      std::string_view stage = "units",
                      measured_parts parts = measured_parts::features_and_losses) const {
    const bool losses = options_.losses && parts == measured_parts::features_and_losses;
    const language_model& left = trunk == nullptr ? model_.processed() : trunk->model;
    unit_effect of_trunk;
    std::optional<language_model> waiting;
    std::size_t done = 0;
    do {
      std::vector<runnable_model> models;
      std::vector<branch> branches;
      for (std::size_t bytes = 0; done + models.size() < count;) {
        if (!waiting) waiting = share_equal_tensors(left, make(done + models.size()));
        bytes += noise_table::bytes(chosen_.size(), groups_.gathered().groups()) + bytes_of_its_own(*waiting, left);
        if (!models.empty() && bytes > options_.memory) break;
        branches.push_back({.trunk = trunk == nullptr ? 0U : 1U,
                            .layer = first_difference(*waiting, left),
                            .hook = true,
                            .end = losses});
        models.push_back(ready(*std::exchange(waiting, std::nullopt), trunk));
      }
      for (std::size_t i = 0; i < models.size(); ++i)
        branches[i].model = &models[i].decoder;
      std::vector<unit_effect> effects = effects_of(trunk, branches, stage, parts);
      of_trunk = std::move(effects.back());
      for (std::size_t i = 0; i < models.size(); ++i)
        take(done + i, std::move(effects[i]));
      done += models.size();
    } while (done < count);
    return of_trunk;
  }

  /// The effect of every branch of the reference's pass, or of trunk number 1, where there is a `trunk`; and last that
  /// of the trunk.  Features of branches that ask for no hook are the trunk's.
  std::vector<unit_effect> effects_of(const runnable_model* trunk, std::span<const branch> branches,
                                      std::string_view stage = "units",
                                      measured_parts parts = measured_parts::features_and_losses) const {
    const bool losses = options_.losses && parts == measured_parts::features_and_losses;
    const kept_call call(options_.checkpoint, stage, branches, losses, groups_.whole().groups());
    if (auto effects = call.finished()) return *std::move(effects);
    std::vector<const any_decoder*> trunks{&model_.reference()};
    if (trunk != nullptr) trunks.push_back(&trunk->decoder);
    const std::size_t own = trunks.size() - 1;
    const row_groups& gathered = groups_.gathered();
    std::vector<branch_record> records(branches.size() + 1);  // the trunk's last
    const auto is_read = [&](std::size_t i) {
      return i == branches.size() || (branches[i].hook && !leaves_behind(branches[i], model_.hook()));
    };
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (losses) records[i].losses.resize(gathered.groups());
      if (!is_read(i)) continue;
      records[i].noise = noise_table(chosen_, features_.dictionary().d_sae, gathered.groups());
      records[i].side = side_record(gathered.groups());
    }
    const std::size_t first_block = call.restore(records);

    sparse_codes codes;
    activations final_hidden;
    const auto add = [&](std::size_t i, std::size_t block, matrix_view<const std::uint32_t> rows,
                         const any_decoder& decoder, const block_states& states) {
      if (!states.at_hook.empty()) {
        const kept_activations kept(states.at_hook, layout());
        const sparse_codes mine = features_.encode()(kept.view());
        records[i].noise(codes, mine, features_.groups_of(block));
        if (i == branches.size() || options_.fits) features_.describe(records[i].side, kept.view(), mine, block);
      }
      if (!losses) return;
      std::vector<token_comparison> scores(rows.rows() * (tokens_.context - 1));
      compare_tokens(model_.reference(), std::as_const(final_hidden).view(), decoder, states.final_hidden, rows,
                     scores);
      records[i].add_losses(gathered, layout().first_row(block), scores, tokens_.context - 1);
    };
    run_branches(
        std::span<const any_decoder* const>(trunks), branches, tokens_, layout(), model_.hook(), losses, stage, told_,
        [&](std::size_t block, matrix_view<const std::uint32_t> rows, std::size_t t, const block_states& states) {
          if (t == 0) {
            codes = features_.encode()(kept_activations(states.at_hook, layout()).view());
            if (losses) copy_rows(states.final_hidden, final_hidden);
          }
          if (t == own) add(branches.size(), block, rows, *trunks[t], states);
        },
        [&](std::size_t block, matrix_view<const std::uint32_t> rows, std::size_t i, const block_states& states) {
          add(i, block, rows, *branches[i].model, states);
        },
        first_block,
        [&](std::size_t block) {
          if (block + 1 < layout().blocks()) call.offer(records, block + 1);
        });
    for (branch_record& record : records)
      merge_for_all(options_.ranks, record, "record of a branch");

    std::vector<unit_effect> effects(records.size());
    const feature_noise of_trunk = groups_.noise(records.back().noise);
    const double fvu_of_trunk = records.back().side.fit().fvu;
    for (std::size_t i = 0; i < effects.size(); ++i) {
      const bool is_trunk = i == branches.size();
      effects[i].reaches_hook = is_read(i);
      effects[i].noise = is_trunk || !is_read(i) ? of_trunk : groups_.noise(records[i].noise);
      if (losses) effects[i].losses = groups_.by_halves(records[i].losses);
      if (is_trunk || options_.fits) effects[i].fvu = is_read(i) ? records[i].side.fit().fvu : fvu_of_trunk;
    }
    call.finish(effects);
    return effects;
  }

 private:
  void choose_features() {
    chosen_ = counted_features(table(), model_.settings().rules);
    if (chosen_.empty())
      fail("no feature of the SAE fires often enough on these " + std::to_string(tokens_.rows()) +
           " rows to tell what becomes of it");
  }

  bench_options options_;
  progress told_;
  audited_model model_;
  token_rows tokens_;
  feature_audit features_;
  bench_groups groups_;
  std::optional<feature_table> joined_;  // where groups are joined
  std::vector<std::uint32_t> chosen_;
};

}  // namespace qfa

#endif
