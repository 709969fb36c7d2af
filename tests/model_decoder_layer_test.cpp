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
std::vector<float> run(const language_model& model, std::size_t tokens, std::size_t context, std::size_t at_once) {
  const decoder_layer<> layer = layer_of(model, 1);
  const rope_table rope(model.config, context);
  forward_scratch scratch;
  scratch.make_room(model.config, tokens);
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (float& x : scratch.residual.values)
    x = normal(random);
  for (std::size_t k = 0; k < hook_kind_names.size(); ++k) {
    const auto kind = static_cast<hook_kind>(k);
    if (kind == hook_kind::z) {
      layer.meet(context, scratch);
      continue;
    }
    for (std::size_t first = 0; first < tokens; first += at_once)
      layer.step(kind, context, rope, first, std::min(tokens, first + at_once), scratch);
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
