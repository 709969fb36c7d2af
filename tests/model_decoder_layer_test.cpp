// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/decoder_layer.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <random>

#include "qfa/model/load.hpp"

namespace model_decoder_layer_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

decoder_layer<> layer_of(const language_model& model, std::size_t l, const decoder_layer<>* like = nullptr) {
  return {model, layout_of(model.config).layers[l], model.config.windows[l], like};
}

/// A block's output for texts of `context` random tokens, its steps taken for `at_once` tokens at a time.
std::vector<float> run(const language_model& model, std::size_t tokens, std::size_t context, std::size_t at_once,
                       bool keep = false) {
  const decoder_layer<> layer = layer_of(model, 1);
  const rope_table rope(model.config, context);
  forward_scratch scratch;
  scratch.make_room(model.config, tokens);
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (float& x : scratch.residual.values)
    x = normal(random);
  std::vector<chunk_scratch<>> kept((tokens + at_once - 1) / at_once);
  for (std::size_t k = 0; k < hook_kind_names.size(); ++k) {
    const auto kind = static_cast<hook_kind>(k);
    if (kind == hook_kind::z) {
      layer.meet(context, scratch);
      continue;
    }
    for (std::size_t first = 0; first < tokens; first += at_once) {
      const std::size_t last = std::min(tokens, first + at_once);
      if (keep)
        layer.step(kind, {.columns = context}, rope, first, last, scratch, kept[first / at_once], {});
      else
        layer.step(kind, {.columns = context}, rope, first, last, scratch);
    }
  }
  return scratch.residual.values;
}

}  // namespace

TEST_CASE("decoder_layer: tokens may be taken a few at a time, wherever the cuts are") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    const std::vector<float> whole = run(model, 30, 10, 30);
    for (const std::size_t at_once : std::vector<std::size_t>{1, 7, 10, 13})
      CHECK(run(model, 30, 10, at_once) == whole);
  }
}

TEST_CASE("decoder_layer: what a thread keeps from step to step changes nothing") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    CHECK(run(model, 30, 10, 13, true) == run(model, 30, 10, 13));
  }
}

TEST_CASE("decoder_layer: what goes to the residual at once has the same bits as what is added later") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    const decoder_layer<> layer = layer_of(model, 1);
    const std::size_t tokens = 30;
    const rope_table rope(model.config, tokens);
    const auto run_all = [&](bool unseen) {
      forward_scratch scratch;
      scratch.make_room(model.config, tokens);
      std::mt19937 random(5);
      std::normal_distribution<float> normal;
      for (activations* x : {&scratch.residual, &scratch.z, &scratch.attention_out, &scratch.mlp_out})
        for (float& value : x->values)
          value = normal(random);
      chunk_scratch<> work;
      for (std::size_t k = static_cast<std::size_t>(hook_kind::attn_raw_out); k < hook_kind_names.size(); ++k)
        layer.step(static_cast<hook_kind>(k), {.columns = tokens}, rope, 0, tokens, scratch, work, {.unseen = unseen});
      return scratch;
    };
    const forward_scratch seen = run_all(false), unseen = run_all(true);
    CHECK(unseen.residual.values == seen.residual.values);
    // Gemma-2's post-norms need the sum as it is.
    CHECK((unseen.mlp_out.values == seen.mlp_out.values) == model.config.post_norms);
  }
}

TEST_CASE("decoder_layer: the MLP's hidden units are its activation of what its linear layers give") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    const layer_layout names = layout_of(model.config).layers[1];
    const std::size_t tokens = 19;
    forward_scratch scratch;
    scratch.make_room(model.config, tokens);
    std::mt19937 random(6);
    std::normal_distribution<float> normal;
    for (float& x : scratch.normed.values)
      x = normal(random);
    layer_of(model, 1).step(hook_kind::mlp_post, {.columns = tokens}, rope_table(model.config, tokens), 0, tokens,
                            scratch, {.prepared = true});
    activations up, gate;
    up.resize(tokens, model.config.intermediate);
    linear<>(model, names.up)(scratch.normed.view(), up.view());
    if (model.config.gated) {
      gate.resize(tokens, model.config.intermediate);
      linear<>(model, names.gate)(scratch.normed.view(), gate.view());
      activate_gated(model.config.activation, gate.view(), up.view());
    } else {
      activate(model.config.activation, up.view());
    }
    CHECK(scratch.up.values == up.values);
  }
}

TEST_CASE("decoder_layer: what was packed for one layer's inputs is not taken for another's") {
  const language_model model = load_model(models / "llama");
  const decoder_layer<> layer = layer_of(model, 1);
  const rope_table rope(model.config, 4);
  forward_scratch scratch;
  scratch.make_room(model.config, 4);
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (float& x : scratch.residual.values)
    x = normal(random);
  chunk_scratch<> work;
  layer.step(hook_kind::q, {.columns = 4}, rope, 0, 4, scratch, work, {});
  const std::vector<float> before = scratch.q.values;
  for (float& x : scratch.residual.values)
    x = normal(random);
  layer.step(hook_kind::q, {.columns = 4}, rope, 0, 4, scratch, work, {});
  CHECK(scratch.q.values != before);
  layer.step(hook_kind::mlp_post, {.columns = 4}, rope, 0, 4, scratch, work, {});
  const std::vector<float> first = scratch.up.values;
  for (float& x : scratch.residual.values)
    x = normal(random);
  layer.step(hook_kind::mlp_post, {.columns = 4}, rope, 0, 4, scratch, work, {});
  CHECK(scratch.up.values != first);
}

TEST_CASE("decoder_layer: every hook shows a buffer of its width") {
  for (const std::string_view family : model_family_names) {
    const model_config config = read_config(models / family / "config.json");
    forward_scratch scratch;
    scratch.make_room(config, 3);
    for (const hook_point& hook : hooks_of(config)) {
      CHECK(scratch.at(hook.kind).width == hook_width(config, hook));
      CHECK(scratch.at(hook.kind).tokens == 3);
    }
  }
}

TEST_CASE("decoder_layer: panels are shared tensor by tensor") {
  const language_model model = load_model(models / "phi3");
  const decoder_layer<> layer = layer_of(model, 0);
  CHECK(layer_of(model, 0, &layer).shared_panels(layer) == 7);
  CHECK(layer_of(model, 0).shared_panels(layer) == 0);
  language_model changed = model;
  const std::string fused = "model.layers.0.self_attn.qkv_proj.weight";
  changed.tensors[fused] = share(model.at(fused).shape, *model.at(fused).values);
  CHECK(layer_of(changed, 0, &layer).shared_panels(layer) == 4);
}

}  // namespace model_decoder_layer_test
