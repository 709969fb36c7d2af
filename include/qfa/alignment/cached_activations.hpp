// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_CACHED_ACTIVATIONS_HPP
#define QFA_ALIGNMENT_CACHED_ACTIVATIONS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/alignment/prompt_activations.hpp"
#include "qfa/alignment/text_position.hpp"
#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/prompt_batches.hpp"
#include "qfa/model/rope.hpp"

namespace qfa {

/// One layer's keys and values of prompts, each (prompts, kv_heads head_dim): what hooks k, rot_k and v show, or what a
/// cache made of it.
struct layer_keys_values {
  activations keys{};         ///< before RoPE
  activations turned_keys{};  ///< after it
  activations values{};

  /// That of hook k, rot_k or v.  Throws for others.
  const activations& at(hook_kind kind) const {
    require(kind == hook_kind::k || kind == hook_kind::rot_k || kind == hook_kind::v,
            "caches hold keys and values: hook k, rot_k or v");
    return kind == hook_kind::k ? keys : kind == hook_kind::rot_k ? turned_keys : values;
  }

  void resize(std::size_t prompts, std::size_t width) {
    for (activations* x : {&keys, &turned_keys, &values})
      x->resize(prompts, width);
  }
};

/// What a layer's cache would hold if nothing were quantized, and what a policy has made of it.
struct layer_in_cache {
  layer_keys_values reference{}, cached{};
};

/// Turns a key's error, all heads side by side, as RoPE turns keys of that position, or back.  In double, from the
/// angles themselves: no error stays none.
inline void turn_error(std::span<double> error, std::size_t position, const model_config& config, bool back) {
  const std::vector<double> frequencies = rope_frequencies(config);
  const std::size_t half = frequencies.size();
  for (std::size_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * frequencies[i] * (back ? -1.0 : 1.0);
    const double cosine = std::cos(angle), sine = std::sin(angle);
    for (std::size_t head = 0; head < error.size(); head += config.head_dim) {
      double &a = error[head + i], &b = error[head + i + half];
      const double x = a;
      a = x * cosine - b * sine;
      b = b * cosine + x * sine;
    }
  }
}

namespace detail {

/// One layer of one batch of texts in the reference: views of (texts tokens, width).
struct arrived_keys_values {
  matrix_view<const float> keys, turned_keys, values;

  arrived_keys_values of_text(std::size_t first, std::size_t last) const {
    return {keys.rows_between(first, last), turned_keys.rows_between(first, last), values.rows_between(first, last)};
  }
};

/// Puts a text's rows at `at`, of the reference and of what the policy leaves of them, into row `prompt` of `out`.
inline void hold_text(any_cache_policy policy, const arrived_keys_values& text, std::span<const std::size_t> calls,
                      const cache_info& info, const model_config& config, const token_span& at, std::size_t prompt,
                      layer_in_cache& out) {
  const auto copy = [](matrix_view<const float> x) {
    activations y;
    y.resize(x.rows(), x.columns());
    for (std::size_t t = 0; t < x.rows(); ++t)
      std::ranges::copy(x.row(t), y.view().row(t).begin());
    return y;
  };
  const bool before = policy.point() == cache_point::before_rope;
  layer_keys_values held{copy(text.keys), copy(text.turned_keys), copy(text.values)};
  activations& stored = before ? held.keys : held.turned_keys;
  std::size_t done = 0;
  for (const std::size_t n : calls) {
    policy(stored.view().rows_between(0, done + n), held.values.view().rows_between(0, done + n),
           {.info = info, .first_new = done});
    done += n;
  }
  // The keys at the other point: what arrived there, plus the error turned.
  const matrix_view<const float> arrived = before ? text.keys : text.turned_keys;
  const matrix_view<float> other = (before ? held.turned_keys : held.keys).view();
  std::vector<double> error(arrived.columns());
  for (std::size_t t = at.first; t < at.last; ++t) {
    for (std::size_t c = 0; c < error.size(); ++c)
      error[c] = static_cast<double>(stored.view()(t, c)) - static_cast<double>(arrived(t, c));
    turn_error(error, t, config, !before);
    for (std::size_t c = 0; c < error.size(); ++c)
      other(t, c) = static_cast<float>(static_cast<double>(other(t, c)) + error[c]);
  }
  const auto put = [&](matrix_view<const float> x, activations& to) {
    mean_of_rows(x.rows_between(at.first, at.last), to.view().row(prompt));
  };
  put(text.keys, out.reference.keys), put(held.keys.view(), out.cached.keys);
  put(text.turned_keys, out.reference.turned_keys), put(held.turned_keys.view(), out.cached.turned_keys);
  put(text.values, out.reference.values), put(held.values.view(), out.cached.values);
}

}  // namespace detail

/// The error that a cache makes by itself: for each layer, the keys and values of a model that nothing is quantized in,
/// and what the layer's policy leaves of those after the prompt, in one call, and each token of the response, in
/// another.  No layer feels what the ones before it did; activations_at of a model that uses the cache shows that.
///
/// Policies see keys where they work; at the other side of RoPE the error is turned along, and zero stays zero.  A
/// cache that the model uses is left out.  Neither the other prompts nor the threads change a bit.  Throws as
/// activations_at does, and where the plan is of another number of layers.
inline std::vector<layer_in_cache> cached_activations(any_decoder model, const cache_plan& plan,
                                                      std::span<const std::vector<std::uint32_t>> prompts,
                                                      const text_position& position,
                                                      std::span<const std::uint32_t> response = {}) {
  model.use_cache({});
  const model_config& config = model.config();
  check_layers(plan, config.layers);
  std::vector<layer_in_cache> out(config.layers);
  forward_options options;
  for (std::size_t l = 0; l < config.layers; ++l) {
    out[l].reference.resize(prompts.size(), config.key_width());
    out[l].cached.resize(prompts.size(), config.key_width());
    options.hooks.insert(options.hooks.end(), {{l, hook_kind::k}, {l, hook_kind::v}, {l, hook_kind::rot_k}});
  }
  forward_scratch scratch;
  activations keys;  // before RoPE, which the model turns in place
  matrix_view<const float> values;
  for_each_prompt_batch(prompts, response, [&](const prompt_batch& batch) {
    const token_span at = position.tokens_of(batch.prompt_tokens, response.size());
    std::vector<std::size_t> calls{batch.prompt_tokens};
    calls.resize(1 + response.size(), 1);
    const std::size_t columns = batch.tokens.columns();
    model.forward(
        batch.tokens, options,
        [&](std::size_t i, matrix_view<const float> x) {
          const hook_point hook = options.hooks[i];
          if (hook.kind == hook_kind::k) {
            keys.resize(x.rows(), x.columns());
            for (std::size_t t = 0; t < x.rows(); ++t)
              std::ranges::copy(x.row(t), keys.view().row(t).begin());
          }
          if (hook.kind == hook_kind::v) values = x;  // attention has yet to read them
          if (hook.kind != hook_kind::rot_k) return;
          cache_info info = cache_shape(config);
          info.layer = hook.layer;
          const any_cache_policy policy = plan.layers() == 0 ? any_cache_policy() : plan[hook.layer];
          const detail::arrived_keys_values all{std::as_const(keys).view(), x, values};
          parallel_for(batch.prompts.size(), [&](std::size_t r) {
            detail::hold_text(policy, all.of_text(r * columns, (r + 1) * columns), calls, info, config, at,
                              batch.prompts[r], out[hook.layer]);
          });
        },
        scratch);
  });
  return out;
}

}  // namespace qfa

#endif
