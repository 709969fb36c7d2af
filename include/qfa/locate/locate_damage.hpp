// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_LOCATE_DAMAGE_HPP
#define QFA_LOCATE_LOCATE_DAMAGE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/core/error.hpp"
#include "qfa/locate/additivity.hpp"
#include "qfa/locate/depth_patch.hpp"
#include "qfa/locate/feature_weights.hpp"
#include "qfa/locate/isolated.hpp"
#include "qfa/locate/noise_sum.hpp"
#include "qfa/locate/rank_stability.hpp"
#include "qfa/locate/unit_bench.hpp"
#include "qfa/locate/units.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Weights of the bench's features, told by the reference alone.  They add up to 1: sums of noise are means.  Throws
/// where none of them counts.
inline std::vector<double> feature_weights(const unit_bench& bench, const chosen_weighting& weighting) {
  const sae& dictionary = bench.reference().dictionary();
  const std::vector<double> lengths = weighting.by == feature_weighting::logit
                                          ? logit_lengths(dictionary, bench.model().stored())
                                          : std::vector<double>{};
  std::vector<double> weights =
      weights_of(weighting.by, bench.features(), bench.masses(), dictionary, lengths, weighting.listed);
  double sum = 0.0;
  for (const double w : weights)
    sum += w;
  if (!(sum > 0.0))
    fail("no feature that counts fires often enough on " + std::to_string(bench.tokens().rows()) +
         " rows to be measured");
  for (double& w : weights)
    w /= sum;
  return weights;
}

struct location_options {
  unit_kind kind = unit_kind::tensors;
  target_patterns targets{};
  chosen_weighting weighting{};
};

/// One unit's part in the damage.
struct located_unit {
  std::string name;
  std::size_t weights = 0;
  bool reaches_hook =
      true;  ///< false: nothing that it changes comes before the hook; its part is 0, without an interval
  std::optional<double> bits{};           ///< stored, scales included
  noise_sum isolated;                     ///< sum_j w_j I_tj: the unit alone is compressed
  noise_sum left_out;                     ///< sum_j w_j L_tj: what is gone where all others are
  estimate share;                         ///< of the isolated damage of all units; on logit
  estimate left_out_share;                ///< sum_j w_j L_tj over sum_j w_j nu_j(all); may be negative
  std::optional<estimate> kl{};           ///< mean KL(reference || unit alone), nats; on log
  std::optional<estimate> excess_loss{};  ///< nats, of the unit alone
};

/// Where in a model a policy's damage to features comes from, and how far to trust that.
struct damage_location {
  std::string policy;
  unit_kind kind = unit_kind::tensors;
  feature_weighting weighting = feature_weighting::uniform;
  std::size_t features = 0;  ///< measured
  std::array<double, 2>
      effective_groups{};           ///< least and most that their evidence is worth (stats/feature_statistics.hpp)
  std::vector<located_unit> units;  ///< in the model's order
  noise_sum whole;                  ///< sum_j w_j nu_j(all): all units compressed
  estimate noise;                   ///< the same, with its interval on log
  unit_additivity adds_up;
  estimate total_additivity;  ///< sum_j w_j nu_j(all) over sum_tj w_j I_tj: what a sum over units is worth; on log
  /// Spearman's correlation of the units' damage on even and on odd groups of rows, of the units that any damage comes
  /// from; its interval is for what two such halves have on average (locate/rank_stability.hpp).
  estimate ranking;
  std::size_t ranked = 0;    ///< such units
  std::size_t worst = 0;     ///< the unit that carries most on the even groups
  std::size_t second = 0;    ///< the one that carries most behind it; the same where there is no other
  estimate worst_share;      ///< the worst one's share on the odd groups, which did not choose it; on logit
  estimate lead;             ///< its share less the second one's, on the odd groups
  std::size_t carriers = 0;  ///< the fewest units that have half of the isolated damage on the even groups
  estimate carried;          ///< and their share on the odd ones; on logit
  std::optional<depth_profile> depths{};                             ///< where the bench has losses
  double reference_fvu = std::numeric_limits<double>::quiet_NaN();   ///< of the SAE on the reference
  double compressed_fvu = std::numeric_limits<double>::quiet_NaN();  ///< and on the compressed model
};

namespace detail {

/// Units by their damage on the even groups of rows, the worst first; of equals the earlier.
inline std::vector<std::size_t> worst_on_even(std::span<const located_unit> units) {
  std::vector<std::size_t> out(units.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  std::ranges::stable_sort(
      out, [&](std::size_t a, std::size_t b) { return units[a].isolated.half[0] > units[b].isolated.half[0]; });
  return out;
}

inline estimate share_of(const noise_sum& part, const noise_sum& whole, interval_scale scale) {
  return jackknife(ratio(part.all, whole.all), part.without.size(),
                   [&](std::size_t g) { return ratio(part.without[g], whole.without[g]); }, {.scale = scale});
}

/// The share on one half of the groups, 0 the even ones.
inline estimate half_share_of(const noise_sum& part, const noise_sum& whole, std::size_t half, interval_scale scale) {
  std::vector<double> without;
  for (std::size_t g = half; g < part.half_without.size(); g += 2)
    without.push_back(ratio(part.half_without[g], whole.half_without[g]));
  return jackknife(ratio(part.half[half], whole.half[half]), without, {.scale = scale});
}

/// How alike the halves rank the units that have any damage.
inline estimate rank_agreement(std::span<const located_unit> units, std::size_t& ranked) {
  std::vector<const noise_sum*> sums;
  for (const located_unit& unit : units)
    if (unit.isolated.all > 0.0) sums.push_back(&unit.isolated);
  ranked = sums.size();
  return rank_stability(sums);
}

}  // namespace detail

/// Sums up units that were measured: `total` adds up the isolated noise of all of them, `all` is that of the whole
/// compressed model, and `units` have their sums; fills in shares and the rest.  Throws without units.
inline damage_location conclude_location(std::vector<located_unit> units, const noise_total& total,
                                         const feature_noise& all, std::span<const double> weights) {
  require(!units.empty(), "damage is located among at least one unit");
  damage_location out;
  out.units = std::move(units);
  out.whole = sum_noise(all, weights);
  noise_sum isolated = out.units.front().isolated;
  for (std::size_t u = 1; u < out.units.size(); ++u)
    isolated += out.units[u].isolated;
  for (located_unit& unit : out.units) {
    if (!unit.reaches_hook) {
      unit.share.value = unit.left_out_share.value = 0.0;
      unit.share.range.reason = unit.left_out_share.range.reason =
          "nothing that the unit changes comes before the hook";
      continue;
    }
    unit.share = detail::share_of(unit.isolated, isolated, interval_scale::logit);
    unit.left_out_share = detail::share_of(unit.left_out, out.whole, interval_scale::identity);
  }
  out.noise = jackknife(out.whole.all, out.whole.without, {.scale = interval_scale::log});
  out.adds_up = measure_additivity(all, total);
  out.total_additivity = detail::share_of(out.whole, isolated, interval_scale::log);
  out.ranking = detail::rank_agreement(out.units, out.ranked);
  const std::vector<std::size_t> order = detail::worst_on_even(out.units);
  out.worst = order.front();
  out.second = order.size() > 1 ? order[1] : order.front();
  noise_sum carriers = out.units[out.worst].isolated;
  for (out.carriers = 1; out.carriers < order.size() && carriers.half[0] < 0.5 * isolated.half[0]; ++out.carriers)
    carriers += out.units[order[out.carriers]].isolated;
  out.carried = detail::half_share_of(carriers, isolated, 1, interval_scale::logit);
  const noise_sum& worst = out.units[out.worst].isolated;
  noise_sum lead = worst;
  lead -= out.units[out.second].isolated;
  out.worst_share = detail::half_share_of(worst, isolated, 1, interval_scale::logit);
  out.lead = detail::half_share_of(lead, isolated, 1, interval_scale::identity);
  return out;
}

/// Locates the damage that a compressed form of the model, made by the bench with the same targets, does to the bench's
/// features: two passes over its rows for every unit that lies before the hook, and where the bench has losses, for
/// every unit and layer.
inline damage_location locate_damage(const unit_bench& bench, const unit_option& option,
                                     const location_options& options = {}) {
  const std::vector<compression_unit> units = bench.units(options.kind, options.targets);
  const std::span<const unit_option> form(&option, 1);
  const std::vector<double> weights = feature_weights(bench, options.weighting);
  const auto over_groups = [&](std::span<const comparison_sum> of_halves, auto statistic, interval_scale scale) {
    const std::vector<comparison_sum> sums = bench.groups().by_whole(of_halves);
    const auto of = [&](std::size_t g) { return statistic(sum_without(sums, g)); };
    return jackknife(of(sums.size()), sums.size(), of, {.scale = scale});
  };

  std::vector<located_unit> located(units.size());
  noise_total total;
  bench.measure(
      nullptr, units.size(), [&](std::size_t u) { return bench.assembled(form, units, one_of_all(u, units.size())); },
      [&](std::size_t u, unit_effect effect) {
        located_unit& unit = located[u];
        unit.name = units[u].name;
        unit.weights = units[u].weights();
        unit.bits = stored_bits_of(units[u], option.tensors);
        unit.reaches_hook = effect.reaches_hook;
        unit.isolated = sum_noise(effect.noise, weights);
        total(effect.noise);
        if (effect.losses.empty()) return;
        unit.kl = over_groups(
            effect.losses, [](const comparison_sum& s) { return s.mean_kl(); }, interval_scale::log);
        unit.excess_loss = over_groups(
            effect.losses, [](const comparison_sum& s) { return s.compressed.mean() - s.reference.mean(); },
            interval_scale::identity);
      },
      "each unit alone");

  const runnable_model compressed =
      bench.ready(bench.assembled(form, units, std::vector<std::size_t>(units.size(), 0)));
  const unit_effect all = bench.measure(
      &compressed, units.size(),
      [&](std::size_t u) { return bench.assembled(form, units, all_but_one(u, units.size())); },
      [&](std::size_t u, unit_effect effect) { located[u].left_out = sum_noise(effect.noise, weights); },
      "all units but one", measured_parts::features);
  for (located_unit& unit : located) {
    noise_sum gone = sum_noise(all.noise, weights);
    gone -= unit.left_out;
    unit.left_out = std::move(gone);
  }

  damage_location out = conclude_location(std::move(located), total, all.noise, weights);
  out.policy = option.name;
  out.features = bench.features().size();
  out.effective_groups = {std::numeric_limits<double>::infinity(), 0.0};
  for (const std::uint32_t f : bench.features()) {
    const double effective = evidence_of(bench.table(), f).effective;
    out.effective_groups = {(std::min)(out.effective_groups[0], effective),
                            (std::max)(out.effective_groups[1], effective)};
  }
  out.reference_fvu = bench.reference().reference().side.fit().fvu;
  out.compressed_fvu = all.fvu;
  out.kind = options.kind;
  out.weighting = options.weighting.by;
  if (bench.options().losses) out.depths = patch_depths(bench, compressed);
  return out;
}

/// The same of a policy.  Throws as unit_bench::compress does.
inline damage_location locate_damage(const unit_bench& bench, const any_policy& policy,
                                     const location_options& options = {}) {
  return locate_damage(bench, bench.compress(policy, options.targets), options);
}

}  // namespace qfa

#endif
