// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_MITIGATION_HPP
#define QFA_ALIGNMENT_MITIGATION_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/decision_tree.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/layer_ablation.hpp"
#include "qfa/alignment/layer_ranking.hpp"
#include "qfa/alignment/measured_cache.hpp"
#include "qfa/alignment/per_channel_reduction.hpp"
#include "qfa/alignment/recovery.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace qfa {

/// A plan that may give back what a cache lost.
struct mitigation {
  std::string strategy;                ///< in words
  std::string plan;                    ///< spec
  std::optional<failure_mode> fits{};  ///< the mode that it is prescribed for
  bool baseline = false;               ///< chosen without looking at refusals
};

/// The published strategies for a cache of so many bits, each mode's prescription among them; then baselines: as many
/// layers kept at 16 bits as are critical, by other rankings.  Where no layer is critical, or flips, the worst one
/// stands in.  A strategy that fits no mode is left out where it comes to a plan that is there already.
inline std::vector<mitigation> mitigations(const layer_ablation& ablation, int bits,
                                           const std::vector<layer_ranking>& rankings, const align_settings& settings) {
  const align_specs specs{&settings};
  const std::string base = specs.sweep(bits), channel = align_specs::uniform(bits, "channel"),
                    groups = specs.groups(bits);
  std::vector<std::size_t> critical = ablation.critical;
  if (critical.empty()) critical.push_back(ablation.worst);
  const std::vector<std::size_t> worst{critical.front()};
  std::vector<std::size_t> flipping;
  for (std::size_t l = 0; l < ablation.flips.size(); ++l)
    if (ablation.flips[l].value() > settings.tree.layer_flip) flipping.push_back(l);
  if (flipping.empty()) flipping = worst;
  std::vector<mitigation> out{
      {"the critical layers at 16 bits", plan_with(base, critical, "none"), failure_mode::outlier_as_safety},
      {"the critical layer at 16 bits", plan_with(base, worst, "none"), {}},
      {"the critical layers at 8 bits", plan_with(base, critical, specs.sweep(8)), {}},
      {"per channel at the critical layer", plan_with(base, worst, channel), {}},
      {"per channel at the critical layer, groups elsewhere", plan_with(groups, worst, channel), failure_mode::mixed},
      {"groups of " + std::to_string(settings.group) + " in all layers", groups, failure_mode::outlier_crushes_safety},
      {"per channel in all layers", channel, {}},
      {"every layer that flips at 16 bits", plan_with(base, flipping, "none"), failure_mode::multi_layer_dilution},
      {"all layers at 16 bits", "none", failure_mode::hyper_vulnerable}};
  for (std::size_t i = out.size(); i-- > 1;) {
    const auto here = out.begin() + static_cast<std::ptrdiff_t>(i);
    if (!here->fits && std::any_of(out.begin(), here, [&](const mitigation& m) { return m.plan == here->plan; }))
      out.erase(here);
  }
  for (const layer_ranking& ranking : rankings) {
    std::vector<std::size_t> first = ranking.layers;
    if (first.size() > critical.size()) first.resize(critical.size());
    out.push_back(
        {align_specs::size(first.size()) + (first.size() == 1 ? " layer" : " layers") + " at 16 bits by " + ranking.by,
         plan_with(base, first, "none"),
         {},
         true});
  }
  return out;
}

/// What a mitigation gave back, on prompts that chose nothing.
struct verified_mitigation {
  mitigation what;
  bool prescribed = false;
  measured_cache measured;
  reduction_counts counts;                                               ///< unprotected against mitigated
  reduction_estimate recovered;                                          ///< R1, with its paired interval
  double refusals_recovered = std::numeric_limits<double>::quiet_NaN();  ///< R2
  std::optional<memory_overhead> overhead{};  ///< against the unprotected cache; none where bits are not known
};

/// The unprotected cache, and every mitigation beside it.
struct verified_mitigations {
  int bits = 0;
  measured_cache unprotected;
  std::vector<verified_mitigation> rows;
};

inline verified_mitigations verify(behavior& asked, cache_meter& measure, const std::vector<mitigation>& candidates,
                                   int bits, const std::optional<failure_mode>& diagnosed,
                                   const align_settings& settings) {
  const std::size_t layers = asked.reference().config().layers;
  const answering base(parse_cache_plan(align_specs{&settings}.sweep(bits), layers));
  const auto refusals = [](const measured_cache& m) {
    const flip_counts all = m.all();
    return proportion{all.compressed(verdict::refused), all.prompts()}.value();
  };
  verified_mitigations out{.bits = bits, .unprotected = measure(base, bits), .rows = {}};
  const measured_cache reference = measure({});
  const std::optional<std::vector<double>> before = measure.layer_bits(base.plan);
  for (const mitigation& candidate : candidates) {
    const answering who(parse_cache_plan(candidate.plan, layers));
    verified_mitigation row{.what = candidate,
                            .prescribed = diagnosed && candidate.fits == diagnosed,
                            .measured = measure(who),
                            .counts = asked.reduction(base, who, measure.harmful()),
                            .recovered = {}};
    row.recovered = estimate_reduction(row.counts);
    row.refusals_recovered = refusal_recovery(refusals(reference), refusals(out.unprotected), refusals(row.measured));
    const std::optional<std::vector<double>> after = measure.layer_bits(who.plan);
    if (before && after) row.overhead = overhead_of(*before, *after);
    out.rows.push_back(std::move(row));
  }
  return out;
}

}  // namespace qfa

#endif
