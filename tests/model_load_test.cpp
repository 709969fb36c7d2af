// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/load.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <map>
#include <span>

#include "qfa/core/half.hpp"
#include "qfa/io/safetensors_writer.hpp"
#include "scratch.hpp"

namespace model_load_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

}  // namespace

TEST_CASE("load_model: every family's directory gives the tensors that its configuration expects") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    CHECK(name_of(model.config.family) == family);
    const auto expected = expected_tensors(model.config);
    CHECK(model.tensors.size() == expected.size());
    for (const expected_tensor& tensor : expected) {
      CAPTURE(tensor.name);
      CHECK(model.at(tensor.name).shape == tensor.shape);
      CHECK(model.at(tensor.name).values->size() == *element_count(tensor.shape));
    }
    CHECK(model.source.find(family) != std::string::npos);
  }
}

TEST_CASE("load_model: halves are widened as what they are") {
  const sharded_safetensors gemma(models / "gemma2");
  const stored_tensor& stored = gemma.at("model.layers.0.self_attn.q_proj.weight");
  REQUIRE(stored.type == dtype::bf16);
  const language_model model = load_model(models / "gemma2");
  const auto& values = *model.at(stored.name).values;
  for (std::size_t i : {std::size_t{0}, std::size_t{1}, values.size() - 1}) {
    std::uint16_t bits = 0;
    stored.bytes.read(2 * i, std::as_writable_bytes(std::span(&bits, 1)));
    CHECK(values[i] == from_bf16(bits));
    CHECK(values[i] != from_f16(bits));
  }
}

TEST_CASE("load_model: mapped and plainly read files give the same weights") {
  const language_model mapped = load_model(models / "qwen2");
  const language_model read = load_model(models / "qwen2", {.access = file_access::read});
  for (const auto& [name, tensor] : mapped.tensors)
    CHECK(*tensor.values == *read.at(name).values);
}

namespace {

/// A directory with a config.json and a one-layer llama of ones, of which single tensors can be spoiled.
struct small_directory {
  qfa_test::scratch folder;
  json config = {{"model_type", "llama"},       {"hidden_size", 4},       {"num_hidden_layers", 1},
                 {"num_attention_heads", 2},    {"intermediate_size", 6}, {"vocab_size", 5},
                 {"tie_word_embeddings", false}};
  std::map<std::string, std::pair<std::vector<std::size_t>, std::vector<float>>> tensors;

  small_directory() {
    for (const expected_tensor& tensor : expected_tensors(parse_config(config, "config.json")))
      tensors[tensor.name] = {tensor.shape, std::vector<float>(*element_count(tensor.shape), 1.0f)};
  }
  language_model load() const {
    folder.write("config.json", config.dump());
    std::vector<tensor_to_write> all;
    for (const auto& [name, tensor] : tensors)
      all.push_back({name, dtype::f32, tensor.first, std::as_bytes(std::span(tensor.second))});
    write_safetensors(folder.path() / "model.safetensors", all, {});
    return load_model(folder.path());
  }
};

}  // namespace

TEST_CASE("load_model: whatever is missing or contradicts the configuration is named") {
  CHECK(small_directory().load().tensors.size() == 12);
  const std::string q = "model.layers.0.self_attn.q_proj.weight";
  {
    small_directory d;
    d.tensors.erase(q);
    check_refused([&] { d.load(); }, {q, d.folder.path().filename().string()});
  }
  {
    small_directory d;
    d.tensors[q] = {{4, 3}, std::vector<float>(12)};
    check_refused([&] { d.load(); }, {q, "model.safetensors", "(4, 3)", "(4, 4)"});
  }
  {
    small_directory d;
    d.tensors[q].second[5] = std::numeric_limits<float>::quiet_NaN();
    check_refused([&] { d.load(); }, {q, "model.safetensors", "NaN at element 5"});
  }
  {
    small_directory d;
    d.tensors["model.norm.weight"].second[0] = -std::numeric_limits<float>::infinity();
    check_refused([&] { d.load(); }, {"model.norm.weight", "infinity at element 0"});
  }
  check_refused([] { load_model("/no/such/directory"); }, {"/no/such/directory"});
  check_refused([] { load_model(models / "llama" / "config.json"); }, {"config.json", "not a directory"});
  {
    qfa_test::scratch empty;
    check_refused([&] { load_model(empty.path()); }, {"config.json"});
    empty.write("config.json", small_directory().config.dump());
    check_refused([&] { load_model(empty.path()); }, {"neither model.safetensors"});
  }
}

TEST_CASE("load_model: layers are held against the tensors before their names are made") {
  const qfa_test::scratch folder;
  std::filesystem::copy(models / "llama" / "model.safetensors", folder.path() / "model.safetensors");
  json config = read_json(models / "llama" / "config.json");
  config["num_hidden_layers"] = 60000;
  folder.write("config.json", config.dump());
  check_refused([&] { load_model(folder.path()); }, {"config.json", "60000 layers", "tensors"});
}

TEST_CASE("load_model: a model without an unembedding is tied unless it says otherwise") {
  small_directory d;
  d.tensors.erase("lm_head.weight");
  check_refused([&] { d.load(); }, {"lm_head.weight"});
  d.config.erase("tie_word_embeddings");
  CHECK(d.load().config.tied);
  small_directory stored;
  stored.config.erase("tie_word_embeddings");
  CHECK_FALSE(stored.load().config.tied);
}

TEST_CASE("load_model: tensors that nothing needs are left alone, whatever they hold") {
  small_directory d;
  d.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {{1}, {std::numeric_limits<float>::quiet_NaN()}};
  CHECK(d.load().tensors.size() == 12);
}

TEST_CASE("load_model: biases are expected where the configuration asks for them") {
  small_directory d;
  d.config["attention_bias"] = true;
  check_refused([&] { d.load(); }, {"bias"});
  for (const char* part : {"q", "k", "v", "o"})
    d.tensors[std::string("model.layers.0.self_attn.") + part + "_proj.bias"] = {{4}, std::vector<float>(4, 0.5f)};
  CHECK(d.load().tensors.size() == 16);
}

TEST_CASE("load_model: bits of a weight are those of the file's type") {
  const language_model gemma = load_model(models / "gemma2");
  CHECK(gemma.at("model.layers.0.self_attn.q_proj.weight").bits == 16.0);
  CHECK(small_directory().load().at("model.norm.weight").bits == 32.0);
}

}  // namespace model_load_test
