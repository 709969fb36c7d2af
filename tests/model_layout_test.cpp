// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/layout.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <set>

namespace model_layout_test {

using namespace qfa;

namespace {

model_config shape_of(model_family family) {
  model_config out;
  out.family = family;
  out.hidden = 8;
  out.layers = 2;
  out.heads = 4;
  out.kv_heads = family == model_family::gpt_neox ? 4 : 2;
  out.head_dim = 3;
  out.intermediate = 5;
  out.vocabulary = 11;
  out.gated = family != model_family::gpt_neox;
  out.norm = family == model_family::gpt_neox ? norm_kind::layer : norm_kind::rms;
  out.post_norms = family == model_family::gemma2;
  return out;
}

/// The stored rows that a slice covers, in its order.
std::vector<std::size_t> rows_of(const weight_slice& slice) {
  std::vector<float> stored(1000 * slice.columns);
  for (std::size_t i = 0; i < stored.size(); ++i)
    stored[i] = static_cast<float>(i / slice.columns);
  const auto view = slice.of(stored.data());
  std::vector<std::size_t> out;
  for (std::size_t r = 0; r < view.rows(); ++r) {
    out.push_back(static_cast<std::size_t>(view(r, 0)));
    CHECK(slice.bias_index(r) == out.back());
  }
  return out;
}

using rows = std::vector<std::size_t>;

}  // namespace

TEST_CASE("layout: GPT-NeoX keeps q, k and v side by side within each head") {
  const layer_layout layer = layout_of(shape_of(model_family::gpt_neox)).layers[1];
  CHECK(rows_of(layer.query) == rows{0, 1, 2, 9, 10, 11, 18, 19, 20, 27, 28, 29});
  CHECK(rows_of(layer.key) == rows{3, 4, 5, 12, 13, 14, 21, 22, 23, 30, 31, 32});
  CHECK(rows_of(layer.value) == rows{6, 7, 8, 15, 16, 17, 24, 25, 26, 33, 34, 35});
  CHECK(layer.query.weight == "gpt_neox.layers.1.attention.query_key_value.weight");
  CHECK(layer.key.bias == "gpt_neox.layers.1.attention.query_key_value.bias");
  CHECK(layer.gate.rows == 0);
  CHECK(layer.up.weight == "gpt_neox.layers.1.mlp.dense_h_to_4h.weight");
}

TEST_CASE("layout: Phi-3 keeps q, k and v one after the other, and gate before up") {
  const layer_layout layer = layout_of(shape_of(model_family::phi3)).layers[0];
  CHECK(rows_of(layer.query).front() == 0);
  CHECK(rows_of(layer.query).back() == 11);
  CHECK(rows_of(layer.key) == rows{12, 13, 14, 15, 16, 17});
  CHECK(rows_of(layer.value) == rows{18, 19, 20, 21, 22, 23});
  CHECK(rows_of(layer.gate) == rows{0, 1, 2, 3, 4});
  CHECK(rows_of(layer.up) == rows{5, 6, 7, 8, 9});
  CHECK(layer.up.weight == layer.gate.weight);
}

TEST_CASE("layout: a fused tensor's parts cover it without overlap, and it is expected once") {
  for (const model_family family : {model_family::gpt_neox, model_family::phi3}) {
    const model_config config = shape_of(family);
    const layer_layout layer = layout_of(config).layers[0];
    std::set<std::size_t> seen;
    for (const weight_slice* part : {&layer.query, &layer.key, &layer.value})
      for (const std::size_t r : rows_of(*part))
        CHECK(seen.insert(r).second);
    CHECK(seen.size() == *seen.rbegin() + 1);
    std::size_t found = 0;
    for (const expected_tensor& tensor : expected_tensors(config)) {
      if (tensor.name != layer.query.weight) continue;
      ++found;
      CHECK(tensor.shape == std::vector<std::size_t>{seen.size(), config.hidden});
    }
    CHECK(found == 1);
  }
}

TEST_CASE("layout: Gemma-2's second norm stands behind attention, where others have it before the MLP") {
  const layer_layout gemma = layout_of(shape_of(model_family::gemma2)).layers[0];
  CHECK(gemma.attention_post_norm == "model.layers.0.post_attention_layernorm");
  CHECK(gemma.mlp_norm == "model.layers.0.pre_feedforward_layernorm");
  CHECK(gemma.mlp_post_norm == "model.layers.0.post_feedforward_layernorm");
  const layer_layout llama = layout_of(shape_of(model_family::llama)).layers[0];
  CHECK(llama.attention_post_norm.empty());
  CHECK(llama.mlp_norm == "model.layers.0.post_attention_layernorm");
}

TEST_CASE("layout: a tied model reads its unembedding where its embedding lies") {
  model_config config = shape_of(model_family::llama);
  CHECK(layout_of(config).unembedding.weight == "lm_head.weight");
  config.tied = true;
  CHECK(layout_of(config).unembedding.weight == "model.embed_tokens.weight");
  for (const expected_tensor& tensor : expected_tensors(config))
    CHECK(tensor.name != "lm_head.weight");
}

TEST_CASE("layout: only LayerNorm has a bias, and linear layers only where the configuration says so") {
  for (const expected_tensor& tensor : expected_tensors(shape_of(model_family::llama)))
    CHECK(tensor.name.find("bias") == std::string::npos);
  model_config qwen = shape_of(model_family::qwen2);
  qwen.qkv_bias = true;
  std::size_t biases = 0;
  for (const expected_tensor& tensor : expected_tensors(qwen))
    biases += tensor.name.find("bias") != std::string::npos;
  CHECK(biases == 6);
}

}  // namespace model_layout_test
