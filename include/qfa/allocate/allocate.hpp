// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALLOCATE_ALLOCATE_HPP
#define QFA_ALLOCATE_ALLOCATE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/allocate/allocation.hpp"
#include "qfa/allocate/damage_table.hpp"
#include "qfa/allocate/held_out.hpp"
#include "qfa/allocate/plan_additivity.hpp"
#include "qfa/allocate/result.hpp"
#include "qfa/audit/group_lengthening.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/compress/weight_plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/locate/feature_weights.hpp"
#include "qfa/locate/isolated.hpp"
#include "qfa/locate/lengthen_groups.hpp"
#include "qfa/locate/unit_bench.hpp"
#include "qfa/locate/units.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// What to choose from, by what, and within which budget.
struct allocate_options {
  std::vector<any_policy> options{};  ///< policies that a matrix may have
  std::uint64_t bytes = 0;            ///< of all matrices that the targets choose; 0: what `like` takes
  any_policy like{};                  ///< in all of them
  chosen_weighting weighting{};       ///< listed: features to keep
  bool keep_kl = true;                ///< predicted KL no larger than that of uniform precision
  std::size_t fit_rows = 64;          ///< at most, from even groups of rows
  std::size_t held_out_rows = 256;    ///< at most, from odd ones
  target_patterns targets{};
  bool join_groups = false;  ///< groups of held-out rows that are too short (locate/lengthen_groups.hpp)
  bool expects_bos = false;  ///< the model's tokenizer begins every text with BOS
  bench_options bench{};
};

/// Rows of even groups and of odd ones (stats/row_groups.hpp), evenly thinned to no more than so many of each.
inline std::array<token_rows, 2> halves_of(const token_rows& all, std::size_t most_even, std::size_t most_odd) {
  const row_groups groups(all.rows());
  std::array<token_rows, 2> out;
  for (std::size_t parity = 0; parity < 2; ++parity) {
    std::vector<std::size_t> rows;
    for (std::size_t r = 0; r < all.rows(); ++r)
      if (groups.group_of(r) % 2 == parity) rows.push_back(r);
    const std::size_t count = (std::min)(rows.size(), parity == 0 ? most_even : most_odd);
    out[parity].context = all.context;
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = all.view().row(rows[i * rows.size() / count]);
      out[parity].ids.insert(out[parity].ids.end(), row.begin(), row.end());
    }
  }
  return out;
}

/// Every unit by itself under every policy, on all rows of the bench.  Throws where a policy does not say what it takes
/// or changes activations.
inline damage_table measure_damage(const unit_bench& bench, std::span<const compression_unit> units,
                                   std::span<const any_policy> policies, const target_patterns& targets) {
  damage_table out;
  for (const compression_unit& unit : units)
    out.units.push_back(unit.name);
  for (const any_policy& policy : policies)
    out.options.push_back(policy.name());
  out.features = bench.features();
  out.bits.resize(units.size() * policies.size());
  out.kl.resize(out.bits.size());
  out.noise.resize(out.bits.size() * out.features.size());
  measure_isolated(bench, units, policies, targets, [&](const isolated_unit& one) {
    if (!one.bits)
      fail("the policy " + out.options[one.option] + " does not say how many bits " + out.units[one.unit] +
           " takes, so that no budget can hold it");
    const std::size_t at = out.at(one.unit, one.option);
    out.bits[at] = static_cast<std::uint64_t>(std::ceil(*one.bits));
    comparison_sum sum;
    for (const comparison_sum& group : one.effect.losses)
      sum += group;
    if (std::isnan(sum.mean_kl()))
      fail("the model predicts nothing when " + out.units[one.unit] + " is compressed by " + out.options[one.option] +
           ": its logits are not numbers");
    out.kl[at] = (std::max)(0.0, sum.mean_kl());  // below 0 by rounding alone
    for (std::size_t j = 0; j < out.features.size(); ++j) {
      const double nu = one.effect.noise.all[j];
      out.noise[at * out.features.size() + j] = std::isnan(nu) ? 0.0 : (std::min)(nu, gone_noise);
    }
  });
  return out;
}

/// Chooses for each matrix one of the options, so that features suffer least within a budget of bytes: fitted on rows
/// of even groups, compared on rows of odd ones with uniform precision and with the least KL at the same budget.
/// Models are audited there as the policy file makes them.  Throws where no option fits when all
/// matrices have it, where no feature notices any of them, and where no feature of the list is measured.
inline allocation_result allocate(const language_model& model, const sae& dictionary, const token_rows& tokens,
                                  const audit_settings& settings, const allocate_options& options,
                                  const token_rows& calibration = {}, const progress& told = {}) {
  require(options.options.size() > 1, "an allocation needs at least two policies to choose from");
  const auto [fit_rows, held_out_rows] = halves_of(tokens, options.fit_rows, options.held_out_rows);
  require(fit_rows.rows() > 0 && held_out_rows.rows() > 0,
          "an allocation needs rows of at least two groups: 8 rows, better hundreds");
  bench_options with_losses = options.bench;
  with_losses.losses = true;
  const std::vector<double> lengths =
      options.weighting.by == feature_weighting::logit ? logit_lengths(dictionary, model) : std::vector<double>{};
  const auto bench_on = [&](const token_rows& rows) {
    unit_bench bench(model, dictionary, rows, settings, with_losses, told);
    if (calibration.rows() > 0) bench.calibrate_on(calibration);
    return bench;
  };
  const auto weights_on = [&](const unit_bench& bench) {
    std::vector<double> weights = weights_of(options.weighting.by, bench.features(), bench.masses(), dictionary,
                                             lengths, options.weighting.listed);
    if (std::ranges::none_of(weights, [](double w) { return w > 0.0; }))
      fail("no feature that counts fires often enough on " + std::to_string(bench.tokens().rows()) +
           " rows to be measured");
    return weights;
  };

  const auto named = [](std::string_view plan) { return "the plan \"" + std::string(plan) + "\""; };
  const auto whole_groups = [](group_halving found) {  // no half of these rows chooses what the other one judges
    found.for_halves = found.to;
    return found;
  };

  allocation_result out{
      .hook = settings.hook,
      .weighting = std::string(feature_weighting_names[static_cast<std::size_t>(options.weighting.by)])};
  out.listed = options.weighting.listed.size();
  out.gate = activation_names[static_cast<std::size_t>(dictionary.activation)];
  out.sae_width = dictionary.d_sae;
  if (const std::size_t both = rows_in_common(calibration, held_out_rows); both > 0)
    out.warnings.push_back(
        std::to_string(both) + " of the " + std::to_string(calibration.rows()) +
        " rows that policies learned from are held-out rows, on which plans look better than they are");
  std::vector<compression_unit> units;
  std::vector<weight_plan> plans;
  {
    unit_bench bench = bench_on(fit_rows);
    units = bench.units(unit_kind::tensors, options.targets);
    if (auto warning = missing_bos_warning(bench.model().reference(), fit_rows, options.expects_bos))
      out.warnings.push_back(*std::move(warning));
    out.fit_tokens = fit_rows.ids.size();
    const auto bits_under = [&](const any_policy& policy) {
      std::uint64_t sum = 0;
      const unit_option whole = bench.compress(policy, options.targets);
      for (const compression_unit& unit : units) {
        const std::optional<double> bits = stored_bits_of(unit, whole.tensors);
        if (!bits) fail("the policy " + policy.name() + " does not say how many bits " + unit.name + " takes");
        sum += static_cast<std::uint64_t>(std::ceil(*bits));
      }
      return sum;
    };
    out.budget_bits = options.bytes > 0 ? options.bytes * 8 : bits_under(options.like);
    // Before any pass of a model is run: what follows takes one for each matrix and option.
    if (std::ranges::none_of(options.options,
                             [&](const any_policy& policy) { return bits_under(policy) <= out.budget_bits; }))
      fail("no option fits a budget of " + std::to_string(out.budget_bits / 8) + " bytes when all " +
           std::to_string(units.size()) + " matrices have it");
    out.table = measure_damage(bench, units, options.options, options.targets);
    const damage_table& table = out.table;
    const std::optional<std::size_t> uniform = table.uniform_within(out.budget_bits);
    require(uniform.has_value(), "an option takes more when it is measured than when it was weighed");
    out.uniform = *uniform;
    out.damages = table.damages(weights_on(bench));
    const allocation same = predict_allocation(table, out.damages, std::vector<std::size_t>(units.size(), *uniform));
    if (!(same.damage > 0.0))
      fail("no feature at " + settings.hook + " notices the compression of any of these matrices by " +
           table.options[*uniform]);
    const allocation alone = least_damage(table, out.damages, out.budget_bits);
    out.predicted = {same, options.keep_kl ? least_damage_at_kl(table, out.damages, out.budget_bits, same) : alone,
                     alone, least_kl(table, out.damages, out.budget_bits)};
    for (const allocation& one : out.predicted)
      plans.push_back(plan_of(table, options.options, one.chosen));
    out.plan = plans[1];
    const unit_option mixed = bench.compress(plans[1], options.targets);
    if (options.join_groups) out.fit_halving = whole_groups(lengthen_groups(bench, mixed, units, named(mix_names[1])));
    out.adds_up = plan_additivity(bench, units, options.options, out.predicted[1].chosen, mixed, options.targets);
  }
  with_losses.fits = true;
  unit_bench bench = bench_on(held_out_rows);
  const auto mixed_by = [&](std::size_t i) {
    const unit_option mixed = bench.compress(plans[i], options.targets);
    return bench.assembled({&mixed, 1}, units, std::vector<std::size_t>(units.size(), 0));
  };
  if (options.join_groups) {
    group_lengthening lengthening(bench.groups().gathered());
    for (std::size_t i = 0; i < plans.size(); ++i) {
      const row_series rows = measure_rows(bench, bench.ready(mixed_by(i)));
      lengthening(rows.losses, rows.cosines, named(mix_names[i]));
    }
    bench.join_groups(lengthening.found().block_length);
    out.halving = whole_groups(lengthening.found());
  }
  out.reference_fvu = bench.reference().reference().side.fit().fvu;
  out.held_out_tokens = held_out_rows.ids.size();
  out.held_out_groups = bench.groups().whole().groups();
  const std::vector<double> weights = weights_on(bench);
  if (options.weighting.by == feature_weighting::listed)
    out.listed_measured = static_cast<std::size_t>(std::ranges::count(weights, 1.0));
  bench.measure(
      nullptr, plans.size(), mixed_by,
      [&](std::size_t i, const unit_effect& effect) {
        held_out_mix mix = describe_mix(std::string(mix_names[i]), effect.noise, bench.groups().by_whole(effect.losses),
                                        weights, settings.rules.bands);
        mix.chosen = out.predicted[i].chosen;
        mix.bits = out.predicted[i].bits;
        mix.fvu = effect.fvu;
        out.mixes.push_back(std::move(mix));
      },
      "held-out");
  for (const auto& [a, b] : {std::pair(1, 0), std::pair(2, 0), std::pair(3, 0), std::pair(1, 3)})
    out.comparisons.push_back(
        compare_mixes(out.mixes[static_cast<std::size_t>(a)], out.mixes[static_cast<std::size_t>(b)]));
  return out;
}

}  // namespace qfa

#endif
