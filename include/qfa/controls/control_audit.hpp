// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_CONTROL_AUDIT_HPP
#define QFA_CONTROLS_CONTROL_AUDIT_HPP

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/model_pass.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/controls/control_passes.hpp"
#include "qfa/controls/weight_controls.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// The rows that controls run on: the first of the reported ones, `max_tokens` of them at most and one at least.
inline token_rows rows_for_controls(const token_rows& reported, const control_settings& settings) {
  const std::size_t most = settings.max_tokens == 0 ? reported.rows() : settings.max_tokens / reported.context;
  return rows_of(reported, 0, (std::min)(reported.rows(), (std::max<std::size_t>)(most, 1)));
}

/// The controls of an audit of weight policies (validity, section 4).
///
///   control_audit controls(model, dictionary, rows_for_controls(tokens, how), settings, options, how);
///   const control_findings found = controls.run(policies, targets);
///
/// An audit of its own, on rows of its own: policies run on them again, so that each claim and what decides it come
/// from the same tokens.  Passes end with the hook, but for the one that holds the reference against itself.
class control_audit {
 public:
  /// Runs the reference.
  control_audit(language_model model, sae dictionary, token_rows rows, const audit_settings& settings,
                const audit_options& options, const control_settings& how, progress told = {})
      : how_(how),
        losses_(options.losses),
        concludes_(options.share.concludes),
        passes_(std::move(model), std::move(dictionary), std::move(rows), settings, options, std::move(told)) {}

  /// Rows that calibrated policies learn from.
  void calibrate_on(token_rows rows) { passes_.model().calibrate_on(std::move(rows)); }

  /// Everything, of policies with names of their own.  In a process that makes no report nothing is found.
  control_findings run(std::span<const any_policy> policies, const target_patterns& targets = {}) {
    control_findings out = describe();
    check_itself(out.self, targets);
    const damage_sample weights = sample("reference in bfloat16 weights", [&] {
      return passes_.model().take(rounded_to_bf16(passes_.model().stored()), targets, {});
    });
    const std::size_t hook_layer = passes_.model().hook().layer;
    const bool at_block_end = passes_.model().hook().kind == hook_kind::resid_post;
    pass_options rounding{.losses = false};
    if (at_block_end || hook_layer > 0) rounding.edits = residual_in_bf16(at_block_end ? hook_layer : hook_layer - 1);
    const damage_sample residual = sample(
        "reference with a bfloat16 residual stream", [&] { return passes_.model().uncompressed(); }, rounding);

    struct controlled {
      damage_sample itself;
      std::map<weight_control, std::vector<damage_sample>> controls;
    };
    std::vector<controlled> all(policies.size());
    for (std::size_t i = 0; i < policies.size(); ++i) {
      run_policy(policies[i], targets, all[i].itself);
      for (const weight_control_run& control : weight_controls_of(policies[i], how_.seeds)) {
        std::vector<damage_sample>& runs = all[i].controls[control.kind];
        runs.reserve((std::max<std::size_t>)(how_.seeds, 1));  // a sample is filled later, where it is
        run_policy(control.policy, targets, runs.emplace_back());
      }
    }
    passes_.settle();
    if (!concludes_) return out;

    out.floors = {floor_of("weights rounded to bfloat16", weights),
                  floor_of("residual stream rounded to bfloat16", residual)};
    const damage_controls order(passes_.reference().table, passes_.counted());
    for (const controlled& one : all)
      out.policies.push_back(conclude(one.itself, one.controls, out.floors));
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = i + 1; j < all.size(); ++j) {
        const auto& a = all[i].controls[weight_control::matched_noise];
        const auto& b = all[j].controls[weight_control::matched_noise];
        out.pairs.push_back({all[i].itself.name, all[j].itself.name,
                             compare_with_null(all[i].itself, all[j].itself, a, b),
                             compare_order(order, all[i].itself, all[j].itself, a, b)});
      }
    return out;
  }

 private:
  control_findings describe() const {
    control_findings out;
    out.settings = how_;
    out.rows = passes_.tokens().rows();
    out.context = passes_.tokens().context;
    out.tokens = static_cast<std::size_t>(passes_.reference().table.tokens());
    out.groups = passes_.features().groups().groups();
    out.counted = passes_.counted().size();
    out.gate = passes_.features().dictionary().activation;
    return out;
  }

  /// Fills `to`, which must stay where it is, once the pass is whole.
  template <class Compress>
  void run(const std::string& name, Compress compress, damage_sample& to, const pass_options& how) {
    passes_.run(
        name, std::move(compress),
        [this, &to](const pass_record& record) { to = sample_of(record.table, passes_.counted(), record.name); }, how);
  }
  void run_policy(const any_policy& policy, const target_patterns& targets, damage_sample& to) {
    run(policy.name(), [this, policy, &targets] { return passes_.model().compress_by(policy, targets); }, to,
        {.losses = false});
  }

  /// A pass whose sample is wanted at once.
  template <class Compress>
  damage_sample sample(const std::string& name, Compress compress, const pass_options& how = {.losses = false}) {
    damage_sample out;
    run(name, std::move(compress), out, how);
    passes_.settle();
    return out;
  }

  void check_itself(self_check& out, const target_patterns& targets) {
    passes_.run(
        "reference again", [&] { return passes_.model().compress_by(any_policy{}, targets); },
        [&](const pass_record& record) {
          const damage_sample itself = sample_of(record.table, passes_.counted(), record.name);
          out.changed_features = itself.changed;
          out.least_r = percentile(itself.r, 0.0);
          if (record.losses.empty()) return;
          comparison_sum sum;
          for (const comparison_sum& row : record.losses)
            sum += row;
          out.kl = sum.mean_kl();
          out.excess_loss = sum.compressed.mean() - sum.reference.mean();
        },
        {.losses = losses_});
    passes_.settle();
  }

  controlled_policy conclude(const damage_sample& itself,
                             const std::map<weight_control, std::vector<damage_sample>>& controls,
                             std::span<const numerics_floor> floors) const {
    constexpr double limit = honest.bands.survives_above;
    controlled_policy out;
    out.policy = itself.name;
    const auto share = [&](std::size_t g) { return surviving_share(itself.without(g), limit); };
    out.survived = jackknife(share(itself.groups), itself.groups, share, {.scale = interval_scale::logit});
    out.survivors = static_cast<std::size_t>(std::ranges::count_if(itself.r, [](double r) { return r > limit; }));
    out.flip_share = itself.flip_share;
    out.reliability = reliability_of(itself);
    for (const auto& [kind, runs] : controls)
      if (!runs.empty()) out.contrasts.push_back(contrast(std::string(name(kind)), itself, runs));
    if (out.contrasts.empty())
      out.refusal = "it changes activations too, and noise of the weights alone would leave the other half out";
    for (const numerics_floor& floor : floors)
      out.beyond.push_back(floor.beyond(itself));
    return out;
  }

  control_settings how_;
  bool losses_;
  bool concludes_;
  control_passes passes_;
};

}  // namespace qfa

#endif
