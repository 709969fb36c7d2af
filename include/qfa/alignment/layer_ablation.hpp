// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_LAYER_ABLATION_HPP
#define QFA_ALIGNMENT_LAYER_ABLATION_HPP

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/critical_layers.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace qfa {

/// Each layer's cache quantized alone, one scale for all (arXiv 2606.09864's layer ablation).
struct layer_ablation {
  std::vector<proportion> flips;      ///< conditional flips by layer
  std::vector<std::size_t> critical;  ///< the worst first; none where no layer reaches the rule's rate
  std::size_t worst = 0;              ///< the first of the layers that flip most, critical or not
  layer_pattern pattern = layer_pattern::concentrated;

  std::vector<double> rates() const {
    std::vector<double> out;
    for (const proportion& p : flips)
      out.push_back(p.value());
    return out;
  }
};

/// `which`: prompts that choose, best none of those that are reported.
inline layer_ablation ablate_layers(behavior& asked, std::span<const std::size_t> which,
                                    const align_settings& settings) {
  layer_ablation out;
  const std::size_t layers = asked.reference().config().layers;
  const std::string tensor = align_specs{&settings}.tensor();
  for (std::size_t l = 0; l < layers; ++l) {
    const answering alone(parse_cache_plan(plan_with("none", {l}, tensor), layers));
    out.flips.push_back(summarize(asked.flips(alone, which)).conditional);
    if (out.flips[l].hits > out.flips[out.worst].hits) out.worst = l;
  }
  const std::vector<double> rates = out.rates();
  out.critical = settings.critical(rates);
  out.pattern = layer_pattern_rule{.above = settings.tree.layer_flip}(rates);
  return out;
}

}  // namespace qfa

#endif
