// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_DIAGNOSIS_HPP
#define QFA_ALIGNMENT_DIAGNOSIS_HPP

#include <cstddef>
#include <optional>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/channel_geometry.hpp"
#include "qfa/alignment/decision_tree.hpp"
#include "qfa/alignment/layer_ablation.hpp"
#include "qfa/alignment/mode_posterior.hpp"
#include "qfa/alignment/per_channel_reduction.hpp"

namespace qfa {

/// Why a model's cache loses refusals.
struct diagnosis {
  std::optional<failure_mode> mode{};     ///< by the tree, from the rates as they are; none: no flips to explain
  mode_posterior posterior{};             ///< how sure that is; its verdict is none where it is undetermined
  std::vector<failure_mode> published{};  ///< every mode whose published ranges hold PCR and G64: they overlap
  bool geometry_agrees = false;           ///< the published tick: groups help where channels do, and only there
};

inline diagnosis diagnose(const layer_ablation& layers, const channel_geometry& geometry,
                          const align_settings& settings) {
  const std::vector<double> rates = layers.rates();
  const grain_reduction& pcr = geometry.published();
  diagnosis out;
  out.mode = settings.tree(pcr.estimate.value, rates);
  out.posterior = posterior_of_modes(pcr.counts, rates, settings.seed, settings.tree, settings.posterior);
  out.published = published_modes(pcr.estimate.value, geometry.published_groups().estimate.value);
  out.geometry_agrees = geometry_agrees(pcr.estimate.value, geometry.published_groups().estimate.value);
  return out;
}

}  // namespace qfa

#endif
