// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_ALIGN_DIRECTIONS_HPP
#define QFA_ALIGNMENT_ALIGN_DIRECTIONS_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/baseline_rankings.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/contrast_prompts.hpp"
#include "qfa/alignment/direction_audit.hpp"
#include "qfa/alignment/direction_finding.hpp"
#include "qfa/alignment/layer_attention.hpp"
#include "qfa/alignment/layer_ranking.hpp"
#include "qfa/alignment/layer_reductions.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// What a cache does to the directions that tell harmful prompts from harmless ones, without asking what the model
/// says.
struct aligned_directions {
  std::string cache{};                     ///< whose error it is
  direction_findings found{};              ///< fitted on the `fit` prompts, measured on the `calibration` prompts
  std::vector<layer_reduction> proxies{};  ///< PCR's stand-in for each layer, from keys alone (qfa's own)
  std::vector<layer_ranking> rankings{};   ///< of layers: by position, by attention, by vulnerability
};

/// Whether a set has what that takes: two prompts of each class to fit on, and two to measure on.
inline bool has_directions(const prompt_set& prompts) {
  for (const prompt_split split : {prompt_split::fit, prompt_split::calibration})
    for (const prompt_label label : {prompt_label::harmful, prompt_label::harmless})
      if (prompts.of(label, split).size() < 2) return false;
  return true;
}

/// At the prompts' last tokens, under the plan that is to be protected.  Attention is that of the first 20 harmful
/// prompts that directions are fitted on: it is slow (alignment/layer_attention.hpp), and a few tell.  Throws as
/// audit_directions does.
inline aligned_directions look_at_directions(const behavior& asked, const cache_plan& deployed,
                                             const align_settings& settings) {
  const any_decoder& reference = asked.reference();
  const std::size_t layers = reference.config().layers;
  const contrast_prompts fitted = contrast_of(asked.prompts(), prompt_split::fit),
                         held_out = contrast_of(asked.prompts(), prompt_split::calibration);
  any_decoder compressed = reference;
  compressed.use_cache(deployed, {.prefill = 0});
  aligned_directions out{.cache = deployed.name()};
  out.found = audit_directions(reference, compressed, fitted, held_out, settings.seed);
  const align_specs specs{&settings};
  out.proxies = reductions_of_layers(reference, parse_cache_plan(specs.tensor(), layers),
                                     parse_cache_plan(specs.channels(), layers), fitted, held_out);
  std::vector<std::vector<std::uint32_t>> some = fitted.harmful;
  some.resize((std::min)(some.size(), std::size_t{20}));
  const std::vector<layer_attention> attention = attention_of_layers(reference, some);
  out.rankings = {ranking_by_position(layers), ranking_by_mass(attention),
                  ranking_by_entropy(attention, rank_order::lowest_first),
                  ranking_by_vulnerability(out.found, layers, hook_kind::v, error_source::in_cache)};
  return out;
}

}  // namespace qfa

#endif
