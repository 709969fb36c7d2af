// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_LAYER_REDUCTIONS_HPP
#define QFA_ALIGNMENT_LAYER_REDUCTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "qfa/alignment/cached_activations.hpp"
#include "qfa/alignment/contrast_prompts.hpp"
#include "qfa/alignment/direction.hpp"
#include "qfa/alignment/direction_finding.hpp"
#include "qfa/alignment/prompt_activations.hpp"
#include "qfa/alignment/proxy_reduction.hpp"
#include "qfa/alignment/subspace.hpp"
#include "qfa/alignment/text_position.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// PCR's stand-in at one layer (proxy_reduction): the errors of two caches along the direction there, over held-out
/// prompts of both classes.  NaN where prompts have no direction.
struct layer_reduction {
  double per_tensor_error = std::numeric_limits<double>::quiet_NaN();   ///< E(rD)^2 of the coarser cache
  double per_channel_error = std::numeric_limits<double>::quiet_NaN();  ///< of the finer one
  double reduction = std::numeric_limits<double>::quiet_NaN();          ///< 1 - finer / coarser
};

/// What is looked at.
struct layer_reduction_options {
  hook_kind at = hook_kind::k;  ///< k, rot_k or v, as layer_keys_values holds them
  text_position position{};
  std::vector<std::uint32_t> response{};
};

/// For each layer, how much of the error along the direction a finer cache takes away, each layer's cache by itself and
/// with the keys of a model that nothing is quantized in.  Directions are fitted on `fitted`.  Throws where the two
/// sets share a prompt, and as cached_activations and find_direction do.
inline std::vector<layer_reduction> reductions_of_layers(const any_decoder& model, const cache_plan& per_tensor,
                                                         const cache_plan& per_channel, const contrast_prompts& fitted,
                                                         const contrast_prompts& held_out,
                                                         const layer_reduction_options& options = {}) {
  check_apart(fitted, held_out);
  const auto cached = [&](const cache_plan& plan, const std::vector<std::vector<std::uint32_t>>& prompts) {
    return cached_activations(model, plan, prompts, options.position, options.response);
  };
  std::vector<std::vector<std::uint32_t>> measured = held_out.harmful;
  measured.insert(measured.end(), held_out.harmless.begin(), held_out.harmless.end());
  const auto harmful = cached({}, fitted.harmful), harmless = cached({}, fitted.harmless);
  const auto coarse = cached(per_tensor, measured), fine = cached(per_channel, measured);
  std::vector<layer_reduction> out(harmful.size());
  for (std::size_t l = 0; l < out.size(); ++l) {
    const auto above = harmful[l].reference.at(options.at).view(), below = harmless[l].reference.at(options.at).view();
    if (!has_direction(above, below)) continue;
    const subspace line(find_direction(above, below));
    const auto reference = coarse[l].reference.at(options.at).view();
    const auto by_tensor = coarse[l].cached.at(options.at).view(), by_channel = fine[l].cached.at(options.at).view();
    out[l] = {error_inside(line, reference, by_tensor), error_inside(line, reference, by_channel),
              proxy_reduction(line, reference, by_tensor, by_channel)};
  }
  return out;
}

}  // namespace qfa

#endif
