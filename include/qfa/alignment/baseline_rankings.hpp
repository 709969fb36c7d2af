// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_BASELINE_RANKINGS_HPP
#define QFA_ALIGNMENT_BASELINE_RANKINGS_HPP

#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "qfa/alignment/direction_finding.hpp"
#include "qfa/alignment/direction_site.hpp"
#include "qfa/alignment/layer_attention.hpp"
#include "qfa/alignment/layer_ranking.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/hooks.hpp"

// Rankings that need no judge: baselines for the layers that an ablation calls critical.

namespace qfa {

/// As layers come: fp16 for the first two is a published baseline.
inline layer_ranking ranking_by_position(std::size_t layers) {
  layer_ranking out{"position: the first ones", std::vector<std::size_t>(layers)};
  std::iota(out.layers.begin(), out.layers.end(), std::size_t{0});
  return out;
}

/// By attention mass: published with the highest first.
inline layer_ranking ranking_by_mass(std::span<const layer_attention> layers,
                                     rank_order order = rank_order::highest_first) {
  std::vector<double> scores;
  for (const layer_attention& layer : layers)
    scores.push_back(layer.mass);
  return {"attention mass, " + std::string(rank_order_names[static_cast<std::size_t>(order)]),
          rank_layers(scores, order)};
}

/// By attention entropy.  Which end is meant is not published, so that the caller says it: the lowest first protects
/// layers that look at single tokens, as mass does; the highest first those that look at many.
inline layer_ranking ranking_by_entropy(std::span<const layer_attention> layers, rank_order order) {
  std::vector<double> scores;
  for (const layer_attention& layer : layers)
    scores.push_back(layer.entropy);
  return {"attention entropy, " + std::string(rank_order_names[static_cast<std::size_t>(order)]),
          rank_layers(scores, order)};
}

/// By how vulnerable the direction is at a hook of each layer, all heads together, the most vulnerable first: the
/// ranking by features, qfa's own.  Layers without such a finding come last.  Throws for findings beyond `layers`.
inline layer_ranking ranking_by_vulnerability(const direction_findings& findings, std::size_t layers, hook_kind kind,
                                              error_source error,
                                              vulnerability_form form = vulnerability_form::margin) {
  std::vector<double> scores(layers, std::numeric_limits<double>::quiet_NaN());
  for (const direction_finding& finding : findings.sites) {
    require(finding.site.hook.layer < layers, "a ranking of layers needs findings of its layers");
    if (finding.site == direction_site{{finding.site.hook.layer, kind}, std::nullopt, error})
      scores[finding.site.hook.layer] = finding.value(form);
  }
  return {std::string(vulnerability_form_names[static_cast<std::size_t>(form)]) + " at " +
              std::string(hook_kind_names[static_cast<std::size_t>(kind)]) + " " +
              std::string(error_source_names[static_cast<std::size_t>(error)]),
          rank_layers(scores, rank_order::highest_first)};
}

}  // namespace qfa

#endif
