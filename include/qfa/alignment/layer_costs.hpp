// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_LAYER_COSTS_HPP
#define QFA_ALIGNMENT_LAYER_COSTS_HPP

#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"

namespace qfa {

/// What a plan does to a model, as one number that is 0 where caches hold what arrives: the error along a direction
/// (`direction_error`), or flips that somebody counts.
using plan_cost = std::function<double(const cache_plan&)>;

/// The policy that a plan has in a layer.
inline any_cache_policy policy_in(const cache_plan& plan, std::size_t layer) {
  return plan.layers() == 0 ? any_cache_policy{} : plan[layer];
}

/// The plan's policy in one layer of so many, and none in the others.
inline cache_plan alone_in(const cache_plan& plan, std::size_t layer, std::size_t layers) {
  check_layers(plan, layers);
  std::vector<any_cache_policy> all(layers);
  all.at(layer) = policy_in(plan, layer);
  return {std::move(all), plan.name() + " in layer " + std::to_string(layer)};
}

/// What each layer's cache costs by itself, under each of several plans.
struct layer_costs {
  std::size_t layers = 0;
  std::vector<cache_plan> choices{};  ///< of all layers each, so that policies may have learned (learn_cache)
  std::vector<double> costs{};        ///< (layers, choices)

  double cost(std::size_t layer, std::size_t choice) const { return costs[layer * choices.size() + choice]; }
};

/// Calls `cost` once for each choice in each layer that has a policy there, the other layers having none: layers times
/// choices passes over the prompts.  Throws where there are no choices, where one is of another number of layers, and
/// where a cost is not a finite number.
inline layer_costs measure_layers(std::vector<cache_plan> choices, std::size_t layers, const plan_cost& cost,
                                  const progress& told = {}) {
  require(!choices.empty() && layers > 0, "the costs of layers need at least one layer and one cache to choose");
  for (const cache_plan& choice : choices)
    check_layers(choice, layers);
  layer_costs out{.layers = layers, .choices = std::move(choices)};
  for (std::size_t l = 0; l < layers; ++l)
    for (const cache_plan& choice : out.choices) {
      report_progress(told, "layers", out.costs.size(), layers * out.choices.size());
      const cache_plan one = alone_in(choice, l, layers);
      out.costs.push_back(one.is_none() ? 0.0 : cost(one));
      if (!std::isfinite(out.costs.back())) fail("the cost of the cache " + one.name() + " is not a finite number");
    }
  report_progress(told, "layers", out.costs.size(), out.costs.size());
  return out;
}

}  // namespace qfa

#endif
