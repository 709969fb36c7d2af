// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALLOCATE_PLAN_ADDITIVITY_HPP
#define QFA_ALLOCATE_PLAN_ADDITIVITY_HPP

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "qfa/allocate/damage_table.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/locate/additivity.hpp"
#include "qfa/locate/bench_parts.hpp"
#include "qfa/locate/isolated.hpp"
#include "qfa/locate/unit_bench.hpp"
#include "qfa/locate/unit_effect.hpp"
#include "qfa/locate/units.hpp"

namespace qfa {

/// Whether a plan's damage adds up, on the bench's rows: what `mixed`, which has all of it, does to each feature over
/// the sum of what each unit does by itself under the option that it has in the plan.  `chosen` (units) is the option's
/// place among `policies`; `mixed` has every unit as planned.  Noise counts as `gone_noise` at most.  What was
/// predicted from is known of all groups at once, so the units are measured once more, without each group.  Throws as
/// unit_bench::compress, and where a checkpoint cannot be read or written.
inline unit_additivity plan_additivity(const unit_bench& bench, std::span<const compression_unit> units,
                                       std::span<const any_policy> policies, std::span<const std::size_t> chosen,
                                       const unit_option& mixed, const target_patterns& targets) {
  noise_total total;
  for (std::size_t o = 0; o < policies.size(); ++o) {
    std::vector<std::size_t> those;
    for (std::size_t u = 0; u < units.size(); ++u)
      if (chosen[u] == o) those.push_back(u);
    if (those.empty()) continue;
    const unit_option option = bench.compress(policies[o], targets);
    bench.measure(
        nullptr, those.size(),
        [&](std::size_t i) {
          return bench.assembled({&option, 1}, units, one_of_all(those[i], units.size()));
        },
        [&](std::size_t, const unit_effect& effect) { total(effect.noise); }, "each unit alone, as it was chosen",
        measured_parts::features);
  }
  unit_additivity out;
  bench.measure(
      nullptr, 1,
      [&](std::size_t) {
        return bench.assembled({&mixed, 1}, units, std::vector<std::size_t>(units.size(), 0));
      },
      [&](std::size_t, const unit_effect& effect) { out = measure_additivity(effect.noise, total, gone_noise); },
      "additivity", measured_parts::features);
  return out;
}

}  // namespace qfa

#endif
