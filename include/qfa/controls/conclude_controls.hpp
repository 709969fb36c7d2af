// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_CONCLUDE_CONTROLS_HPP
#define QFA_CONTROLS_CONCLUDE_CONTROLS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/controls/control_findings.hpp"
#include "qfa/controls/control_passes.hpp"
#include "qfa/controls/pruned_runs.hpp"
#include "qfa/controls/survival_variant.hpp"
#include "qfa/controls/weight_controls.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/predict/noise_baseline.hpp"
#include "qfa/sae/families.hpp"
#include "qfa/sae/near_threshold.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/stats/percentile.hpp"

namespace qfa {

/// What the passes of one policy and of its controls leave.
struct controlled_samples {
  damage_sample itself;
  double energy = 0.0;  ///< E|D|^2 at the hook
  std::map<control_kind, std::vector<damage_sample>> controls;
  std::vector<double> error_variances;   ///< (counted): e^T S_D e, where S_D is known
  group_deletions excess{};              ///< of the policy's loss over the reference's, where pruning is matched to it
  std::deque<pruned_runs> pruned{};      ///< at random, for each of their seeds
  std::vector<matched_pruning> matches;  ///< of random pruning, one a seed

  std::span<const damage_sample> of(control_kind kind) const {
    const auto found = controls.find(kind);
    return found == controls.end() ? std::span<const damage_sample>{} : std::span(found->second);
  }
};

/// Random pruning becomes a control of its policy, at the policy's own loss, once its runs are whole; where no equal
/// loss was found, it does not.
inline void carry_to_equal_loss(controlled_samples& s) {
  for (pruned_runs& runs : s.pruned) {
    if (std::optional<damage_sample> equal = at_equal_loss(runs, s.excess))
      s.controls[control_kind::random_pruning].push_back(*std::move(equal));
    s.matches.push_back(runs.match);
  }
  s.pruned.clear();
}

/// What a second pass of the reference says of the first.
inline self_check check_of(const pass_record& again, std::span<const std::uint32_t> counted) {
  self_check out;
  const damage_sample itself = sample_of(again.table, counted, again.name);
  out.changed_features = itself.changed;
  out.least_r = percentile(itself.r, 0.0);
  if (again.losses.empty()) return out;
  comparison_sum sum;
  for (const comparison_sum& row : again.losses)
    sum += row;
  out.kl = sum.mean_kl();
  out.excess_loss = sum.compressed.mean() - sum.reference.mean();
  return out;
}

namespace detail {

inline controlled_policy conclude_policy(const controlled_samples& s, std::span<const numerics_floor> floors) {
  const survival_variant::condition itself = condition_of(s.itself);
  controlled_policy out;
  out.policy = s.itself.name;
  out.survived = itself.survived;
  out.mean_r = itself.mean_r;
  out.survivors = static_cast<std::size_t>(std::ranges::count_if(s.itself.r, [](double r) { return r > 0.9; }));
  out.flip_share = s.itself.flip_share;
  out.error_energy = s.energy;
  out.reliability = reliability_of(s.itself);
  out.selection = check_selection(s.itself);
  out.matches = s.matches;
  for (const auto& entry : s.controls)
    out.contrasts.push_back(contrast(std::string(name(entry.first)), s.itself, entry.second));
  if (s.of(control_kind::matched_noise).empty())
    out.refusal = "it changes activations too, and noise of the weights alone would leave the other half out";
  for (const numerics_floor& floor : floors)
    out.beyond.push_back(floor.beyond(s.itself));
  return out;
}

/// Variances of the counted features' pre-activations under an isotropic error of `energy` = E|D|^2, crossings of their
/// thresholds in them, with the densities there that the same half of the rows has.  `norms` are |e_j|^2 of the
/// counted; all must outlive what is returned.
inline half_profiles::error_variance variances_with_flips(const sae& dictionary, std::span<const std::uint32_t> counted,
                                                          std::span<const double> norms, double energy) {
  return [&dictionary, counted, norms, energy](const half_profiles::half& seen, std::size_t f) {
    return gated_error_variance(energy / static_cast<double>(dictionary.d_in) * norms[f],
                                static_cast<double>(dictionary.threshold[counted[f]]), seen.nearby[f]);
  };
}

}  // namespace detail

/// What the reference's codes of all rows say of the whole dictionary's features.
struct dictionary_facts {
  std::vector<std::uint32_t> families;  ///< near-duplicates share one
  /// firings_near_threshold, (groups, d_sae), of a JumpReLU that reads activations as they are.
  std::vector<std::uint32_t> nearby{};
};

inline dictionary_facts facts_on(const feature_audit& features) {
  const sae& dictionary = features.dictionary();
  const std::size_t blocks = features.codes().blocks();
  const auto block_at = [&](std::size_t b) { return features.codes()[b]; };
  dictionary_facts out{find_families(dictionary, blocks, block_at, features.reference().side.firings())};
  // What crossings cost depends on the error's size, which is known in the units of the activations.
  if (dictionary.activation == activation_kind::jump_relu && dictionary.norm == input_norm::none)
    out.nearby = firings_near_threshold(dictionary, features.groups().groups(), blocks, block_at,
                                        [&](std::size_t b) { return features.groups_of(b); });
  return out;
}

/// Fills in what the passes say; `weights` and `residual` are the reference's after rounding, `facts` those of all
/// rows.
inline void conclude_controls(control_findings& out, const control_passes& passes,
                              std::span<const controlled_samples> all, const damage_sample& weights,
                              const damage_sample& residual, const dictionary_facts& facts) {
  const sae& dictionary = passes.features().dictionary();
  const feature_table& table = passes.reference().table;
  out.rows = passes.tokens().rows();
  out.context = passes.tokens().context;
  out.tokens = static_cast<std::size_t>(table.tokens());
  token_layout apart = passes.features().layout();
  out.groups = apart.groups().groups();
  apart.block_length = 0.0;
  out.groups_before = apart.groups().groups();
  out.counted = passes.counted().size();
  out.gate = dictionary.activation;
  out.floors = {floor_of("weights rounded to bfloat16", weights),
                floor_of("residual stream rounded to bfloat16", residual)};

  const half_profiles profiles(table, passes.counted(), facts.nearby);
  const std::vector<double> norms = encoder_norms_squared(dictionary.w_enc, dictionary.d_in, dictionary.d_sae);
  std::vector<double> counted_norms;
  for (const std::uint32_t f : passes.counted())
    counted_norms.push_back(norms[f]);
  std::vector<std::uint32_t> families;
  for (const std::uint32_t f : passes.counted())
    families.push_back(facts.families[f]);
  std::map<std::uint32_t, std::size_t> members;
  for (const std::uint32_t family : families)
    out.largest_family = (std::max)(out.largest_family, ++members[family]);
  out.families = members.size();
  for (const controlled_samples& s : all) {
    controlled_policy& p = out.policies.emplace_back(detail::conclude_policy(s, out.floors));
    half_profiles::error_variance with_flips;
    if (!facts.nearby.empty())
      with_flips = detail::variances_with_flips(dictionary, passes.counted(), counted_norms, s.energy);
    p.prediction = predict_with_controls(profiles, s.itself, counted_norms, families, {}, with_flips);
    if (!s.error_variances.empty())
      p.prediction.covariance_auc = noise_prediction(profiles, s.itself, fixed_variances(s.error_variances));
  }

  const damage_controls order(table, passes.counted());
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (i == j) continue;
      const damage_sample &a = all[i].itself, &b = all[j].itself;
      out.transfers.push_back(measure_transfer(profiles, a, b, families));
      if (j < i) continue;
      const auto null_by = [&](control_kind kind) { return compare_with_null(a, b, all[i].of(kind), all[j].of(kind)); };
      const std::span<const damage_sample> noise_a = all[i].of(control_kind::matched_noise),
                                           noise_b = all[j].of(control_kind::matched_noise);
      const std::vector<double> foretold = foretold_survival(out.policies[i].prediction, out.policies[j].prediction);
      out.pairs.push_back(
          {a.name, b.name, null_by(control_kind::matched_noise), compare_order(order, a, b, noise_a, noise_b),
           null_by(control_kind::random_pruning).null_jaccard.value,
           compare_within_strata(a, b, foretold, noise_a, noise_b), compare_worst(a, b, noise_a, noise_b)});
    }
}

}  // namespace qfa

#endif
