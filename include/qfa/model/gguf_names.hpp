// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_GGUF_NAMES_HPP
#define QFA_MODEL_GGUF_NAMES_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/model/config.hpp"
#include "qfa/model/layout.hpp"

namespace qfa {

/// How the rows of a tensor stand in a GGUF file, compared with the Hugging Face model.
///   same          alike
///   pairs         within a head, dimension i beside dimension i + head_dim / 2: Llama's q and k, whose RoPE turns
///                 neighbors there
///   parts_apart   all of q, then all of k, then all of v: GPT-NeoX, which has q, k and v of a head together
enum class gguf_rows : std::uint8_t { same, pairs, parts_apart };

/// One tensor by both its names, and what llama.cpp's converter does to it.
struct gguf_name {
  std::string in_file;
  std::string in_model;
  gguf_rows rows = gguf_rows::same;
  bool adds_one = false;  ///< the file has w + 1 (Gemma's norms)
};

/// Where the model's row `r` stands in the file.
constexpr std::size_t row_in_gguf(gguf_rows rows, std::size_t r, const model_config& config) noexcept {
  const std::size_t dim = config.head_dim;
  if (rows == gguf_rows::pairs) {
    const std::size_t i = r % dim, half = dim / 2;
    return r - i + 2 * (i % half) + i / half;
  }
  if (rows == gguf_rows::parts_apart) {
    const std::size_t head = r / (3 * dim), part = r / dim % 3;
    return (part * config.heads + head) * dim + r % dim;
  }
  return r;
}

/// Every tensor of a model of this configuration by both names, in the order in which llama.cpp writes them.
inline std::vector<gguf_name> gguf_names(const model_config& config) {
  const model_layout layout = layout_of(config);
  const bool interleaved = config.family == model_family::llama || config.family == model_family::mistral;
  std::vector<gguf_name> out;
  const auto norm = [&](const std::string& in_file, const std::string& module) {
    if (module.empty()) return;
    out.push_back({in_file + ".weight", module + ".weight", gguf_rows::same, config.norm_adds_one});
    if (config.norm == norm_kind::layer) out.push_back({in_file + ".bias", module + ".bias"});
  };
  const auto linear = [&](const std::string& in_file, const weight_slice& slice, bool bias, gguf_rows rows) {
    if (slice.rows == 0) return;
    out.push_back({in_file + ".weight", slice.weight, rows});
    if (bias) out.push_back({in_file + ".bias", slice.bias, rows});
  };
  out.push_back({"token_embd.weight", layout.embedding});
  for (std::size_t l = 0; l < layout.layers.size(); ++l) {
    const layer_layout& layer = layout.layers[l];
    const std::string block = "blk." + std::to_string(l) + ".";
    norm(block + "attn_norm", layer.attention_norm);
    if (layer.query.fused()) {
      linear(block + "attn_qkv", layer.query, config.qkv_bias,
             config.family == model_family::gpt_neox ? gguf_rows::parts_apart : gguf_rows::same);
    } else {
      const gguf_rows rows = interleaved ? gguf_rows::pairs : gguf_rows::same;
      linear(block + "attn_q", layer.query, config.qkv_bias, rows);
      linear(block + "attn_k", layer.key, config.qkv_bias, rows);
      linear(block + "attn_v", layer.value, config.qkv_bias, gguf_rows::same);
    }
    linear(block + "attn_output", layer.attention_out, config.attention_out_bias, gguf_rows::same);
    norm(block + "post_attention_norm", layer.attention_post_norm);
    norm(block + "ffn_norm", layer.mlp_norm);
    if (!layer.up.fused()) linear(block + "ffn_gate", layer.gate, config.mlp_bias, gguf_rows::same);
    linear(block + "ffn_up", layer.up, config.mlp_bias, gguf_rows::same);  // fused: gate and up, as Phi-3 has them
    linear(block + "ffn_down", layer.down, config.mlp_bias, gguf_rows::same);
    norm(block + "post_ffw_norm", layer.mlp_post_norm);
  }
  norm("output_norm", layout.final_norm);
  if (!config.tied) linear("output", layout.unembedding, false, gguf_rows::same);
  return out;
}

}  // namespace qfa

#endif
