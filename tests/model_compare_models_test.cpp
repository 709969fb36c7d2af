// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/compare_models.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "qfa/compress/rtn.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/load_gguf.hpp"
#include "qfa/model/write_gguf.hpp"
#include "scratch.hpp"

namespace model_compare_models_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

}  // namespace

TEST_CASE("compare_tensors: a compressed model is told apart from the reference as its compression was") {
  for (const std::string_view family : {"gpt_neox", "phi3"})
    for (const bool fused : {false, true}) {
      const language_model model = load_model(models / family);
      const target_patterns targets{.include = {"*layers.1*"}, .exclude = {}};
      const compressed_model made = compress(model, rtn{.bits = 3}, targets, {.fused = fused});
      const auto found = compare_tensors(model, made.model, targets, fused);
      REQUIRE(found.size() == made.tensors.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].info.name == made.tensors[i].info.name);
        CHECK(found[i].weights == made.tensors[i].weights);
        CHECK(found[i].change == made.tensors[i].change);
      }
      CHECK(*bits_per_weight(found) == doctest::Approx(*bits_per_weight(made.tensors)).epsilon(1e-14));
    }
}

TEST_CASE("compare_tensors: bits are known where the other model's tensors know theirs") {
  const language_model model = load_model(models / "llama");
  language_model other = model;
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  other.tensors[name].bits = 4.25;
  const target_patterns only{.include = {name}, .exclude = {}};
  CHECK(compare_tensors(model, other, only).front().stored_bits ==
        4.25 * static_cast<double>(model.at(name).values->size()));
  other.tensors[name].bits = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(compare_tensors(model, other, only).front().stored_bits.has_value());
  CHECK_FALSE(bits_per_weight(compare_tensors(model, other)).has_value());
}

TEST_CASE("check_same_architecture: another family, depth, width or vocabulary is refused in one sentence") {
  const language_model model = load_model(models / "llama");
  check_same_architecture(model, model);
  check_refused([&] { check_same_architecture(model, load_model(models / "gpt_neox")); }, {"gpt_neox", "llama"});
  const auto with = [&](std::size_t model_config::*number, std::size_t value) {
    language_model other = model;
    other.config.*number = value;
    return [&model, other] { compare_tensors(model, other); };
  };
  check_refused(with(&model_config::layers, 7), {"7 layers", "not 3"});
  check_refused(with(&model_config::hidden, 128), {"128 channels", "not 64"});
  check_refused(with(&model_config::heads, 5), {"5 attention heads"});
  check_refused(with(&model_config::kv_heads, 5), {"5 key and value heads"});
  check_refused(with(&model_config::head_dim, 5), {"5 channels a head"});
  check_refused(with(&model_config::intermediate, 5), {"5 hidden units"});
  check_refused(with(&model_config::vocabulary, 5), {"5 tokens in its vocabulary"});
  language_model reshaped = model;
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  reshaped.tensors[name].shape = {1, reshaped.at(name).values->size()};
  check_refused([&] { compare_tensors(model, reshaped); }, {name, "another shape"});
}

TEST_CASE("check_same_architecture: a Mistral that was written as GGUF is the Mistral that it was") {
  const qfa_test::scratch folder;
  language_model model = load_model(models / "mistral");
  model.config.windows.assign(model.config.layers, 0);  // Llama's files have none
  write_gguf(model, folder.path() / "m.gguf", ggml_type::q8_0);
  const language_model back = load_gguf(folder.path() / "m.gguf");
  REQUIRE(back.config.family != model.config.family);
  CHECK_FALSE(compare_tensors(model, back).empty());
  check_same_architecture(back, model);
}

TEST_CASE("comparison_warnings: what a model computes differently is named with both values") {
  const language_model model = load_model(models / "llama");
  CHECK(comparison_warnings("same", model, model).empty());
  language_model other = model;
  other.beyond_weights = "a quantized cache";
  other.config.rope_base = 12345.0;
  other.config.rope_scaling.reset();
  other.config.windows = {0, 9, 9};
  other.config.attention_softcap = 50.0;
  other.config.logit_softcap = 30.0;
  other.config.norm_epsilon = 0.5;
  other.config.activation = mlp_activation::relu;
  other.config.query_scale = 3.0;
  const auto warnings = comparison_warnings("other", model, other);
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].find("other asks for a quantized cache") == 0);
  for (const std::string_view part :
       {"rope base 12345, not ", "rope scaling none, not llama3 by 8 with 1 and 4 of ",
        "sliding windows 0 in 1 layer, 9 in 2 layers, not none", "attention softcap 50, not 0",
        "logit softcap 30, not 0", "norm epsilon 0.5, not ", "activation relu, not silu", "query scale 3, not "}) {
    CAPTURE(part);
    CHECK(warnings[1].find(part) != std::string::npos);
  }
  other = model;
  other.config.norm_epsilon *= 1.0 + 1e-8;  // as a float keeps it
  CHECK(comparison_warnings("other", model, other).empty());
}

TEST_CASE("share_equal_tensors: what two models have in common is held once, and the rest stays") {
  const language_model model = load_model(models / "llama");
  language_model other = load_model(models / "llama");
  const std::string changed = "model.layers.0.mlp.up_proj.weight";
  std::vector<float> values = *other.at(changed).values;
  values.back() += 1.0f;
  other.tensors[changed] = share(other.at(changed).shape, values, 4.0);
  other.tensors["model.norm.weight"].bits = 8.0;
  const language_model shared = share_equal_tensors(model, other);
  for (const auto& [name, tensor] : shared.tensors)
    CHECK((tensor.values == model.at(name).values) == (name != changed));
  CHECK(*shared.at(changed).values == values);
  CHECK(shared.at("model.norm.weight").bits == 8.0);
}

}  // namespace model_compare_models_test
