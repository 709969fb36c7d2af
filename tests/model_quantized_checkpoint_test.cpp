// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/quantized_checkpoint.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint_copy.hpp"
#include "model_threads.hpp"
#include "qfa/model/load.hpp"
#include "scratch.hpp"

namespace model_quantized_checkpoint_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::checkpoint;
using qfa_test::checkpoint_copy;

const std::vector<std::pair<std::string, std::string>> oracle{
    {"ct_int", "compressed-tensors int-quantized, 8 bits, one scale a row, activations not quantized"},
    {"ct_pack", "compressed-tensors pack-quantized, 4 bits, groups of 32"},
    {"ct_pack_asym",
     "compressed-tensors pack-quantized, 4 bits, groups of 16; compressed-tensors pack-quantized, 4 bits, groups of "
     "32"},
    {"ct_float",
     "compressed-tensors float-quantized, 8 bits, one scale; compressed-tensors float-quantized, 8 bits, one scale a "
     "row"},
    {"ct_nvfp4", "compressed-tensors nvfp4-pack-quantized, 4 bits, groups of 16"},
    {"ct_ignored", "compressed-tensors pack-quantized, 8 bits, one scale a row"},
    {"gptq_v1", "gptq version 1, 4 bits, groups of 16"},
    {"gptq_v2", "gptq version 2, 4 bits, groups of 16"},
    {"gptq_act_order", "gptq version 1, 4 bits, groups of 16"},
    {"gptq_8bit", "gptq version 1, 8 bits, one scale a row"},
    {"gptq_2bit", "gptq version 2, 2 bits, groups of 16"},
    {"awq", "awq gemm, 4 bits, groups of 32"}};

TEST_CASE("quantized checkpoint: each layout's weights are the numbers that it stands for") {
  for (const auto& entry : oracle) {
    const std::string& folder = entry.first;
    CAPTURE(folder);
    const language_model model = load_model(checkpoint(folder));
    CHECK(model.quantization == entry.second);
    const safetensors expected(checkpoint(folder) / "expected.safetensors");
    CHECK(model.tensors.size() == expected.tensors().size());
    for (const stored_tensor& tensor : expected.tensors()) {
      CAPTURE(tensor.name);
      REQUIRE(model.at(tensor.name).shape == tensor.shape);
      CHECK(*model.at(tensor.name).values == read_floats(tensor));
    }
  }
}

TEST_CASE("quantized checkpoint: the number of threads does not matter") {
  for (const std::string folder : {"ct_pack_asym", "ct_nvfp4", "gptq_act_order", "awq"}) {
    const auto values = [&] {
      std::vector<std::vector<float>> all;
      for (const auto& [name, tensor] : load_model(checkpoint(folder)).tensors)
        all.push_back(*tensor.values);
      return all;
    };
    const auto first = values();
    qfa_test::for_each_thread_count([&] { CHECK(values() == first); });
  }
}

TEST_CASE("quantized checkpoint: stored bits are those of codes and scales and zero points and orders") {
  const auto bits = [](const std::string& folder, const std::string& weight) {
    return stored_bits(sharded_safetensors(checkpoint(folder)), "model.layers." + weight + ".weight");
  };
  CHECK(bits("ct_int", "0.self_attn.q_proj") == 32 * 32 * 8 + 32 * 16);
  CHECK(bits("ct_pack", "0.mlp.down_proj") == 32 * 64 * 4 + 32 * 2 * 16);
  CHECK(bits("ct_pack_asym", "0.mlp.down_proj") == 32 * 64 * 4 + 32 * 2 * (16 + 4));
  CHECK(bits("ct_pack_asym", "1.mlp.down_proj") == 32 * 64 * 4 + 32 * 4 * (16 + 4) + 64 * 32);
  CHECK(bits("ct_float", "0.mlp.up_proj") == 64 * 32 * 8 + 32);
  CHECK(bits("ct_nvfp4", "0.mlp.up_proj") == 64 * 32 * 4 + 64 * 2 * 8 + 32);
  CHECK(bits("ct_ignored", "0.mlp.up_proj") == 64 * 32 * 8 + 64 * 16);
  CHECK(bits("ct_ignored", "1.mlp.up_proj") == 64 * 32 * 16);
  CHECK(bits("gptq_v1", "0.mlp.up_proj") == 64 * 32 * 4 + 2 * 64 * (16 + 4) + 32 * 32);
  CHECK(bits("gptq_2bit", "0.mlp.up_proj") == 64 * 32 * 2 + 2 * 64 * (16 + 2) + 32 * 32);
  CHECK(bits("awq", "0.mlp.down_proj") == 32 * 64 * 4 + 2 * 32 * (16 + 4));
  CHECK(bits("awq", "0.input_layernorm") == 32 * 16);
  CHECK(bits("awq", "7.input_layernorm") == 0);
  CHECK(stored_bits(sharded_safetensors(qfa_test::checkpoint("awq") / ".." / ".." / "models" / "qwen2"),
                    "model.layers.0.self_attn.q_proj.bias") > 0);
}

TEST_CASE("quantized checkpoint: the configuration of older tools lies beside config.json") {
  for (const auto& entry : std::vector<std::pair<std::string, std::string>>{{"gptq_act_order", "quantize_config.json"},
                                                                            {"awq", "quant_config.json"}}) {
    const std::string& folder = entry.first;
    CAPTURE(folder);
    checkpoint_copy c(checkpoint(folder));
    json beside = c.config["quantization_config"];
    beside.erase("quant_method");
    c.config.erase("quantization_config");
    const auto at = c.write();
    check_refused([&] { load_model(at); }, {"there is no tensor", ".weight"});
    std::ofstream(at / entry.second) << beside.dump();
    const language_model model = load_model(at);
    CHECK(*model.at("model.layers.0.mlp.up_proj.weight").values ==
          *load_model(checkpoint(folder)).at("model.layers.0.mlp.up_proj.weight").values);
    CHECK_FALSE(model.quantization.empty());
  }
}

TEST_CASE("quantized checkpoint: what an older tool left beside floats does not matter") {
  const qfa_test::scratch folder;
  const auto llama = checkpoint("awq") / ".." / ".." / "models" / "llama";
  for (const char* file : {"config.json", "model.safetensors"})
    std::filesystem::copy(llama / file, folder.path() / file);
  folder.write("quantize_config.json", R"({"bits": 3, "group_size": 128})");
  CHECK(load_model(folder.path()).quantization.empty());
}

TEST_CASE("quantized checkpoint: what a configuration asks for beside weights is told") {
  checkpoint_copy c(checkpoint("ct_pack"));
  CHECK(load_model(c.write()).beyond_weights.empty());
  json& asked = c.config["quantization_config"];
  asked["kv_cache_scheme"] = {{"num_bits", 8}, {"type", "float"}};
  CHECK(load_model(c.write()).beyond_weights == "a quantized cache");
  for (auto& group : asked["config_groups"])
    group["input_activations"] = {{"num_bits", 8}, {"type", "int"}};
  CHECK(load_model(c.write()).beyond_weights == "quantized activations and a quantized cache");
  asked["kv_cache_scheme"] = nullptr;
  CHECK(load_model(c.write()).beyond_weights == "quantized activations");
}

TEST_CASE("quantized checkpoint: a model of floats says that it is one") {
  CHECK(load_model(checkpoint("awq") / ".." / ".." / "models" / "llama").quantization.empty());
}

TEST_CASE("quantized checkpoint: an unembedding that is packed is not tied") {
  checkpoint_copy c(checkpoint("gptq_v1"));
  c.config.erase("tie_word_embeddings");
  CHECK_FALSE(load_model(c.write()).config.tied);
  // 16 by 32 of zeros: every weight is scale (0 - (0 + 1)).
  c.tensors.erase("lm_head.weight");
  CHECK(load_model(c.write()).config.tied);
  c.tensors["lm_head.qweight"] = qfa_test::make_tensor(dtype::i32, {4, 16}, std::vector<std::int32_t>(64));
  c.tensors["lm_head.qzeros"] = qfa_test::make_tensor(dtype::i32, {2, 2}, std::vector<std::int32_t>(4));
  c.tensors["lm_head.scales"] = qfa_test::make_tensor(dtype::f32, {2, 16}, std::vector<float>(32, 0.5f));
  const language_model model = load_model(c.write());
  CHECK_FALSE(model.config.tied);
  CHECK(*model.at("lm_head.weight").values == std::vector<float>(16 * 32, -0.5f));
}

TEST_CASE("quantized checkpoint: a weight that is stored as floats too is refused") {
  const std::vector<std::pair<std::string, std::string>> stored{{"awq", "qweight"}, {"ct_pack", "weight_packed"}};
  for (const auto& one : stored) {
    checkpoint_copy copy(checkpoint(one.first));
    copy.tensors["model.layers.0.mlp.up_proj.weight"] =
        qfa_test::make_tensor<float>(dtype::f32, {64, 32}, std::vector<float>(2048, 0.5f));
    check_refused([&] { load_model(copy.write()); }, {"up_proj.weight", "a second time", one.second});
  }
}

TEST_CASE("quantized checkpoint: only weights of two dimensions are put together") {
  const sharded_safetensors files(checkpoint("awq"));
  const json config = read_json(checkpoint("awq") / "config.json");
  const auto quantized = find_quantization(checkpoint("awq"), config, files);
  REQUIRE(quantized);
  const std::vector<std::size_t> shape{64, 32}, line{64}, empty{0, 32};
  const std::string up = "model.layers.0.mlp.up_proj.weight";
  CHECK(quantized->stores(files, up, shape));
  CHECK_FALSE(quantized->stores(files, up, line));
  CHECK_FALSE(quantized->stores(files, up, empty));
  CHECK_FALSE(quantized->stores(files, "model.layers.0.mlp.up_proj.bias", shape));
  CHECK_FALSE(quantized->stores(files, "model.embed_tokens.weight", shape));
  check_refused([&] { quantized->read(files, "model.embed_tokens.weight", shape); }, {"stored in parts"});
  CHECK_FALSE(find_quantization("/no/such", json::object(), files));
}

}  // namespace model_quantized_checkpoint_test
