// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/quantized_checkpoint.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
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
  for (const auto& [folder, text] : oracle) {
    CAPTURE(folder);
    const language_model model = load_model(checkpoint(folder));
    CHECK(model.quantization == text);
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

/// What the model is refused with after `spoil` was at its copy.
template <class Spoil>
void check_spoiled(const std::string& folder, Spoil spoil, std::initializer_list<std::string_view> parts) {
  checkpoint_copy copy(checkpoint(folder));
  spoil(copy);
  const std::filesystem::path at = copy.write();
  check_refused([&] { load_model(at); }, parts);
}

TEST_CASE("quantized checkpoint: tools that are not read are refused by name") {
  for (const char* method : {"bitsandbytes", "hqq", "fp8", "mxfp4", "torchao", "aqlm", "eetq", "quip", "GPTQ"}) {
    CAPTURE(method);
    check_spoiled("gptq_v1", [&](checkpoint_copy& c) { c.config["quantization_config"]["quant_method"] = method; },
                  {method, "config.json", "compressed-tensors, gptq or awq"});
  }
  check_spoiled("gptq_v1", [](checkpoint_copy& c) { c.config["quantization_config"].erase("quant_method"); },
                {"config.json", "quant_method"});
  check_spoiled("gptq_v1",
                [](checkpoint_copy& c) {
                  c.config["quantization_config"] = {1, 2};
                },
                {"config.json", "object"});
  check_spoiled("gptq_v1", [](checkpoint_copy& c) { c.config["quantization_config"] = "gptq"; },
                {"config.json", "object"});
}

TEST_CASE("quantized checkpoint: every part of every layout is needed") {
  const std::string q = "model.layers.0.self_attn.q_proj.";
  for (const auto& [folder, part] :
       std::vector<std::pair<std::string, std::string>>{{"ct_int", "weight"},
                                                        {"ct_int", "weight_scale"},
                                                        {"ct_pack", "weight_packed"},
                                                        {"ct_pack", "weight_scale"},
                                                        {"ct_pack", "weight_shape"},
                                                        {"ct_pack_asym", "weight_zero_point"},
                                                        {"ct_float", "weight"},
                                                        {"ct_float", "weight_scale"},
                                                        {"ct_nvfp4", "weight_packed"},
                                                        {"ct_nvfp4", "weight_scale"},
                                                        {"ct_nvfp4", "weight_global_scale"},
                                                        {"gptq_v1", "qweight"},
                                                        {"gptq_v1", "qzeros"},
                                                        {"gptq_v1", "scales"},
                                                        {"gptq_act_order", "g_idx"},
                                                        {"awq", "qweight"},
                                                        {"awq", "qzeros"},
                                                        {"awq", "scales"}}) {
    CAPTURE(folder);
    const std::string name = q + part;
    CAPTURE(name);
    check_spoiled(folder, [&](checkpoint_copy& c) { REQUIRE(c.tensors.erase(name) == 1); }, {name, "there is no"});
  }
  check_spoiled("ct_pack_asym",
                [](checkpoint_copy& c) { c.tensors.erase("model.layers.1.self_attn.q_proj.weight_g_idx"); },
                {"model.layers.1.self_attn.q_proj.weight_"});
}

TEST_CASE("quantized checkpoint: every part of every layout has one shape and one type") {
  for (const auto& [folder, text] : oracle) {
    const checkpoint_copy sound(checkpoint(folder));
    for (const auto& [name, tensor] : sound.tensors) {
      if (name.find(".mlp.up_proj.") == std::string::npos) continue;
      CAPTURE(folder);
      CAPTURE(name);
      // A dimension more, and where there are two, these swapped or their elements in one.
      std::vector<std::vector<std::size_t>> shapes{tensor.shape};
      shapes[0].insert(shapes[0].begin(), 1);
      if (tensor.shape.size() == 2 && tensor.shape[0] != tensor.shape[1])
        shapes.push_back({tensor.shape[1], tensor.shape[0]});
      if (tensor.shape.size() == 2 && tensor.shape[1] > 1) shapes.push_back({tensor.shape[0] * tensor.shape[1]});
      for (const auto& shape : shapes) {
        if (shape == std::vector<std::size_t>{1, 1}) continue;  // is one number, too
        checkpoint_copy c(checkpoint(folder));
        c.tensors[name].shape = shape;
        CAPTURE(shape_text(shape));
        const auto at = c.write();
        check_refused([&] { load_model(at); }, {name, "model.safetensors", "shape " + shape_text(shape)});
      }
      // Half or twice as much.
      {
        checkpoint_copy c(checkpoint(folder));
        qfa_test::tensor_copy& t = c.tensors[name];
        t.shape = t.shape.empty() ? std::vector<std::size_t>{2} : t.shape;
        if (!tensor.shape.empty()) t.shape[0] *= 2;
        t.bytes.resize(2 * t.bytes.size());
        const auto at = c.write();
        check_refused([&] { load_model(at); }, {name});
      }
      // Another type of the same width.
      const dtype other = bits(tensor.type) == 8    ? (tensor.type == dtype::u8 ? dtype::i8 : dtype::u8)
                          : bits(tensor.type) == 16 ? dtype::i16
                          : bits(tensor.type) == 32 ? dtype::u32
                                                    : dtype::f64;
      checkpoint_copy c(checkpoint(folder));
      c.tensors[name].type = other;
      const auto at = c.write();
      check_refused([&] { load_model(at); }, {name, "model.safetensors", "type " + std::string(qfa::name(other))});
    }
  }
}

TEST_CASE("quantized checkpoint: scales that are no numbers are refused") {
  const std::string q = "model.layers.0.self_attn.q_proj.";
  for (const std::string folder : {"ct_int", "ct_pack", "ct_pack_asym", "ct_float", "ct_ignored"})
    for (const std::uint16_t bits : std::initializer_list<std::uint16_t>{0x7f80, 0xff80, 0x7fc0}) {
      CAPTURE(folder);
      check_spoiled(
          folder, [&](checkpoint_copy& c) { c.tensors[q + "weight_scale"].set(7, bits); },
          {q + "weight_scale", "model.safetensors", bits == 0x7fc0 ? "NaN" : "infinity", "element 7", "scales"});
    }
  for (const std::string folder : {"gptq_v1", "gptq_2bit", "awq"})
    for (const std::uint16_t bits : std::initializer_list<std::uint16_t>{0x7c00, 0xfc00, 0x7e00}) {
      CAPTURE(folder);
      check_spoiled(folder, [&](checkpoint_copy& c) { c.tensors[q + "scales"].set(7, bits); },
                    {q + "scales", "model.safetensors", bits == 0x7e00 ? "NaN" : "infinity", "element 7", "scales"});
    }
  check_spoiled("ct_nvfp4", [&](checkpoint_copy& c) { c.tensors[q + "weight_scale"].set(3, std::uint8_t{0x7f}); },
                {q + "weight_scale", "NaN at element 3"});
  for (const float global : {0.0f, -0.0f, -2.0f})
    check_spoiled("ct_nvfp4", [&](checkpoint_copy& c) { c.tensors[q + "weight_global_scale"].set(0, global); },
                  {q + "weight_global_scale", "positive"});
}

TEST_CASE("quantized checkpoint: weights that are not finite are refused") {
  const std::string q = "model.layers.0.self_attn.q_proj.";
  check_spoiled("ct_float", [&](checkpoint_copy& c) { c.tensors[q + "weight"].set(5, std::uint8_t{0xff}); },
                {q + "weight", "NaN at element 5"});
  const std::string up = "model.layers.0.mlp.up_proj.";
  check_spoiled("ct_float", [&](checkpoint_copy& c) { c.tensors[up + "weight_scale"].set(0, 3e38f); },
                {up + "weight", "an infinity at element"});
  check_spoiled("ct_nvfp4", [&](checkpoint_copy& c) { c.tensors[q + "weight_global_scale"].set(0, 1e-40f); },
                {q + "weight", "an infinity at element"});
}

TEST_CASE("quantized checkpoint: a group that does not exist is refused") {
  for (const std::int32_t group : {-1, 2, 2147483647, -2147483647 - 1}) {
    const std::string text = "column 31 into group " + std::to_string(group);
    CAPTURE(text);
    const std::string q = ".self_attn.q_proj.";
    check_spoiled("gptq_act_order",
                  [&](checkpoint_copy& c) { c.tensors["model.layers.0" + q + "g_idx"].set(31, group); },
                  {"model.layers.0" + q + "g_idx", "model.safetensors", text, "there are 2 groups"});
    check_spoiled("gptq_v1", [&](checkpoint_copy& c) { c.tensors["model.layers.0" + q + "g_idx"].set(31, group); },
                  {"model.layers.0" + q + "g_idx", text});
    check_spoiled("ct_pack_asym",
                  [&](checkpoint_copy& c) { c.tensors["model.layers.1" + q + "weight_g_idx"].set(31, group); },
                  {"model.layers.1" + q + "weight_g_idx", text, "there are 2 groups"});
  }
}

TEST_CASE("quantized checkpoint: a weight that is stored twice is refused") {
  for (const auto& [folder, packed] : std::vector<std::pair<std::string, std::string>>{
           {"ct_pack", "weight_packed"}, {"gptq_v1", "qweight"}, {"awq", "qweight"}})
    check_spoiled(folder,
                  [](checkpoint_copy& c) {
                    c.tensors["model.layers.0.mlp.up_proj.weight"] =
                        qfa_test::make_tensor(dtype::f32, {64, 32}, std::vector<float>(64 * 32));
                  },
                  {"model.layers.0.mlp.up_proj.weight", packed});
}

TEST_CASE("quantized checkpoint: the configuration of older tools lies beside config.json") {
  for (const auto& [folder, file] : std::vector<std::pair<std::string, std::string>>{
           {"gptq_act_order", "quantize_config.json"}, {"awq", "quant_config.json"}}) {
    CAPTURE(folder);
    checkpoint_copy c(checkpoint(folder));
    json beside = c.config["quantization_config"];
    beside.erase("quant_method");
    c.config.erase("quantization_config");
    const auto at = c.write();
    check_refused([&] { load_model(at); }, {"there is no tensor", ".weight"});
    qfa_test::scratch unused;
    std::ofstream(at / file) << beside.dump();
    const language_model model = load_model(at);
    CHECK(*model.at("model.layers.0.mlp.up_proj.weight").values ==
          *load_model(checkpoint(folder)).at("model.layers.0.mlp.up_proj.weight").values);
    CHECK_FALSE(model.quantization.empty());
  }
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

TEST_CASE("quantized checkpoint: only weights of two dimensions are put together") {
  const sharded_safetensors files(checkpoint("awq"));
  const json config = read_json(checkpoint("awq") / "config.json");
  const auto quantized = find_quantization(checkpoint("awq"), config);
  REQUIRE(quantized);
  const std::vector<std::size_t> shape{64, 32}, line{64}, empty{0, 32};
  const std::string up = "model.layers.0.mlp.up_proj.weight";
  CHECK(quantized->stores(files, up, shape));
  CHECK_FALSE(quantized->stores(files, up, line));
  CHECK_FALSE(quantized->stores(files, up, empty));
  CHECK_FALSE(quantized->stores(files, "model.layers.0.mlp.up_proj.bias", shape));
  CHECK_FALSE(quantized->stores(files, "model.embed_tokens.weight", shape));
  check_refused([&] { quantized->read(files, "model.embed_tokens.weight", shape); }, {"stored in parts"});
  CHECK_FALSE(find_quantization("/no/such", json::object()));
}

TEST_CASE("quantized checkpoint: changed bytes are read or refused and nothing else") {
  for (const std::string folder : {"ct_pack_asym", "gptq_act_order", "ct_nvfp4"}) {
    const checkpoint_copy sound(checkpoint(folder));
    const std::string file = qfa_test::slurp(checkpoint(folder) / "model.safetensors");
    const std::string config = sound.config.dump();
    qfa_test::scratch at;
    at.write("model.safetensors", file);
    std::mt19937_64 random(5);
    std::size_t refused = 0;
    for (int i = 0; i < 150; ++i) {
      std::string text = config;
      const std::size_t from = text.find("quantization_config");
      text[from + 20 + random() % (text.size() - from - 20)] = "{}[]\":0-9truen,"[random() % 15];
      at.write("config.json", text);
      refused += qfa_test::refusal([&] { load_model(at.path()); }) != "accepted" ? 1U : 0U;
    }
    at.write("config.json", config);
    for (int i = 0; i < 100; ++i) {
      std::string bytes = file;
      for (int k = 0; k < 20; ++k)
        bytes[random() % bytes.size()] = static_cast<char>(random() & 255U);
      at.write("model.safetensors", bytes);
      refused += qfa_test::refusal([&] { load_model(at.path(), {file_access::read}); }) != "accepted" ? 1U : 0U;
    }
    CHECK(refused > 0);
    CHECK(refused < 250);
  }
}

}  // namespace model_quantized_checkpoint_test
