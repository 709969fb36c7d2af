// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_CONTROL_AUDIT_HPP
#define QFA_CONTROLS_CONTROL_AUDIT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compress/random_pruner.hpp"
#include "qfa/controls/conclude_controls.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/controls/control_passes.hpp"
#include "qfa/controls/hook_noise.hpp"
#include "qfa/controls/survival_variant.hpp"
#include "qfa/controls/weight_controls.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// The controls of an audit of weight policies that run on its own rows with its own SAE.
///
/// An audit of its own: policies run on these rows again, so that each claim and what decides it come from the same
/// tokens, in groups of these rows alone.  (Groups of the whole audit are others, and the error's covariance needs both
/// sides' activations of every token, which no audit keeps: nothing of its records can stand for a pass here.)  All
/// else that reads the same activations is gathered beside that pass, where one process runs it from its beginning: the
/// covariance, and variants of the audit's other choices.  Passes end with the hook, but for the one that holds the
/// reference against itself.
class control_audit {
 public:
  /// Runs the reference.
  control_audit(const control_material& with, const control_settings& how)
      : with_(with),
        how_(how),
        concludes_(with.options.share.concludes),
        passes_(with.model, with.dictionary, with.rows, with.settings, paired(with.options), with.told) {
    passes_.model().calibrate_on(with.calibration);
  }

  /// Everything.  In a process that makes no report nothing is found.  Of `others` those that could be gathered beside
  /// are in `beside`, in their places, after that.
  control_findings run(std::span<const variant_choice> others = {}) {
    control_findings out;
    out.settings = how_;
    prepare(others);
    check_itself(out.self);
    damage_sample weights, residual;
    run(
        "reference in bfloat16 weights",
        [&] { return passes_.model().take(rounded_to_bf16(passes_.model().stored()), with_.targets, {}); }, weights);
    run("reference with a bfloat16 residual stream", [&] { return passes_.model().uncompressed(); }, residual,
        {.losses = false, .edits = residual_edits()});
    std::vector<controlled_samples> all(with_.policies.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      run_controls(with_.policies[i], run_itself(with_.policies[i], all[i]), all[i]);
    passes_.settle();
    if (concludes_)
      for (controlled_samples& samples : all)
        carry_to_equal_loss(samples);
    if (!matches_pruning())
      out.notes.emplace_back("random pruning of the same loss was left out: it needs losses, and rows to match on");
    if (!concludes_) return out;
    const dictionary_facts known = facts();
    conclude_controls(out, passes_, all, weights, residual, known);
    out.group_length = check_group_length(passes_.features().groups(), with_.options.block_length);
    audited_.counted = passes_.counted();
    for (const std::uint32_t f : audited_.counted)
      audited_.families.push_back(known.families[f]);
    for (controlled_samples& s : all)
      audited_.samples.push_back(std::move(s.itself));
    return out;
  }

  /// What variants are held against, after that; empty in a process that makes no report.
  const audited_samples& audited() const noexcept { return audited_; }

  /// Of the variant of that number, if it could be gathered.
  std::optional<measured_variant> beside(std::size_t other) const {
    return beside_[other] ? beside_[other]->found() : std::nullopt;
  }

  /// What the SAE's encoder reads of the reference on the rows that thresholds are set on.
  std::vector<float> encoder_sample() const {
    if (!has_all_rows()) return sample_encoder_inputs(with_);
    const token_layout& layout = passes_.features().layout();
    const std::size_t wanted = rows_for_thresholds(with_) * layout.kept_per_row();
    std::vector<float> inputs;
    for (std::size_t b = 0; b < layout.blocks() && inputs.size() < wanted * with_.dictionary.d_in; ++b) {
      const activations kept = (*passes_.features().dense())[b];
      const std::vector<float> some = encoder_inputs(with_.dictionary, kept.view());
      inputs.insert(inputs.end(), some.begin(), some.end());
    }
    inputs.resize(wanted * with_.dictionary.d_in);
    return inputs;
  }

  /// Of every feature on the reference, by the whole dictionary's count of firings, which all processes know.
  std::vector<double> firing_rates() const { return passes_.reference().side.firing_rates(); }

 private:
  /// A process that has only some of the rows runs the reference over all of them once more.
  dictionary_facts facts() const {
    if (has_all_rows()) return facts_on(passes_.features());
    audit_options options = with_.options;
    options.share = {};
    options.checkpoint = {};
    options.losses = false;
    return facts_on(
        control_passes(with_.model, with_.dictionary, with_.rows, with_.settings, options, with_.told).features());
  }

  static audit_options paired(audit_options options) {
    options.paired = true;
    return options;
  }

  /// Fills `to`, which must stay where it is, once the pass is whole.
  template <class Compress>
  void run(const std::string& name, Compress compress, damage_sample& to, const pass_options& how = {.losses = false},
           bool with_halves = false, group_deletions* excess = nullptr) {
    passes_.run(
        name, std::move(compress),
        [this, &to, with_halves, excess](const pass_record& record) {
          if (!concludes_) return;
          to = sample_of(record.table, passes_.counted(), record.name, with_halves);
          if (excess != nullptr) *excess = excess_by_groups(record.losses, record.groups);
        },
        how);
  }
  void run_policy(const any_policy& policy, damage_sample& to) {
    run(
        policy.name(), [this, policy] { return passes_.model().compress_by(policy, with_.targets); }, to);
  }

  /// As many variants as there is room for: their SAEs, all in memory at once, take no more than the audit's stores
  /// may.
  void prepare(std::span<const variant_choice> others) {
    beside_.resize(others.size());
    std::size_t room = with_.options.spill_budget;
    for (std::size_t i = 0; i < others.size() && with_.options.share.parts == 1; ++i) {
      if (others[i].own_rows || room < variant_beside::bytes_of(with_.dictionary)) continue;
      room -= variant_beside::bytes_of(with_.dictionary);
      beside_[i].emplace(others[i].what, others[i].make());
    }
  }
  template <class Show>
  void for_each_beside(Show show) {
    for (std::optional<variant_beside>& one : beside_)
      if (one) show(*one);
  }

  /// The reference's second pass is the variants' first.
  void check_itself(self_check& out) {
    const auto watch = [&](std::size_t block, matrix_view<const float> x) {
      for_each_beside([&](variant_beside& one) { one.add_reference(block, x); });
    };
    passes_.run(
        "reference again", [&] { return passes_.model().compress_by(any_policy{}, with_.targets); },
        [&](const pass_record& record) {
          if (concludes_) out = check_of(record, passes_.counted());
        },
        {.watch = watch});
    passes_.settle();
  }

  /// The pass of a policy, what reads the same activations beside it, and the covariance of its error.
  error_covariance run_itself(const any_policy& policy, controlled_samples& to) {
    const token_layout& layout = passes_.features().layout();
    error_covariance covariance(with_.dictionary.d_in);
    std::size_t blocks = 0;
    const auto watch = [&](std::size_t block, matrix_view<const float> x) {
      for_each_beside([&](variant_beside& one) { one.add(block, x); });
      if (!has_all_rows() || block != blocks) return;
      const activations reference = (*passes_.features().dense())[block];
      covariance(reference.view(), kept_activations(x, layout).view());
      ++blocks;
    };
    for_each_beside([&](variant_beside& one) { one.begin(policy.name()); });
    run(
        policy.name(), [this, policy] { return passes_.model().compress_by(policy, with_.targets); }, to.itself,
        {.losses = matches_pruning(), .watch = watch}, true, matches_pruning() ? &to.excess : nullptr);
    for_each_beside([](variant_beside& one) { one.end(); });
    return has_all_rows() && blocks == layout.blocks() ? covariance : covariance_of(policy);
  }

  /// Rounding behind each block up to the hook.
  std::vector<activation_edit> residual_edits() const {
    const hook_point& hook = passes_.model().hook();
    if (hook.kind == hook_kind::resid_post) return residual_in_bf16(hook.layer);
    return hook.layer == 0 ? std::vector<activation_edit>{} : residual_in_bf16(hook.layer - 1);
  }

  void run_controls(const any_policy& policy, const error_covariance& covariance, controlled_samples& to) {
    const auto place = [&](control_kind kind) -> damage_sample& {
      std::vector<damage_sample>& runs = to.controls[kind];
      runs.reserve(
          (std::max)({how_.seeds, how_.noise_seeds, std::size_t{1}}));  // a sample is filled later, where it is
      return runs.emplace_back();
    };
    for (const weight_control_run& control : weight_controls_of(policy, how_.seeds))
      run_policy(control.policy, place(control.kind));
    const auto disturbed = [&](control_kind kind, std::uint64_t seed, activation_edit noise) {
      const std::string number = seed == 1 ? "" : ", seed " + std::to_string(seed);
      run(std::string(name(kind)) + " of " + policy.name() + number, [this] { return passes_.model().uncompressed(); },
          place(kind), {.losses = false, .edits = {std::move(noise)}});
    };
    const hook_point& hook = passes_.model().hook();
    const std::size_t context = passes_.tokens().context;
    to.energy = covariance.energy();
    for (std::uint64_t seed = 1; seed <= how_.noise_seeds; ++seed) {
      disturbed(control_kind::isotropic_noise, seed, isotropic_noise(hook, to.energy, context, seed));
      disturbed(control_kind::covariant_noise, seed, covariant_noise(hook, covariance, context, seed));
    }
    if (concludes_)
      to.error_variances = variances_along_encoder(covariance, passes_.features().dictionary(), passes_.counted());
    if (matches_pruning()) prune_at_random(policy, to);
  }

  bool matches_pruning() const { return with_.matching.rows() > 0 && with_.options.losses; }

  /// Random pruning of the policy's loss, each seed at two sparsities that a search on rows of its own has visited.
  void prune_at_random(const any_policy& policy, controlled_samples& to) {
    const auto loss_of = [&](const any_decoder& model) {
      return mean_loss(model, with_.matching, "match " + policy.name(), with_.told, with_.options.share);
    };
    const auto compressed_loss = [&](const any_policy& by) {
      return loss_of(passes_.model().ready(passes_.model().compress_by(by, with_.targets)));
    };
    if (!unpruned_loss_) unpruned_loss_ = loss_of(passes_.model().reference());
    const double target = compressed_loss(policy);
    for (std::uint64_t seed = 1; seed <= how_.pruning_seeds; ++seed) {
      const auto pruner = [&](double sparsity) { return random_pruner{.sparsity = sparsity, .seed = seed}; };
      pruned_runs& runs = to.pruned.emplace_back();
      runs.match = search_equal_loss(target, *unpruned_loss_, how_.pruning_tolerance,
                                     [&](double sparsity) { return compressed_loss(pruner(sparsity)); });
      if (!runs.match.across) continue;  // nothing to carry along
      const auto run_at = [&](double sparsity, costed_sample& sample) {
        run(
            describe(pruner(sparsity)) + " for " + policy.name(),
            [this, chosen = pruner(sparsity)] { return passes_.model().compress_by(chosen, with_.targets); },
            sample.damage, {}, false, &sample.excess);
      };
      run_at(runs.match.sparsity, runs.nearest);
      run_at(*runs.match.across, runs.across);
    }
  }

  /// Whether this process ran the reference over all rows, and not over its share of them.
  bool has_all_rows() const {
    const token_layout& layout = passes_.features().layout();
    return layout.run_rows() == layout.rows;
  }

  /// S_D of a policy at the hook, over all rows, which a process goes through by itself where its pass was shared out
  /// or began before it: sums of parts would not be the same to the bit.
  error_covariance covariance_of(const any_policy& policy) const {
    error_covariance out(with_.dictionary.d_in);
    token_layout layout = passes_.features().layout();
    layout.first = 0;
    layout.last = layout.rows;
    const any_decoder compressed = passes_.model().ready(passes_.model().compress_by(policy, with_.targets));
    run_over(
        compressed, passes_.tokens(), layout, passes_.model().hook(), "covariance of " + policy.name(), with_.told,
        [&](std::size_t block, matrix_view<const std::uint32_t> rows, matrix_view<const float> x,
            matrix_view<const float>) {
          const kept_activations kept(x, layout);
          if (has_all_rows()) {
            const activations reference = (*passes_.features().dense())[block];
            return out(reference.view(), kept.view());
          }
          passes_.model().reference().forward(
              rows, {.hooks = {passes_.model().hook()}},
              [&](std::size_t, matrix_view<float> h) { out(kept_activations(h, layout).view(), kept.view()); });
        },
        0, false);
    return out;
  }

  const control_material& with_;
  control_settings how_;
  bool concludes_;
  std::optional<double> unpruned_loss_;  // of the reference on the rows for matching, nats
  control_passes passes_;
  audited_samples audited_;
  std::vector<std::optional<variant_beside>> beside_;  // for each of the other choices
};

}  // namespace qfa

#endif
