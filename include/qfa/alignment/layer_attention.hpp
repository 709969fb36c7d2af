// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_LAYER_ATTENTION_HPP
#define QFA_ALIGNMENT_LAYER_ATTENTION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/alignment/attention_weights.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/attention.hpp"
#include "qfa/model/decoder_layer.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/prompt_batches.hpp"

namespace qfa {

/// How a layer attends.
struct layer_attention {
  double mass = 0.0;     ///< the largest weight of a query, the mean over queries and heads: what arXiv 2606.09864's
                         ///< released code calls attention mass
  double entropy = 0.0;  ///< -sum w ln w of a query's weights, in nats, the mean over queries and heads

  layer_attention& operator+=(const layer_attention& other) noexcept {
    mass += other.mass, entropy += other.entropy;
    return *this;
  }
  layer_attention& operator/=(double n) noexcept {
    mass /= n, entropy /= n;
    return *this;
  }
};

/// Of one text: every query counts, the first one too, which has but itself to attend to (mass 1, entropy 0).
/// q and k as attention_weights takes them.
inline layer_attention attention_of(matrix_view<const float> q, matrix_view<const float> k,
                                    const attention_shape& shape) {
  layer_attention out;
  for (std::size_t head = 0; head < shape.heads; ++head)
    for (std::size_t i = 0; i < q.rows(); ++i) {
      const std::vector<double> weights = attention_weights(q, k, shape, head, i);
      out.mass += *std::ranges::max_element(weights);
      for (const double w : weights)
        if (w > 0.0) out.entropy -= w * std::log(w);
    }
  return out /= static_cast<double>(shape.heads * q.rows());
}

/// How each layer of a model attends while it reads prompts, nothing quantized in its caches: the mean over prompts,
/// each counting alike.  Quadratic in a prompt's tokens, and slow: a few short prompts will do.  Throws without
/// prompts.
inline std::vector<layer_attention> attention_of_layers(any_decoder model,
                                                        std::span<const std::vector<std::uint32_t>> prompts) {
  require(!prompts.empty(), "how layers attend needs at least one prompt");
  model.use_cache({});
  const model_config& config = model.config();
  std::vector<std::vector<layer_attention>> of_prompt(config.layers, std::vector<layer_attention>(prompts.size()));
  forward_options options;
  for (std::size_t l = 0; l < config.layers; ++l)
    options.hooks.insert(options.hooks.end(), {{l, hook_kind::rot_q}, {l, hook_kind::rot_k}});
  forward_scratch scratch;
  for_each_prompt_batch(prompts, {}, [&](const prompt_batch& batch) {
    matrix_view<const float> q;
    const std::size_t n = batch.prompt_tokens;
    model.forward(
        batch.tokens, options,
        [&](std::size_t i, matrix_view<const float> x) {
          const hook_point hook = options.hooks[i];
          if (hook.kind == hook_kind::rot_q) q = x;  // attention has yet to read them
          if (hook.kind != hook_kind::rot_k) return;
          const attention_shape shape = attention_shape_of(config, hook.layer);
          parallel_for(batch.prompts.size(), [&](std::size_t r) {
            of_prompt[hook.layer][batch.prompts[r]] =
                attention_of(q.rows_between(r * n, (r + 1) * n), x.rows_between(r * n, (r + 1) * n), shape);
          });
        },
        scratch);
  });
  std::vector<layer_attention> out(config.layers);
  for (std::size_t l = 0; l < out.size(); ++l) {
    for (const layer_attention& one : of_prompt[l])
      out[l] += one;
    out[l] /= static_cast<double>(prompts.size());
  }
  return out;
}

}  // namespace qfa

#endif
