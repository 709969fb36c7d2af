// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_DIRECTION_AUDIT_HPP
#define QFA_ALIGNMENT_DIRECTION_AUDIT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/alignment/cached_activations.hpp"
#include "qfa/alignment/contrast_prompts.hpp"
#include "qfa/alignment/direction_finding.hpp"
#include "qfa/alignment/direction_site.hpp"
#include "qfa/alignment/paired_activations.hpp"
#include "qfa/alignment/prompt_activations.hpp"
#include "qfa/alignment/text_position.hpp"
#include "qfa/alignment/vulnerability_controls.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// Where and how directions are looked at.
struct direction_audit_options {
  text_position position{};               ///< whose tokens stand for a prompt
  std::vector<std::uint32_t> response{};  ///< fed behind every prompt, token by token
  /// Hooks of each layer where the compressed model's own activations are compared.
  std::vector<hook_kind> passed_on{hook_kind::resid_post};
  bool heads = true;  ///< for keys and values in the cache, each head by itself besides all together
  control_options controls{};
};

namespace detail {

/// One set of prompts, through both models.
struct captured_prompts {
  std::vector<layer_in_cache> harmful_cache, harmless_cache;                            // one for each layer
  std::vector<activations> harmful, harmless, harmful_compressed, harmless_compressed;  // one for each hook

  paired_activations in_cache(const hook_point& hook) const {
    const layer_in_cache &a = harmful_cache[hook.layer], &b = harmless_cache[hook.layer];
    return {a.reference.at(hook.kind).view(), b.reference.at(hook.kind).view(), a.cached.at(hook.kind).view(),
            b.cached.at(hook.kind).view()};
  }
  paired_activations passed_on(std::size_t hook) const {
    return {harmful[hook].view(), harmless[hook].view(), harmful_compressed[hook].view(),
            harmless_compressed[hook].view()};
  }
};

inline captured_prompts capture(const any_decoder& reference, const any_decoder& compressed,
                                const contrast_prompts& prompts, std::span<const hook_point> hooks,
                                const direction_audit_options& options) {
  captured_prompts out;
  const auto at_hooks = [&](const any_decoder& model, std::span<const std::vector<std::uint32_t>> some) {
    return activations_at(model, some, hooks, options.position, options.response);
  };
  if (!hooks.empty()) {
    out.harmful = at_hooks(reference, prompts.harmful), out.harmless = at_hooks(reference, prompts.harmless);
    out.harmful_compressed = at_hooks(compressed, prompts.harmful);
    out.harmless_compressed = at_hooks(compressed, prompts.harmless);
  }
  const cache_plan& plan = compressed.cache().plan;
  if (!plan.is_none()) {
    out.harmful_cache = cached_activations(reference, plan, prompts.harmful, options.position, options.response);
    out.harmless_cache = cached_activations(reference, plan, prompts.harmless, options.position, options.response);
  }
  return out;
}

inline paired_activations of_head(const paired_activations& all, std::size_t head, std::size_t head_dim) {
  const auto part = [&](matrix_view<const float> x) { return channels_of_head(x, head, head_dim); };
  return {part(all.harmful), part(all.harmless), part(all.harmful_compressed), part(all.harmless_compressed)};
}

}  // namespace detail

/// How compression hits the directions that tell two classes of prompts apart, layer by layer: those of keys before and
/// after RoPE and of values, held against what `compressed`'s cache makes of the reference's own (none where it uses
/// none); and those at the hooks asked for, held against what passes there in `compressed`.
///
/// Directions, and the controls, are fitted on `fitted`; everything but stability is measured on `held_out`.
/// Throws where the two share a prompt, where a class of one has less than two, where the models are of different
/// shapes, and as activations_at and cached_activations do.
inline direction_findings audit_directions(const any_decoder& reference, const any_decoder& compressed,
                                           const contrast_prompts& fitted, const contrast_prompts& held_out,
                                           std::uint64_t seed, const direction_audit_options& options = {}) {
  const model_config& config = reference.config();
  require(compressed.config().layers == config.layers && compressed.config().hidden == config.hidden &&
              compressed.config().key_width() == config.key_width(),
          "directions can be compared in two models of one shape only");
  for (const contrast_prompts* prompts : {&fitted, &held_out})
    require(prompts->harmful.size() >= 2 && prompts->harmless.size() >= 2,
            "an audit of directions needs two prompts of each class to fit them on, and two to measure on");
  check_apart(fitted, held_out);
  std::vector<hook_point> hooks;
  for (std::size_t l = 0; l < config.layers; ++l)
    for (const hook_kind kind : options.passed_on)
      hooks.push_back({l, kind});
  const auto train = detail::capture(reference, compressed, fitted, hooks, options);
  const auto test = detail::capture(reference, compressed, held_out, hooks, options);

  struct task {
    direction_site site;
    paired_activations fitted, held_out;
  };
  std::vector<task> tasks;
  for (std::size_t l = 0; l < config.layers && !train.harmful_cache.empty(); ++l)
    for (const hook_kind kind : {hook_kind::k, hook_kind::rot_k, hook_kind::v}) {
      const hook_point hook{l, kind};
      const paired_activations a = train.in_cache(hook), b = test.in_cache(hook);
      tasks.push_back({{hook, std::nullopt, error_source::in_cache}, a, b});
      for (std::size_t head = 0; options.heads && head < config.kv_heads; ++head)
        tasks.push_back({{hook, head, error_source::in_cache},
                         detail::of_head(a, head, config.head_dim),
                         detail::of_head(b, head, config.head_dim)});
    }
  for (std::size_t i = 0; i < hooks.size(); ++i)
    tasks.push_back({{hooks[i], std::nullopt, error_source::passed_on}, train.passed_on(i), test.passed_on(i)});
  direction_findings out;
  out.sites.resize(tasks.size());
  parallel_for(tasks.size(), [&](std::size_t i) {
    out.sites[i] = find_vulnerability(tasks[i].site, tasks[i].fitted, tasks[i].held_out, seed, options.controls);
  });
  std::ranges::sort(out.sites, {}, &direction_finding::site);
  return out;
}

}  // namespace qfa

#endif
