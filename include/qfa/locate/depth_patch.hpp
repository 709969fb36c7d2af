// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_DEPTH_PATCH_HPP
#define QFA_LOCATE_DEPTH_PATCH_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/locate/unit_bench.hpp"
#include "qfa/locate/unit_effect.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// What a compressed model's predictions gain where the residual between two layers is the reference's.
struct patched_depth {
  std::size_t layer = 0;  ///< the first that runs on the reference's residual; the number of layers: the last norm
  estimate recovered;     ///< R = 1 - KL(reference || patched) / KL(reference || compressed)
  estimate entering;      ///< R less that of the depth before: the damage that enters in layer `layer` - 1
  /// The same on the even groups of rows alone, by which depths may be chosen, and on the odd ones, which did not
  /// choose.
  double entering_even = std::numeric_limits<double>::quiet_NaN();
  estimate entering_odd{};
};

/// Where damage enters by depth.  R is 0 where nothing before the patch is compressed, and 1 behind the last compressed
/// weight; what enters need not be positive: errors of two layers may cancel.
struct depth_profile {
  estimate kl;                        ///< mean KL(reference || compressed), nats; interval on log
  std::vector<patched_depth> depths;  ///< from layer 0 on, whose patch undoes the embedding's damage, to the last norm
};

/// R and its differences from sums by groups of rows: of the compressed model, and of it patched before layer 0, 1, ...
/// and before the last norm.  Halves are of the even groups and of the odd ones; all else leaves out those together
/// that have the same place in `joined`, increasing (groups), or each by itself where that is empty.  Throws where a
/// depth has another number of groups, or `joined` names some groups only.
inline depth_profile profile_depths(std::span<const comparison_sum> compressed,
                                    std::span<const std::vector<comparison_sum>> patched,
                                    std::span<const std::uint32_t> joined = {}) {
  require(joined.empty() || joined.size() == compressed.size(), "groups are joined with a place for each of them");
  const auto place_of = [&](std::size_t g) { return joined.empty() ? g : joined[g]; };
  const std::size_t groups = compressed.empty() ? 0 : place_of(compressed.size() - 1) + 1;
  const auto kl = [&](std::span<const comparison_sum> sums, std::size_t left_out) {
    comparison_sum sum;
    for (std::size_t g = 0; g < sums.size(); ++g)
      if (place_of(g) != left_out) sum += sums[g];
    return sum.mean_kl();
  };
  // Over the groups of one parity, without the i-th of them.
  const auto half_of = [](std::span<const comparison_sum> sums, std::size_t parity, std::size_t left_out) {
    comparison_sum sum;
    for (std::size_t g = parity; g < sums.size(); g += 2)
      if (g / 2 != left_out) sum += sums[g];
    return sum.mean_kl();
  };
  const auto estimated = [&](auto statistic, interval_scale scale) {
    return jackknife(statistic(groups), groups, statistic, {.scale = scale});
  };
  depth_profile out;
  out.kl = estimated([&](std::size_t g) { return kl(compressed, g); }, interval_scale::log);
  const auto recovered = [&](std::size_t d, std::size_t g) {
    return 1.0 - ratio(kl(patched[d], g), kl(compressed, g));
  };
  for (std::size_t d = 0; d < patched.size(); ++d) {
    require(patched[d].size() == compressed.size(), "every depth is patched on the same groups of rows");
    out.depths.push_back(
        {d, estimated([&](std::size_t g) { return recovered(d, g); }, interval_scale::identity),
         estimated([&](std::size_t g) { return recovered(d, g) - (d == 0 ? 0.0 : recovered(d - 1, g)); },
                   interval_scale::identity)});
    const auto entering_on = [&](std::size_t parity, std::size_t left_out) {
      const double whole = half_of(compressed, parity, left_out);
      const double here = half_of(patched[d], parity, left_out);
      // R before any layer is that of the compressed model itself where nothing is patched: 0.
      return ratio((d == 0 ? whole : half_of(patched[d - 1], parity, left_out)) - here, whole);
    };
    const std::size_t all = compressed.size();
    out.depths.back().entering_even = entering_on(0, all);
    out.depths.back().entering_odd =
        jackknife(entering_on(1, all), all / 2, [&](std::size_t i) { return entering_on(1, i); });
  }
  return out;
}

/// Patches a compressed model at every depth, on the bench's rows.  Throws where the bench has no losses.
inline depth_profile patch_depths(const unit_bench& bench, const runnable_model& compressed) {
  require(bench.options().losses, "patching by depth needs models that are run to their end, for KL");
  const std::size_t layers = compressed.decoder.config().layers;
  // The compressed model's own pass leaves the reference's where the two first differ.
  const std::optional<std::size_t> first = first_difference(compressed.model, bench.model().processed());
  std::vector<branch> branches{{.model = &compressed.decoder, .layer = first, .hook = false, .end = true}};
  for (std::size_t l = 0; l <= layers; ++l)
    branches.push_back({.model = &compressed.decoder, .layer = l, .hook = false, .end = true});
  const std::vector<unit_effect> effects = bench.effects_of(nullptr, branches, "patch by depth");
  std::vector<std::vector<comparison_sum>> patched;
  for (std::size_t l = 0; l <= layers; ++l)
    patched.push_back(effects[l + 1].losses);
  const bench_groups& groups = bench.groups();
  return profile_depths(effects.front().losses, patched, groups.halves().places_among(groups.whole()));
}

}  // namespace qfa

#endif
