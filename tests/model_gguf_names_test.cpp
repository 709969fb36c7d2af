// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/gguf_names.hpp"

#include <filesystem>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "qfa/model/read_config.hpp"

namespace model_gguf_names_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

}  // namespace

TEST_CASE("gguf_names: every tensor of every family has one name in a file") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const model_config config = read_config(models / family / "config.json");
    std::set<std::string> in_file, in_model, expected;
    for (const gguf_name& name : gguf_names(config)) {
      CHECK(in_file.insert(name.in_file).second);
      CHECK(in_model.insert(name.in_model).second);
    }
    for (const expected_tensor& tensor : expected_tensors(config))
      expected.insert(tensor.name);
    CHECK(in_model == expected);
  }
}

TEST_CASE("gguf_names: the names that llama.cpp gives") {
  const auto in_file = [](const char* family, const std::string& in_model) {
    for (const gguf_name& name : gguf_names(read_config(models / family / "config.json")))
      if (name.in_model == in_model) return name.in_file;
    return std::string("none");
  };
  CHECK(in_file("gemma2", "model.layers.3.post_attention_layernorm.weight") == "blk.3.post_attention_norm.weight");
  CHECK(in_file("gemma2", "model.layers.3.pre_feedforward_layernorm.weight") == "blk.3.ffn_norm.weight");
  CHECK(in_file("gemma2", "model.layers.3.post_feedforward_layernorm.weight") == "blk.3.post_ffw_norm.weight");
  CHECK(in_file("llama", "model.layers.2.post_attention_layernorm.weight") == "blk.2.ffn_norm.weight");
  CHECK(in_file("llama", "model.layers.2.mlp.gate_proj.weight") == "blk.2.ffn_gate.weight");
  CHECK(in_file("llama", "lm_head.weight") == "output.weight");
  CHECK(in_file("qwen2", "model.layers.0.self_attn.k_proj.bias") == "blk.0.attn_k.bias");
  CHECK(in_file("qwen2", "model.norm.weight") == "output_norm.weight");
  CHECK(in_file("phi3", "model.layers.1.self_attn.qkv_proj.weight") == "blk.1.attn_qkv.weight");
  CHECK(in_file("phi3", "model.layers.1.mlp.gate_up_proj.weight") == "blk.1.ffn_up.weight");
  CHECK(in_file("gpt_neox", "gpt_neox.layers.1.attention.dense.bias") == "blk.1.attn_output.bias");
  CHECK(in_file("gpt_neox", "gpt_neox.layers.1.mlp.dense_4h_to_h.weight") == "blk.1.ffn_down.weight");
  CHECK(in_file("gpt_neox", "gpt_neox.final_layer_norm.bias") == "output_norm.bias");
}

TEST_CASE("row_in_gguf: each order sends rows one to one") {
  model_config config;
  config.heads = 3;
  config.head_dim = 6;
  std::set<std::size_t> pairs, apart;
  for (std::size_t r = 0; r < 54; ++r) {
    CHECK(row_in_gguf(gguf_rows::same, r, config) == r);
    pairs.insert(row_in_gguf(gguf_rows::pairs, r, config));
    apart.insert(row_in_gguf(gguf_rows::parts_apart, r, config));
    CHECK(row_in_gguf(gguf_rows::pairs, r, config) / 6 == r / 6);  // heads stay
  }
  CHECK(pairs.size() == 54);
  CHECK(*pairs.rbegin() == 53);
  CHECK(apart.size() == 54);
  CHECK(*apart.rbegin() == 53);
  CHECK(row_in_gguf(gguf_rows::pairs, 3, config) == 1);
  CHECK(row_in_gguf(gguf_rows::pairs, 6 + 2, config) == 6 + 4);
  CHECK(row_in_gguf(gguf_rows::parts_apart, 6, config) == 18);  // head 0's first key
  CHECK(row_in_gguf(gguf_rows::parts_apart, 18 + 12 + 5, config) == 36 + 6 + 5);
}

}  // namespace model_gguf_names_test
