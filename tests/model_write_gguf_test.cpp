// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/write_gguf.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/compress/ggml.hpp"
#include "qfa/io/gguf.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/load_gguf.hpp"
#include "scratch.hpp"

namespace model_write_gguf_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::same_bits;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

}  // namespace

TEST_CASE("write_gguf: each matrix has the type asked for, and comes back as the policy of that type leaves it") {
  const qfa_test::scratch folder;
  const language_model model = load_model(models / "llama");
  const auto wanted = [](const std::string& name, std::size_t) {
    return name.find("mlp") != std::string::npos ? ggml_type::q4_K : ggml_type::q8_0;
  };
  const auto path = folder.path() / "m.gguf";
  write_gguf(model, path, wanted);
  const gguf file(path);
  CHECK(file.at("blk.0.attn_q.weight").type->name == "q8_0");
  CHECK(file.at("blk.0.ffn_up.weight").type->name == "q5_0");   // rows of 64
  CHECK(file.at("blk.0.ffn_down.weight").type->name == "f16");  // rows of 112
  CHECK(file.at("blk.0.attn_norm.weight").type->name == "f32");
  const language_model back = load_gguf(path);
  for (const auto& entry : model.tensors) {
    const std::string& name = entry.first;
    const shared_tensor& tensor = entry.second;
    CAPTURE(name);
    std::vector<float> expected = *tensor.values;
    if (tensor.shape.size() == 2) {
      const matrix_view<float> view(expected.data(), tensor.shape[0], tensor.shape[1]);
      ggml_quantizer{wanted(name, 0)}(view);
    }
    CHECK(same_bits(*back.at(name).values, expected));
  }
}

TEST_CASE("write_gguf: rows of Q and K stand in pairs, and GPT-NeoX has q, k and v apart") {
  const qfa_test::scratch folder;
  const language_model llama = load_model(models / "llama");
  write_gguf(llama, folder.path() / "l.gguf");
  const gguf l(folder.path() / "l.gguf");
  const auto row = [](const std::vector<float>& values, std::size_t r, std::size_t columns) {
    return std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(r * columns),
                              values.begin() + static_cast<std::ptrdiff_t>((r + 1) * columns));
  };
  for (const auto& [in_file, in_model] : {std::pair{"blk.1.attn_q.weight", "model.layers.1.self_attn.q_proj.weight"},
                                          std::pair{"blk.1.attn_k.weight", "model.layers.1.self_attn.k_proj.weight"}}) {
    const std::vector<float> stored = read_gguf_floats(l.at(in_file));
    const std::vector<float>& values = *llama.at(in_model).values;
    CHECK(row(stored, 8 + 0, 64) == row(values, 8 + 0, 64));
    CHECK(row(stored, 8 + 1, 64) == row(values, 8 + 4, 64));
    CHECK(row(stored, 8 + 2, 64) == row(values, 8 + 1, 64));
    CHECK(row(stored, 8 + 7, 64) == row(values, 8 + 7, 64));
  }
  CHECK(read_gguf_floats(l.at("blk.1.attn_v.weight")) == *llama.at("model.layers.1.self_attn.v_proj.weight").values);
  CHECK(l.at("rope_freqs.weight").shape == std::vector<std::size_t>{4});
  CHECK(read_gguf_floats(l.at("rope_freqs.weight")).back() == 8.0f);

  const language_model neox = load_model(models / "gpt_neox");  // 4 heads of 16
  write_gguf(neox, folder.path() / "n.gguf");
  const gguf n(folder.path() / "n.gguf");
  const std::vector<float> stored = read_gguf_floats(n.at("blk.0.attn_qkv.weight"));
  const std::vector<float>& values = *neox.at("gpt_neox.layers.0.attention.query_key_value.weight").values;
  CHECK(row(stored, 16 + 3, 64) == row(values, 48 + 3, 64));                // q of head 1
  CHECK(row(stored, 64 + 32 + 5, 64) == row(values, 2 * 48 + 16 + 5, 64));  // k of head 2
  CHECK(row(stored, 128 + 48, 64) == row(values, 3 * 48 + 32, 64));         // v of head 3
  const std::vector<float> bias = read_gguf_floats(n.at("blk.0.attn_qkv.bias"));
  CHECK(bias[64 + 32 + 5] == (*neox.at("gpt_neox.layers.0.attention.query_key_value.bias").values)[2 * 48 + 16 + 5]);
}

TEST_CASE("write_gguf: Gemma's norms are stored with one added") {
  const qfa_test::scratch folder;
  language_model gemma = load_model(models / "gemma2");
  gemma.config.query_scale = 0.25;
  write_gguf(gemma, folder.path() / "g.gguf");
  const gguf g(folder.path() / "g.gguf");
  const auto stored = read_gguf_floats(g.at("blk.2.post_ffw_norm.weight"));
  const auto& values = *gemma.at("model.layers.2.post_feedforward_layernorm.weight").values;
  for (std::size_t i = 0; i < values.size(); ++i)
    CHECK(stored[i] == values[i] + 1.0f);
}

TEST_CASE("write_gguf: choices that the format has no key for are refused, and no file is left") {
  const qfa_test::scratch folder;
  const auto path = folder.path() / "m.gguf";
  check_refused([&] { write_gguf(load_model(models / "mistral"), path); }, {"mistral", "sliding windows"});
  check_refused([&] { write_gguf(load_model(models / "gemma2"), path); }, {"gemma2", "scale of queries"});
  language_model odd = load_model(models / "qwen2");
  odd.config.activation = mlp_activation::gelu;
  check_refused([&] { write_gguf(odd, path); }, {"qwen2", "activation"});
  odd = load_model(models / "llama");
  odd.config.rope_scaling->high_frequency_factor = 400.0;
  check_refused([&] { write_gguf(odd, path); }, {"rope_freqs"});
  CHECK(folder.files() == 0);
}

TEST_CASE("write_gguf: a tensor without a place and a weight that its type cannot store are refused before writing") {
  const qfa_test::scratch folder;
  const auto path = folder.path() / "m.gguf";
  language_model model = load_model(models / "qwen2");
  const std::string bias = "model.layers.1.self_attn.o_proj.bias", up = "model.layers.0.mlp.up_proj.weight";
  model.tensors[bias] = share({model.config.hidden}, std::vector<float>(model.config.hidden, 1.0f));
  check_refused([&] { write_gguf(model, path); }, {bias, "no place"});
  model.tensors.erase(bias);
  std::vector<float> values = *model.at(up).values;
  values.back() = 1e7f;
  model.tensors[up] = share(model.at(up).shape, values);
  check_refused([&] { write_gguf(model, path, ggml_type::q4_0); },
                {up, "row " + std::to_string(model.at(up).shape[0] - 1), "q4_0 cannot store"});
  CHECK(folder.files() == 0);
  write_gguf(model, path, ggml_type::bf16);
  CHECK(folder.files() == 1);
}

}  // namespace model_write_gguf_test
