// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_ALIGN_BUDGET_HPP
#define QFA_ALIGNMENT_ALIGN_BUDGET_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/cache_budget.hpp"
#include "qfa/alignment/contrast_prompts.hpp"
#include "qfa/alignment/direction.hpp"
#include "qfa/alignment/direction_error.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/layer_costs.hpp"
#include "qfa/alignment/measured_cache.hpp"
#include "qfa/alignment/prompt_activations.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/alignment/subspace.hpp"
#include "qfa/alignment/text_position.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/kv_cache.hpp"

namespace qfa {

/// What a search within a budget keeps low: the error along the direction that tells harmful prompts apart, behind the
/// last layer; or refused prompts that are refused no longer, which moves in whole prompts.
enum class budget_cost : std::uint8_t { direction, flips };
inline constexpr std::array<std::string_view, 2> budget_cost_names{"direction", "flips"};

/// A plan found within a budget, and what it and the uniform ones come to on prompts that chose nothing.
struct aligned_budget {
  cache_budget found{};
  measured_cache chosen{};
  std::vector<measured_cache> uniform{};  ///< those that keep the budget
};

/// What a layer may have: not quantized, or as many bits as each number of the settings' sweep ("section4").
inline std::vector<cache_plan> budget_choices(const align_settings& settings, std::size_t layers) {
  std::vector<cache_plan> choices{parse_cache_plan("none", layers)};
  for (const int bits : settings.bits)
    choices.push_back(parse_cache_plan(align_specs{&settings}.sweep(bits), layers));
  return choices;
}

/// Chooses each layer's bits ("section4", those of the settings' sweep, or none quantized) for a cache of so many bytes
/// and tokens.  Layers' costs come from every second prompt of the split `calibration`, plans are compared on the
/// others, directions are fitted on the split `fit`, and what is reported comes from the split `test`.  Throws where
/// one of these has too few prompts, and where no plan is small enough (check_cache_budget says so beforehand).
inline aligned_budget align_within(behavior& asked, cache_meter& measure, double bytes, std::size_t tokens,
                                   budget_cost by, const align_settings& settings, const progress& told = {}) {
  const any_decoder& reference = asked.reference();
  const std::size_t layers = reference.config().layers;
  std::array<std::vector<std::size_t>, 2> halves;  // of the calibration prompts: to choose, to compare
  for (const prompt_label label : {prompt_label::harmful, prompt_label::harmless}) {
    const std::vector<std::size_t> all = asked.prompts().of(label, prompt_split::calibration);
    for (std::size_t i = 0; i < all.size(); ++i)
      halves[i % 2].push_back(all[i]);
  }
  require(halves[1].size() >= 2, "a budget needs prompts of the split \"calibration\", to choose by and to compare on");

  const auto flips = [&](std::span<const std::size_t> which) -> plan_cost {
    return [&asked, which](const cache_plan& plan) {
      const flip_counts counts = asked.flips(answering(plan), which);
      return static_cast<double>(counts.reference(verdict::refused) - counts.count(verdict::refused, verdict::refused));
    };
  };
  const auto error = [&](std::span<const std::size_t> which) -> plan_cost {
    const contrast_prompts fitted = contrast_of(asked.prompts(), prompt_split::fit);
    require(!fitted.harmful.empty() && !fitted.harmless.empty(),
            "a budget by direction needs prompts of both classes of the split \"fit\"");
    const hook_point hook{layers - 1, hook_kind::resid_post};
    const activations harmful = activations_at(reference, fitted.harmful, hook, text_position{}),
                      harmless = activations_at(reference, fitted.harmless, hook, text_position{});
    const contrast_direction direction = find_direction(harmful.view(), harmless.view());
    std::vector<std::vector<std::uint32_t>> prompts;
    for (const std::size_t i : which)
      prompts.push_back(asked.prompts().prompts[i].tokens);
    return direction_error(reference, std::move(prompts),
                           {{hook, subspace(direction), 4.0 / (direction.separation * direction.separation)}});
  };
  const auto cost_on = [&](std::span<const std::size_t> which) {
    return by == budget_cost::flips ? flips(which) : error(which);
  };

  const layer_costs costs = measure_layers(budget_choices(settings, layers), layers, cost_on(halves[0]), told);
  aligned_budget out{.found = choose_cache(costs, cache_shape(reference.config()),
                                           {.bytes = bytes, .tokens = tokens, .measure = cost_on(halves[1])})};
  out.chosen = measure(answering(out.found.chosen().plan));
  for (const budgeted_plan& plan : out.found.uniform)
    if (plan.bytes <= bytes) out.uniform.push_back(measure(answering(plan.plan)));
  return out;
}

}  // namespace qfa

#endif
