// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_LAYER_RANKING_HPP
#define QFA_ALIGNMENT_LAYER_RANKING_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/alignment/direction_finding.hpp"
#include "qfa/alignment/direction_site.hpp"
#include "qfa/alignment/layer_attention.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/hooks.hpp"

// Which layers a mitigation protects first, where nothing tells the critical ones by behavior: the baselines that a
// layer ablation is held against.  A ranking lists every layer once, the first to be protected first.

namespace qfa {

/// Which scores come first.
enum class rank_order : std::uint8_t { highest_first, lowest_first };
inline constexpr std::array<std::string_view, 2> rank_order_names{"highest_first", "lowest_first"};
constexpr const auto& names_of(rank_order) noexcept { return rank_order_names; }

/// Layers by their scores; of equals the earlier layer first, those whose score is NaN last.
inline std::vector<std::size_t> rank_layers(std::span<const double> scores, rank_order order) {
  std::vector<std::size_t> layers(scores.size());
  std::iota(layers.begin(), layers.end(), std::size_t{0});
  const double sign = order == rank_order::highest_first ? -1.0 : 1.0;
  std::ranges::stable_sort(layers, {}, [&](std::size_t l) {
    return std::isnan(scores[l]) ? std::numeric_limits<double>::infinity() : sign * scores[l];
  });
  return layers;
}

/// As they come: fp16 for the first two layers is the published baseline.
inline std::vector<std::size_t> layers_in_order(std::size_t layers) {
  std::vector<std::size_t> out(layers);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

/// By attention mass: published with the highest first.
inline std::vector<std::size_t> layers_by_mass(std::span<const layer_attention> layers,
                                               rank_order order = rank_order::highest_first) {
  std::vector<double> scores;
  for (const layer_attention& layer : layers)
    scores.push_back(layer.mass);
  return rank_layers(scores, order);
}

/// By attention entropy.  Which end is meant is not published, so that the caller says it: the lowest first protects
/// layers that look at single tokens, as mass does; the highest first those that look at many.
inline std::vector<std::size_t> layers_by_entropy(std::span<const layer_attention> layers, rank_order order) {
  std::vector<double> scores;
  for (const layer_attention& layer : layers)
    scores.push_back(layer.entropy);
  return rank_layers(scores, order);
}

/// By how vulnerable the direction is at a hook of each layer, all heads together, the most vulnerable first: the
/// ranking by features, qfa's own.  Layers without such a finding come last.  Throws for findings beyond `layers`.
inline std::vector<std::size_t> layers_by_vulnerability(const direction_findings& findings, std::size_t layers,
                                                        hook_kind kind, error_source error,
                                                        vulnerability_form form = vulnerability_form::margin) {
  std::vector<double> scores(layers, std::numeric_limits<double>::quiet_NaN());
  for (const direction_finding& finding : findings.sites) {
    require(finding.site.hook.layer < layers, "a ranking of layers needs findings of its layers");
    if (finding.site == direction_site{{finding.site.hook.layer, kind}, std::nullopt, error})
      scores[finding.site.hook.layer] = finding.value(form);
  }
  return rank_layers(scores, rank_order::highest_first);
}

}  // namespace qfa

#endif
