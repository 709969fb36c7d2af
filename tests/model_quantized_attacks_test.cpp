// SPDX-License-Identifier: Apache-2.0
// What a directory of a compressed checkpoint may hold that a reader must refuse, each in one sentence.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint_copy.hpp"
#include "qfa/model/load.hpp"
#include "scratch.hpp"

namespace model_quantized_attacks_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::checkpoint;
using qfa_test::checkpoint_copy;

/// What the model is refused with after `spoil` was at its copy.
template <class Spoil>
void check_spoiled(const std::string& folder, Spoil spoil, std::initializer_list<std::string_view> parts) {
  checkpoint_copy copy(checkpoint(folder));
  spoil(copy);
  const std::filesystem::path at = copy.write();
  check_refused([&] { load_model(at); }, parts);
}

TEST_CASE("quantized attacks: tools that are not read are refused by name") {
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

TEST_CASE("quantized attacks: every part of every layout is needed") {
  const std::string q = "model.layers.0.self_attn.q_proj.";
  for (const auto& entry : std::vector<std::pair<std::string, std::string>>{{"ct_int", "weight"},
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
    const std::string& folder = entry.first;
    CAPTURE(folder);
    const std::string name = q + entry.second;
    CAPTURE(name);
    check_spoiled(folder, [&](checkpoint_copy& c) { REQUIRE(c.tensors.erase(name) == 1); }, {name, "there is no"});
  }
  check_spoiled("ct_pack_asym",
                [](checkpoint_copy& c) { c.tensors.erase("model.layers.1.self_attn.q_proj.weight_g_idx"); },
                {"model.layers.1.self_attn.q_proj.weight_"});
}

TEST_CASE("quantized attacks: every part of every layout has one shape and one type") {
  for (const std::string folder : {"ct_int", "ct_pack", "ct_pack_asym", "ct_float", "ct_nvfp4", "ct_ignored", "gptq_v1",
                                   "gptq_v2", "gptq_act_order", "gptq_8bit", "gptq_2bit", "awq"}) {
    const checkpoint_copy sound(checkpoint(folder));
    for (const auto& stored : sound.tensors) {
      const std::string& name = stored.first;
      const qfa_test::tensor_copy& tensor = stored.second;
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

TEST_CASE("quantized attacks: scales that are no numbers are refused") {
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

TEST_CASE("quantized attacks: weights that are not finite are refused") {
  const std::string q = "model.layers.0.self_attn.q_proj.";
  check_spoiled("ct_float", [&](checkpoint_copy& c) { c.tensors[q + "weight"].set(5, std::uint8_t{0xff}); },
                {q + "weight", "NaN at element 5"});
  const std::string up = "model.layers.0.mlp.up_proj.";
  check_spoiled("ct_float", [&](checkpoint_copy& c) { c.tensors[up + "weight_scale"].set(0, 3e38f); },
                {up + "weight", "an infinity at element"});
  check_spoiled("ct_nvfp4", [&](checkpoint_copy& c) { c.tensors[q + "weight_global_scale"].set(0, 1e-40f); },
                {q + "weight", "an infinity at element"});
}

TEST_CASE("quantized attacks: a group that does not exist is refused") {
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

TEST_CASE("quantized attacks: a weight that is stored twice is refused") {
  for (const auto& [folder, packed] : std::vector<std::pair<std::string, std::string>>{
           {"ct_pack", "weight_packed"}, {"gptq_v1", "qweight"}, {"awq", "qweight"}})
    check_spoiled(folder,
                  [](checkpoint_copy& c) {
                    c.tensors["model.layers.0.mlp.up_proj.weight"] =
                        qfa_test::make_tensor(dtype::f32, {64, 32}, std::vector<float>(64 * 32));
                  },
                  {"model.layers.0.mlp.up_proj.weight", packed});
}

TEST_CASE("quantized attacks: changed bytes are read or refused and nothing else") {
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

}  // namespace model_quantized_attacks_test
