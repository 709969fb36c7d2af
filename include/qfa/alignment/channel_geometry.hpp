// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_CHANNEL_GEOMETRY_HPP
#define QFA_ALIGNMENT_CHANNEL_GEOMETRY_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/outlier_channels.hpp"
#include "qfa/alignment/per_channel_reduction.hpp"
#include "qfa/cache/groups.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/cache/random_groups.hpp"
#include "qfa/cache/uniform.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// A finer grain of scales against a coarser one.
struct grain_reduction {
  scale_lifetime lifetime = scale_lifetime::call;  ///< which makes another PCR of each
  reduction_counts counts{};
  reduction_estimate estimate{};
  /// Scales that one layer's keys have, and as many its values, under the coarser and the finer grain, of a prompt of
  /// `channel_geometry::scaled_tokens`: PCR compares 1 with one for each channel.
  std::array<std::size_t, 2> scales{};
};

/// What the grain of scales does to flips, and which channels carry them.
struct channel_geometry {
  std::size_t layer = 0;                       ///< where all but `groups` is measured
  std::size_t scaled_tokens = 0;               ///< of the longest prompt that is counted, in which scales are counted
  std::vector<grain_reduction> per_channel{};  ///< PCR by lifetime, the published `call` first
  grain_reduction direction{};                 ///< PCR_dir: channels against as many random groups, by call
  std::vector<std::size_t> outliers{};         ///< the top 5 % of the key channels by peak
  proportion outlier_flips{}, random_flips{};  ///< those channels quantized alone, and as many others
  double causal = std::numeric_limits<double>::quiet_NaN();  ///< outlier over random flips; NaN: random flip nothing
  std::vector<grain_reduction> groups{};  ///< G64 reduction by lifetime: groups of channels, one scale; all layers

  const grain_reduction& published() const noexcept { return per_channel.front(); }
  const grain_reduction& published_groups() const noexcept { return groups.front(); }
};

/// Peaks of the key projection at a layer over the first tokens of the first prompts, as many as published.
inline channel_peaks key_peaks(const behavior& asked, std::size_t layer, std::span<const std::size_t> which,
                               std::size_t most_prompts = 20, std::size_t most_tokens = 512) {
  channel_peaks peaks;
  for (const std::size_t i : which.first((std::min)(which.size(), most_prompts))) {
    const std::vector<std::uint32_t>& tokens = asked.prompts().prompts[i].tokens;
    const std::size_t count = (std::min)(tokens.size(), most_tokens);
    asked.reference().forward(matrix_view<const std::uint32_t>(tokens.data(), 1, count),
                              {.hooks = {{layer, hook_kind::k}}},
                              [&](std::size_t, matrix_view<float> keys) { peaks(keys); });
  }
  return peaks;
}

namespace detail {

/// Scales of one layer's keys of a prompt of so many tokens, by grain and lifetime; `size` of groups of channels.
inline std::size_t key_scales(cache_granularity per, std::size_t size, scale_lifetime lifetime, std::size_t block,
                              std::size_t tokens, const cache_info& info) {
  uniform_cache cache;
  cache.keys = per;
  cache.key_group = size;
  cache.lifetime = lifetime;
  cache.block = block;
  return cache.key_scales(tokens, info);
}

}  // namespace detail

/// `which`: the prompts that are counted, those that the reference refuses among them.
inline channel_geometry measure_geometry(behavior& asked, std::size_t layer, std::span<const std::size_t> which,
                                         const align_settings& settings) {
  const std::size_t layers = asked.reference().config().layers;
  const align_specs specs{&settings};
  const auto at_layer = [&](const std::string& policy) {
    return answering(parse_cache_plan(plan_with("none", {layer}, policy), layers));
  };
  const auto everywhere = [&](const std::string& policy) { return answering(parse_cache_plan(policy, layers)); };
  channel_geometry out{.layer = layer};
  for (const std::size_t i : which)
    out.scaled_tokens = (std::max)(out.scaled_tokens, asked.prompts().prompts[i].tokens.size());
  const model_config& config = asked.reference().config();
  const cache_info info{.layers = layers, .kv_heads = config.kv_heads, .head_dim = config.head_dim};
  const auto scales = [&](cache_granularity per, scale_lifetime lifetime) {
    return detail::key_scales(per, settings.group, lifetime, settings.block, out.scaled_tokens, info);
  };
  for (std::size_t i = 0; i < scale_lifetime_names.size(); ++i) {
    const auto lifetime = static_cast<scale_lifetime>(i);
    std::string more = ",lifetime=" + std::string(scale_lifetime_names[i]);
    if (lifetime == scale_lifetime::grouped) more += ",block=" + align_specs::size(settings.block);
    const auto reduction = [&](answering coarse, answering fine) {
      coarse.whole_passes = fine.whole_passes = lifetime == scale_lifetime::full_pass;
      const reduction_counts counts = asked.reduction(coarse, fine, which);
      return grain_reduction{lifetime, counts, estimate_reduction(counts)};
    };
    const std::size_t one = scales(cache_granularity::tensor, lifetime);
    out.per_channel.push_back(reduction(at_layer(specs.tensor() + more), at_layer(specs.channels() + more)));
    out.groups.push_back(
        reduction(everywhere(specs.tensor() + more), everywhere(specs.groups(settings.mechanism_bits) + more)));
    out.per_channel.back().scales = {one, scales(cache_granularity::channel, lifetime)};
    out.groups.back().scales = {one, scales(cache_granularity::channel_group, lifetime)};
  }
  const std::string bits = std::to_string(settings.mechanism_bits);
  const answering random = at_layer("random_groups:bits=" + bits + ",seed=" + std::to_string(settings.seed));
  out.direction.counts = asked.reduction(random, at_layer(specs.channels()), which);
  out.direction.estimate = estimate_reduction(out.direction.counts);
  out.direction.scales = {random_groups{}.key_scales(out.scaled_tokens, info),
                          out.per_channel.front().scales[1]};

  const channel_peaks peaks = key_peaks(asked, layer, which);
  out.outliers = outlier_channels(peaks.values());
  const std::vector<std::size_t> others = random_channels(
      peaks.values().size(), (std::min)(out.outliers.size(), peaks.values().size() - out.outliers.size()),
      settings.seed, out.outliers);
  const auto flips_of = [&](const std::vector<std::size_t>& channels) {
    if (channels.empty()) return proportion{};
    std::string numbers;
    for (const std::size_t c : channels)
      numbers += (numbers.empty() ? "" : "|") + std::to_string(c);
    const answering some = at_layer("only:of=(" + specs.tensor() + "),channels=" + numbers);
    return summarize(asked.flips(some, which)).conditional;
  };
  out.outlier_flips = flips_of(out.outliers);
  out.random_flips = flips_of(others);
  out.causal = causal_ratio(out.outlier_flips.value(), out.random_flips.value());
  return out;
}

}  // namespace qfa

#endif
