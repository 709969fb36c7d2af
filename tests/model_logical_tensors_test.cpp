// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/logical_tensors.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "qfa/model/load.hpp"

namespace model_logical_tensors_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

}  // namespace

TEST_CASE("logical_tensors: the matrices of every family cover their stored tensors, each weight once") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    std::map<std::string, std::vector<float>> counts;
    for (const logical_tensor& tensor : logical_tensors(model.config)) {
      auto& count =
          counts.try_emplace(tensor.slice.weight, model.at(tensor.slice.weight).values->size(), 0.0f).first->second;
      const auto view = tensor.of(count.data());
      for (std::size_t r = 0; r < view.rows(); ++r)
        for (float& x : view.row(r))
          x += 1.0f;
      CHECK(stored_name(tensor.info.name) == tensor.slice.weight);
    }
    for (const auto& entry : counts) {
      const std::string& name = entry.first;
      const std::vector<float>& count = entry.second;
      CAPTURE(name);
      CHECK(count == std::vector<float>(count.size(), 1.0f));
    }
    // What is left are norms and biases.
    for (const auto& [name, tensor] : model.tensors)
      CHECK((counts.contains(name) || tensor.shape.size() == 1));
  }
}

TEST_CASE("logical_tensors: roles, heads and names are what a policy expects of them") {
  const auto neox = logical_tensors(read_config(models / "gpt_neox" / "config.json"));
  REQUIRE(neox.size() == 3 * 6 + 2);
  CHECK(neox[0].info.name == "gpt_neox.layers.0.attention.query_key_value.weight#q");
  for (const auto& tensor : neox)
    CHECK(tensor.info.layers == 3);
  CHECK(neox[0].info.role == tensor_role::query);
  CHECK(neox[0].info.heads == 4);
  CHECK(neox[0].info.head_dim == 16);
  CHECK(neox[4].info.role == tensor_role::up);
  CHECK(neox[5].info.role == tensor_role::down);
  CHECK(neox[7].info.layer == 1);
  CHECK(neox.back().info.name == "gpt_neox.embed_in.weight");
  CHECK(neox.back().info.role == tensor_role::other);

  const auto llama = logical_tensors(read_config(models / "llama" / "config.json"));
  CHECK(llama[0].info.heads == 8);
  CHECK(llama[1].info.heads == 2);
  CHECK(llama[1].info.role == tensor_role::key);
  CHECK(llama[3].info.role == tensor_role::attention_out);
  CHECK(llama[3].info.heads == 8);
  CHECK(llama[4].info.role == tensor_role::gate);
  CHECK(llama[4].info.heads == 0);
  CHECK(llama[4].info.head_dim == 0);

  const auto phi = logical_tensors(read_config(models / "phi3" / "config.json"));
  CHECK(phi[4].info.name == "model.layers.0.mlp.gate_up_proj.weight#gate");
  CHECK(phi[5].info.name == "model.layers.0.mlp.gate_up_proj.weight#up");
}

TEST_CASE("logical_tensors: a tied embedding is named once") {
  const auto qwen = logical_tensors(read_config(models / "qwen2" / "config.json"));
  std::set<std::string> names;
  for (const logical_tensor& tensor : qwen)
    CHECK(names.insert(tensor.info.name).second);
  CHECK(names.contains("model.embed_tokens.weight"));
  CHECK_FALSE(names.contains("lm_head.weight"));
}

TEST_CASE("stored_matrices: a fused tensor is one matrix with the parts it holds") {
  const language_model model = load_model(models / "phi3");
  const auto stored = stored_matrices(model.config);
  REQUIRE(stored.size() == 3 * 4 + 2);
  CHECK(stored[0].whole.info.name == "model.layers.0.self_attn.qkv_proj.weight");
  CHECK(stored[0].whole.info.role == tensor_role::other);
  CHECK(stored[0].whole.info.layers == 3);
  CHECK(stored[0].parts.size() == 3);
  CHECK(stored[2].whole.info.name == "model.layers.0.mlp.gate_up_proj.weight");
  for (const stored_matrix& matrix : stored) {
    const shared_tensor& tensor = model.at(matrix.whole.slice.weight);
    const auto view = matrix.whole.of(tensor.data());
    CHECK(std::vector<std::size_t>{view.rows(), view.columns()} == tensor.shape);
    CHECK(view.contiguous());
  }
  const auto neox = stored_matrices(read_config(models / "gpt_neox" / "config.json"));
  CHECK(neox[0].parts.size() == 3);
  CHECK(neox[0].whole.of(static_cast<float*>(nullptr)).rows() == 192);
  CHECK(neox[1].parts.size() == 1);
  CHECK(neox[1].whole.info.role == tensor_role::attention_out);
}

TEST_CASE("logical_tensors: each matrix knows the inputs that it reads, fused or not, and the embeddings read none") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const model_config config = read_config(models / family / "config.json");
    for (const logical_tensor& tensor : logical_tensors(config)) {
      CAPTURE(tensor.info.name);
      if (tensor.info.role == tensor_role::other) {
        CHECK_FALSE(tensor.input.has_value());
        continue;
      }
      REQUIRE(tensor.input.has_value());
      CHECK(tensor.input->layer == tensor.info.layer);
      CHECK(tensor.info.name.find("." + std::to_string(tensor.input->layer) + ".") != std::string::npos);
      input_kind kind = input_kind::attention;
      if (tensor.info.role == tensor_role::attention_out) kind = input_kind::mix;
      if (tensor.info.role == tensor_role::gate || tensor.info.role == tensor_role::up) kind = input_kind::mlp;
      if (tensor.info.role == tensor_role::down) kind = input_kind::hidden;
      CHECK(tensor.input->kind == kind);
    }
  }
  const auto phi = stored_matrices(read_config(models / "phi3" / "config.json"));
  CHECK((phi[4].whole.input == linear_input{1, input_kind::attention}));
  CHECK((phi[6].whole.input == linear_input{1, input_kind::mlp}));
  CHECK((stored_matrices(read_config(models / "gpt_neox" / "config.json"))[0].whole.input ==
         linear_input{0, input_kind::attention}));
}

}  // namespace model_logical_tensors_test
