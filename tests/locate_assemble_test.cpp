// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/assemble.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/compress/rtn.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/load.hpp"

namespace locate_assemble_test {

using namespace qfa;

namespace {

language_model model_of(std::string_view family) {
  return load_model(std::filesystem::path(QFA_TEST_DATA) / "models" / family);
}

/// The weights that differ between two models, of all tensors together.
std::size_t differing(const language_model& a, const language_model& b) {
  std::size_t count = 0;
  for (const auto& [name, tensor] : a.tensors)
    for (std::size_t i = 0; i < tensor.values->size(); ++i)
      count += (*tensor.values)[i] != (*b.at(name).values)[i];
  return count;
}

}  // namespace

TEST_CASE("assemble: all units of any kind give the compressed model, each of them its own weights and no other") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = model_of(family);
    const std::vector<language_model> options{compress(model, rtn{.bits = 3}).model};
    for (const unit_kind kind : {unit_kind::tensors, unit_kind::layers, unit_kind::heads}) {
      const auto units = units_of(model.config, kind);
      const std::vector<std::size_t> all(units.size(), 0), none(units.size(), left_alone);
      CHECK(differing(assemble(model, options, units, all), options[0]) == 0);
      CHECK(first_difference(assemble(model, options, units, none), model) == model.config.layers + 1);
      std::size_t changed = 0;
      for (std::size_t u = 0; u < units.size(); ++u) {
        std::vector<std::size_t> choice = none;
        choice[u] = 0;
        const language_model one = assemble(model, options, units, choice);
        const std::size_t here = differing(one, model);
        CHECK(here > 0);
        CHECK(here <= units[u].weights());
        CHECK(first_difference(one, model) == units[u].parts.front().tensor.info.layer);
        changed += here;
      }
      CHECK(changed == differing(options[0], model));
    }
  }
}

TEST_CASE("assemble: parts of one tensor may come from different forms, whole ones stay shared") {
  const language_model model = model_of("llama");
  const std::vector<language_model> options{compress(model, rtn{.bits = 3}).model,
                                            compress(model, rtn{.bits = 6}).model};
  const auto heads = units_of(model.config, unit_kind::heads, {.include = {"*.1.self_attn.o_proj*"}});
  REQUIRE(heads.size() == 2);
  const std::string name = "model.layers.1.self_attn.o_proj.weight";
  const language_model mixed = assemble(model, options, heads, std::vector<std::size_t>{1, 0});
  for (std::size_t r = 0; r < 64; ++r)
    for (std::size_t c = 0; c < 64; ++c)
      REQUIRE((*mixed.at(name).values)[r * 64 + c] == (*options[c < 32 ? 1 : 0].at(name).values)[r * 64 + c]);
  const auto whole = units_of(model.config, unit_kind::tensors, {.include = {"*.1.self_attn.o_proj*"}});
  CHECK(assemble(model, options, whole, std::vector<std::size_t>{1}).at(name).values == options[1].at(name).values);
  CHECK(mixed.at("model.norm.weight").values == model.at("model.norm.weight").values);
  CHECK_THROWS_WITH(assemble(model, options, whole, std::vector<std::size_t>{2}), doctest::Contains("option 2 of 2"));
  CHECK_THROWS_WITH(assemble(model, options, whole, std::vector<std::size_t>{}), doctest::Contains("one choice"));
}

TEST_CASE("first_difference: what lies outside blocks changes the embedding, or nothing before the last norm") {
  const language_model model = model_of("llama");
  const auto changed = [&](const language_model& from, const std::string& name) {
    language_model out = from;
    out.tensors[name] = share(from.at(name).shape, *from.at(name).values);
    return first_difference(out, from);
  };
  const std::size_t layers = model.config.layers;
  CHECK(changed(model, "model.embed_tokens.weight") == std::nullopt);
  CHECK(changed(model, "lm_head.weight") == layers);
  CHECK(changed(model, "model.norm.weight") == layers);
  CHECK(changed(model, "model.layers.2.post_attention_layernorm.weight") == 2);
  CHECK(changed(model_of("gpt_neox"), "gpt_neox.layers.1.attention.query_key_value.bias") == 1);
  CHECK(changed(model_of("gemma2"), "model.layers.1.post_feedforward_layernorm.weight") == 1);
  language_model several = model;  // told by the first of them, in whatever order names stand
  for (const char* name : {"model.layers.1.mlp.up_proj.weight", "model.layers.2.mlp.up_proj.weight", "lm_head.weight"})
    several.tensors[name] = share(model.at(name).shape, *model.at(name).values);
  CHECK(first_difference(several, model) == 1);
  language_model stranger = model;
  stranger.tensors["model.layers.0.mystery"] = share({1}, {1.0f});
  language_model other = stranger;
  CHECK(first_difference(other, stranger) == layers + 1);
  other.tensors["model.layers.0.mystery"] = share({1}, {1.0f});
  CHECK_THROWS_WITH(first_difference(other, stranger), doctest::Contains("\"model.layers.0.mystery\""));
  language_model fewer = model;
  fewer.tensors.erase("lm_head.weight");
  CHECK_THROWS_WITH(first_difference(fewer, model), doctest::Contains("the same tensors"));
}

}  // namespace locate_assemble_test
