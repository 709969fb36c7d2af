// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/load_hooks.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace sae_load_hooks_test {

TEST_CASE("take_number: prefix and number go, the rest stays, and nothing moves without both") {
  std::string_view text = "layers.20.mlp";
  CHECK(qfa::take_number(text, "layers.") == 20);
  CHECK(text == ".mlp");
  for (const char* other : {"layer.20", "layers.x", "layers.", "layers.-1", "layers.99999999999999999999"}) {
    text = other;
    CHECK(!qfa::take_number(text, "layers."));
    CHECK(text == other);
  }
}

TEST_CASE("hook_of_gemma_module: the four published places, nothing else") {
  CHECK(qfa::hook_of_gemma_module("model.layers.17.output") == "blocks.17.hook_resid_post");
  CHECK(qfa::hook_of_gemma_module("model.layers.0.self_attn.o_proj.input") == "blocks.0.attn.hook_z");
  CHECK(qfa::hook_of_gemma_module("model.layers.3.post_attention_layernorm.output") == "blocks.3.hook_attn_out");
  CHECK(qfa::hook_of_gemma_module("model.layers.3.post_feedforward_layernorm.output") == "blocks.3.hook_mlp_out");
  for (const char* other : {"model.layers.3.pre_feedforward_layernorm.output", "model.layers.3", "model.layers.output",
                            "layers.3.output", "model.layers.3.outputs", ""})
    CHECK(!qfa::hook_of_gemma_module(other));
}

TEST_CASE("hook_of_sparsify_directory: a block's output and its MLP's, with and without a slash at the end") {
  CHECK(qfa::hook_of_sparsify_directory("sae/layers.20.mlp") == "blocks.20.hook_mlp_out");
  CHECK(qfa::hook_of_sparsify_directory("sae/layers.20.mlp/") == "blocks.20.hook_mlp_out");
  CHECK(qfa::hook_of_sparsify_directory("layers.3/.") == "blocks.3.hook_resid_post");
  CHECK(qfa::hook_of_sparsify_directory("h.11") == "blocks.11.hook_resid_post");
  for (const char* other : {"layers.20.attention", "layers.20/saes", "transformer.h.3", "layers", "/"})
    CHECK(!qfa::hook_of_sparsify_directory(other));
}

TEST_CASE("hook_of_submodule: the residual stream after a layer") {
  CHECK(qfa::hook_of_submodule("resid_post_layer_12") == "blocks.12.hook_resid_post");
  for (const char* other : {"resid_post_layer_12_trainer_0", "mlp_layer_12", "resid_post_layer_", ""})
    CHECK(!qfa::hook_of_submodule(other));
}

TEST_CASE("parse_gemma_scope_path: layer, site and model are read from the published paths") {
  const auto att = qfa::parse_gemma_scope_path("gemma-scope-9b-it-att/layer_7/width_16k/average_l0_30/params.npz");
  CHECK(att.layer == 7);
  CHECK(att.site == "att");
  CHECK(att.model == "gemma-2-9b-it");
  CHECK(qfa::hook_of_gemma_scope_path(att) == "blocks.7.attn.hook_z");

  // As the hub's cache writes it.
  const auto mlp =
      qfa::parse_gemma_scope_path("models--google--gemma-scope-2b-pt-mlp/snapshots/0a1/layer_25/params.npz");
  CHECK(mlp.model == "gemma-2-2b");
  CHECK(qfa::hook_of_gemma_scope_path(mlp) == "blocks.25.hook_mlp_out");

  const auto res = qfa::parse_gemma_scope_path("gemma-scope-27b-pt-res/layer_22/params.npz");
  CHECK(res.model == "gemma-2-27b");
  CHECK(qfa::hook_of_gemma_scope_path(res) == "blocks.22.hook_resid_post");

  CHECK(qfa::parse_gemma_scope_path("gemma-scope-2b-pt-transcoders/layer_1/params.npz").site == "transcoders");
  CHECK(qfa::hook_of_gemma_scope_path(qfa::parse_gemma_scope_path("embedding/params.npz")) == "hook_embed");
}

TEST_CASE("parse_gemma_scope_path: what the path does not tell stays empty") {
  const auto bare = qfa::parse_gemma_scope_path("layer_3/params.npz");
  CHECK(bare.site.empty());
  CHECK(bare.model.empty());
  CHECK(!bare.embedding);
  CHECK(qfa::hook_of_gemma_scope_path(bare) == "blocks.3.hook_resid_post");
  CHECK(!qfa::hook_of_gemma_scope_path(qfa::parse_gemma_scope_path("sae/params.npz")));
  CHECK(!qfa::parse_gemma_scope_path("sae/layer_3.npz").layer);  // a file's own name tells nothing
  CHECK(!qfa::parse_gemma_scope_path("layer_3_copy/params.npz").layer);
  CHECK(qfa::parse_gemma_scope_path("gemma-scope-/params.npz").model.empty());
  CHECK(!qfa::parse_gemma_scope_path("").layer);
}

}  // namespace sae_load_hooks_test
