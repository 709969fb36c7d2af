// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_ATTENTION_WEIGHTS_HPP
#define QFA_ALIGNMENT_ATTENTION_WEIGHTS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/attention.hpp"
#include "qfa/model/config.hpp"

namespace qfa {

/// What a layer's attention depends on besides q, k and v.  Throws where there is no such layer.
inline attention_shape attention_shape_of(const model_config& config, std::size_t layer) {
  require(layer < config.layers && config.windows.size() == config.layers, "a layer's attention needs a layer");
  return {.heads = config.heads,
          .kv_heads = config.kv_heads,
          .head_dim = config.head_dim,
          .scale = static_cast<float>(config.query_scale),
          .softcap = static_cast<float>(config.attention_softcap),
          .window = config.windows[layer]};
}

/// The weights by which query head `head` of token i mixes values, in plain double: softmax over j <= i of
/// c tanh(s q.k / c), where the window shows j; 0 where it does not.  One weight for each token up to i; their sum
/// is 1.
///
/// q (tokens, heads head_dim) and k (tokens, kv_heads head_dim) are one text's, behind RoPE (hooks rot_q, rot_k).
/// The decoder never has them all (model/attention.hpp); these are for short texts.  Throws for other shapes.
inline std::vector<double> attention_weights(matrix_view<const float> q, matrix_view<const float> k,
                                             const attention_shape& shape, std::size_t head, std::size_t i) {
  require(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0 && head < shape.heads && i < q.rows() &&
              k.rows() == q.rows() && q.columns() == shape.heads * shape.head_dim &&
              k.columns() == shape.kv_heads * shape.head_dim,
          "attention weights need q and k of one text and of its heads' shapes");
  const std::size_t kv_head = head / (shape.heads / shape.kv_heads);
  const std::size_t first = shape.window > 0 && i + 1 > shape.window ? i + 1 - shape.window : 0;
  std::vector<double> weights(i + 1, 0.0);
  const auto scale = static_cast<double>(shape.scale), cap = static_cast<double>(shape.softcap);
  for (std::size_t j = first; j <= i; ++j) {
    double score = 0.0;
    for (std::size_t c = 0; c < shape.head_dim; ++c)
      score += static_cast<double>(q(i, head * shape.head_dim + c)) *
               static_cast<double>(k(j, kv_head * shape.head_dim + c));
    score *= scale;
    weights[j] = cap > 0.0 ? cap * std::tanh(score / cap) : score;
  }
  const double top = *std::max_element(weights.begin() + static_cast<std::ptrdiff_t>(first), weights.end());
  double sum = 0.0;
  for (std::size_t j = first; j <= i; ++j)
    sum += weights[j] = std::exp(weights[j] - top);
  for (double& w : weights)
    w /= sum;
  return weights;
}

}  // namespace qfa

#endif
