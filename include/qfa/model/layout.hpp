// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LAYOUT_HPP
#define QFA_MODEL_LAYOUT_HPP

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"

namespace qfa {

/// Where a linear layer's matrix lies: `rows` output channels of a stored tensor [out, in], in blocks of
/// `rows_per_block` rows that begin `block_rows` rows apart.  The bias, where there is one, lies likewise in its own
/// tensor.  rows == 0: this model has no such layer.
struct weight_slice {
  std::string weight;  ///< stored tensor
  std::string bias;    ///< stored tensor of the bias; the tensor need not exist
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t first_row = 0;
  std::size_t rows_per_block = 0;
  std::size_t block_rows = 0;
  std::string part;  ///< "q", "k", "v", "gate", "up" where the stored tensor holds more than this matrix; else empty

  bool fused() const noexcept { return !part.empty(); }

  /// The matrix within the stored tensor's values.
  template <class T>
  matrix_view<T> of(T* stored) const noexcept {
    return {stored + first_row * columns, rows, columns, columns, rows_per_block, block_rows * columns};
  }
  /// The place in the stored bias of output channel r's entry.
  std::size_t bias_index(std::size_t r) const noexcept {
    return first_row + (r / rows_per_block) * block_rows + r % rows_per_block;
  }
};

/// The stored tensors of one block.  Norms are named without ".weight" and ".bias"; an empty name is a norm that the
/// family does not have.
struct layer_layout {
  std::string attention_norm;
  std::string attention_post_norm;
  std::string mlp_norm;
  std::string mlp_post_norm;
  weight_slice query, key, value, attention_out, gate, up, down;
};

/// The stored tensors of a model by what they do: the only place that knows how the families name and fuse them.
struct model_layout {
  std::string embedding;  ///< [vocabulary, hidden]
  std::string final_norm;
  weight_slice unembedding;
  std::vector<layer_layout> layers;
};

namespace detail {

inline weight_slice whole(const std::string& module, std::size_t rows, std::size_t columns) {
  return {module + ".weight", module + ".bias", rows, columns, 0, rows, rows, ""};
}

inline weight_slice part_of(const std::string& module, std::string part, std::size_t rows, std::size_t columns,
                            std::size_t first_row) {
  return {module + ".weight", module + ".bias", rows, columns, first_row, rows, rows, std::move(part)};
}

/// GPT-NeoX interleaves by head: head_dim rows of q, of k, of v, then the next head.
inline layer_layout gpt_neox_layer(const model_config& c, const std::string& prefix) {
  layer_layout out;
  out.attention_norm = prefix + "input_layernorm";
  out.mlp_norm = prefix + "post_attention_layernorm";
  const auto head_rows = [&](std::string part, std::size_t place) -> weight_slice {
    const std::string fused = prefix + "attention.query_key_value";
    return {fused + ".weight",  fused + ".bias", c.query_width(), c.hidden,
            place * c.head_dim, c.head_dim,      3 * c.head_dim,  std::move(part)};
  };
  out.query = head_rows("q", 0);
  out.key = head_rows("k", 1);
  out.value = head_rows("v", 2);
  out.attention_out = whole(prefix + "attention.dense", c.hidden, c.query_width());
  out.up = whole(prefix + "mlp.dense_h_to_4h", c.intermediate, c.hidden);
  out.down = whole(prefix + "mlp.dense_4h_to_h", c.hidden, c.intermediate);
  return out;
}

inline layer_layout llama_layer(const model_config& c, const std::string& prefix) {
  layer_layout out;
  out.attention_norm = prefix + "input_layernorm";
  if (c.post_norms) {
    out.attention_post_norm = prefix + "post_attention_layernorm";
    out.mlp_norm = prefix + "pre_feedforward_layernorm";
    out.mlp_post_norm = prefix + "post_feedforward_layernorm";
  } else {
    out.mlp_norm = prefix + "post_attention_layernorm";
  }
  if (c.family == model_family::phi3) {  // rows [q; k; v] and [gate; up]
    const std::string qkv = prefix + "self_attn.qkv_proj";
    const std::string gate_up = prefix + "mlp.gate_up_proj";
    out.query = part_of(qkv, "q", c.query_width(), c.hidden, 0);
    out.key = part_of(qkv, "k", c.key_width(), c.hidden, c.query_width());
    out.value = part_of(qkv, "v", c.key_width(), c.hidden, c.query_width() + c.key_width());
    out.gate = part_of(gate_up, "gate", c.intermediate, c.hidden, 0);
    out.up = part_of(gate_up, "up", c.intermediate, c.hidden, c.intermediate);
  } else {
    out.query = whole(prefix + "self_attn.q_proj", c.query_width(), c.hidden);
    out.key = whole(prefix + "self_attn.k_proj", c.key_width(), c.hidden);
    out.value = whole(prefix + "self_attn.v_proj", c.key_width(), c.hidden);
    out.gate = whole(prefix + "mlp.gate_proj", c.intermediate, c.hidden);
    out.up = whole(prefix + "mlp.up_proj", c.intermediate, c.hidden);
  }
  out.attention_out = whole(prefix + "self_attn.o_proj", c.hidden, c.query_width());
  out.down = whole(prefix + "mlp.down_proj", c.hidden, c.intermediate);
  return out;
}

}  // namespace detail

/// Where a model of this configuration keeps its tensors.
inline model_layout layout_of(const model_config& config) {
  const bool neox = config.family == model_family::gpt_neox;
  model_layout out;
  out.embedding = neox ? "gpt_neox.embed_in.weight" : "model.embed_tokens.weight";
  out.final_norm = neox ? "gpt_neox.final_layer_norm" : "model.norm";
  out.unembedding = detail::whole(neox ? "embed_out" : "lm_head", config.vocabulary, config.hidden);
  if (config.tied) out.unembedding.weight = out.embedding;
  for (std::size_t l = 0; l < config.layers; ++l) {
    const std::string number = std::to_string(l);
    out.layers.push_back(neox ? detail::gpt_neox_layer(config, "gpt_neox.layers." + number + ".")
                              : detail::llama_layer(config, "model.layers." + number + "."));
  }
  return out;
}

/// A tensor that a model of some configuration must have.
struct expected_tensor {
  std::string name;
  std::vector<std::size_t> shape;
};

/// Every tensor that a Hugging Face directory of this configuration must hold, each once.
inline std::vector<expected_tensor> expected_tensors(const model_config& config) {
  const model_layout layout = layout_of(config);
  std::vector<expected_tensor> out;
  const auto norm = [&](const std::string& module) {
    if (module.empty()) return;
    out.push_back({module + ".weight", {config.hidden}});
    if (config.norm == norm_kind::layer) out.push_back({module + ".bias", {config.hidden}});
  };
  // The parts of a fused tensor share its rows among them.
  const auto linear = [&](const std::vector<const weight_slice*>& parts, bool bias) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i]->rows == 0 || (i > 0 && parts[i]->weight == parts[i - 1]->weight)) continue;
      std::size_t rows = 0;
      for (const weight_slice* part : parts)
        rows += part->weight == parts[i]->weight ? part->rows : 0;
      out.push_back({parts[i]->weight, {rows, parts[i]->columns}});
      if (bias) out.push_back({parts[i]->bias, {rows}});
    }
  };
  out.push_back({layout.embedding, {config.vocabulary, config.hidden}});
  for (const layer_layout& layer : layout.layers) {
    norm(layer.attention_norm);
    linear({&layer.query, &layer.key, &layer.value}, config.qkv_bias);
    linear({&layer.attention_out}, config.attention_out_bias);
    norm(layer.attention_post_norm);
    norm(layer.mlp_norm);
    linear({&layer.gate, &layer.up}, config.mlp_bias);
    linear({&layer.down}, config.mlp_bias);
    norm(layer.mlp_post_norm);
  }
  norm(layout.final_norm);
  if (!config.tied) linear({&layout.unembedding}, false);
  return out;
}

}  // namespace qfa

#endif
