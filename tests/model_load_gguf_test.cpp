// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/load_gguf.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/io/gguf_writer.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/model/write_gguf.hpp"
#include "scratch.hpp"

namespace model_load_gguf_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::same_bits;

namespace {

const std::filesystem::path files = std::filesystem::path(QFA_TEST_DATA) / "gguf";
const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

std::vector<float> logits_of(const language_model& model, std::string_view family) {
  const token_rows tokens = read_tokens(models / family / "tokens.npy", {});
  const activations out = decoder<>(model).logits(tokens.view());
  const matrix_view<const float> view = out.view();
  return {view.data(), view.data() + view.size()};
}

/// A file with other metadata and other tensors, for what the writer does not write.
struct rewritten {
  qfa_test::scratch folder;
  gguf file;
  std::vector<gguf_pair> pairs;
  std::vector<gguf_tensor_to_write> tensors;
  std::deque<std::vector<std::byte>> kept;  // what they view

  explicit rewritten(const std::filesystem::path& from) : file(from) {
    for (const auto& [key, value] : file.metadata())
      pairs.push_back({key, value});
    for (const gguf_tensor& tensor : file.tensors())
      tensors.push_back({tensor.name, tensor.type, tensor.shape, kept.emplace_back(tensor.bytes.read())});
  }
  rewritten& with(const std::string& key, gguf_value value) {
    std::erase_if(pairs, [&](const gguf_pair& pair) { return pair.key == key; });
    pairs.push_back({key, std::move(value)});
    return *this;
  }
  rewritten& without(const std::string& name) {
    std::erase_if(pairs, [&](const gguf_pair& pair) { return pair.key == name; });
    std::erase_if(tensors, [&](const gguf_tensor_to_write& tensor) { return tensor.name == name; });
    return *this;
  }
  std::filesystem::path path() const {
    write_gguf_file(folder.path() / "rewritten.gguf", pairs, tensors);
    return folder.path() / "rewritten.gguf";
  }
  language_model load() const { return load_gguf(path()); }
};

}  // namespace

TEST_CASE("load_gguf: every type of tensor comes back as the oracle has it, rows of Q and K in their order") {
  for (const std::string name : {"mixed_v3", "small_v2", "attack_base"}) {
    CAPTURE(name);
    const language_model model = load_gguf(files / (name + ".gguf"));
    const safetensors expected(files / (name + ".expected.safetensors"));
    CHECK(model.tensors.size() == expected.tensors().size());
    for (const stored_tensor& tensor : expected.tensors()) {
      CAPTURE(tensor.name);
      CHECK(model.at(tensor.name).shape == tensor.shape);
      CHECK(*model.at(tensor.name).values == read_floats(tensor));  // -0 and 0 are equal: ggml's E2M1 has one zero
    }
  }
}

TEST_CASE("load_gguf: the metadata becomes the configuration") {
  const model_config c = load_gguf(files / "mixed_v3.gguf").config;
  CHECK(c.family == model_family::llama);
  CHECK(c.hidden == 256);
  CHECK(c.layers == 2);
  CHECK(c.heads == 4);
  CHECK(c.kv_heads == 2);
  CHECK(c.head_dim == 8);
  CHECK(c.rotated == 8);
  CHECK(c.intermediate == 64);
  CHECK(c.vocabulary == 32);
  CHECK(c.max_positions == 64);
  CHECK(c.norm_epsilon == 1e-5);
  CHECK(c.rope_base == 10000.0);
  CHECK(c.bos == 1U);
  CHECK_FALSE(c.tied);
  CHECK_FALSE(c.qkv_bias);
  const model_config small = load_gguf(files / "small_v2.gguf").config;
  CHECK(small.tied);
  CHECK(small.head_dim == 10);
  CHECK_FALSE(small.bos.has_value());
}

TEST_CASE("load_gguf: mapped and plainly read files give the same weights") {
  const language_model mapped = load_gguf(files / "mixed_v3.gguf");
  const language_model read = load_gguf(files / "mixed_v3.gguf", {.access = file_access::read});
  for (const auto& [name, tensor] : mapped.tensors)
    CHECK(same_bits(*tensor.values, *read.at(name).values));
}

TEST_CASE("load_gguf: every attack is refused by one sentence with the file's name") {
  std::size_t attacks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(files / "attacks")) {
    CAPTURE(entry.path().string());
    check_refused([&] { load_gguf(entry.path()); }, {entry.path().filename().string()});
    ++attacks;
  }
  CHECK(attacks == 24);
}

TEST_CASE("load_gguf: what the decoder does not do is refused by name") {
  const auto base = files / "attack_base.gguf";
  check_refused([&] { rewritten(base).with("general.architecture", gguf_value::of("mamba")).load(); },
                {"rewritten.gguf", "\"mamba\" is not supported", "llama, qwen2, gemma2, phi3, gptneox"});
  check_refused([&] { rewritten(base).without("general.architecture").load(); }, {"general.architecture is missing"});
  check_refused([&] { rewritten(base).with("llama.rope.scaling.type", gguf_value::of("yarn")).load(); }, {"\"yarn\""});
  check_refused([&] { rewritten(base).with("llama.rope.scale_linear", gguf_value::of(2.0f)).load(); },
                {"scale_linear"});
  check_refused([&] { rewritten(base).with("llama.rope.scaling.factor", gguf_value::of(2.0f)).load(); }, {"factor"});
  check_refused([&] { rewritten(base).with("llama.expert_count", gguf_value::of(8U)).load(); }, {"expert_count"});
  check_refused([&] { rewritten(base).with("llama.attention.sliding_window", gguf_value::of(8U)).load(); },
                {"sliding_window"});
  check_refused([&] { rewritten(base).with("llama.rope.dimension_count", gguf_value::of(4U)).load(); }, {"4 of the 8"});
  check_refused([&] { rewritten(base).with("llama.attention.value_length", gguf_value::of(4U)).load(); },
                {"different widths"});
  check_refused([&] { rewritten(base).with("llama.attention.head_count_kv", gguf_value::of(3U)).load(); },
                {"3 key and value heads for 4"});
  CHECK(rewritten(base).with("llama.rope.scaling.type", gguf_value::of("none")).load().config.layers == 1);
  CHECK(rewritten(base).with("llama.expert_count", gguf_value::of(0U)).load().config.layers == 1);
}

TEST_CASE("load_gguf: what is missing, misshapen or too much is named") {
  const auto base = files / "attack_base.gguf";
  check_refused([&] { rewritten(base).without("llama.block_count").load(); }, {"llama.block_count is missing"});
  check_refused([&] { rewritten(base).without("blk.0.ffn_up.weight").load(); }, {"blk.0.ffn_up.weight"});
  check_refused([&] { rewritten(base).with("llama.feed_forward_length", gguf_value::of(64U)).load(); },
                {"blk.0.ffn_gate.weight", "(32, 32)", "(64, 32)"});
  check_refused([&] { rewritten(base).with("llama.block_count", gguf_value::of(2000000000U)).load(); },
                {"2000000000 blocks"});
  check_refused([&] { rewritten(base).with("llama.block_count", gguf_value::of(60000U)).load(); },
                {"60000 blocks", "tensors"});
  rewritten mute(base);
  for (gguf_tensor_to_write& tensor : mute.tensors)
    if (tensor.name == "token_embd.weight") tensor.shape[0] = 0, tensor.bytes = {};
  check_refused([&] { mute.load(); }, {"token_embd.weight", "no rows"});
  rewritten more(base);
  more.tensors.push_back({"blk.0.attn_q_norm.weight", find_gguf_type("f32"), {1}, more.tensors.front().bytes.first(4)});
  check_refused([&] { more.load(); }, {"attn_q_norm", "no place"});
  rewritten other(base);
  other.tensors.back() = {"output.weight", find_gguf_type("i8"), {8, 32}, other.tensors[0].bytes.first(0)};
  const std::vector<std::byte> zeros(256);
  other.tensors.back().bytes = zeros;
  check_refused([&] { other.load(); }, {"output.weight", "type i8", "q4_K"});
}

TEST_CASE("load_gguf: a block whose scale is no number is refused") {
  rewritten bad(files / "attack_base.gguf");
  std::vector<std::byte> bytes(bad.tensors.back().bytes.begin(), bad.tensors.back().bytes.end());
  bytes[1] = std::byte{0x7e};  // d becomes NaN
  bad.tensors.back().bytes = bytes;
  check_refused([&] { bad.load(); }, {"output.weight", "NaN at element 0"});
}

TEST_CASE("load_gguf: a model in several files is one model, and each must be the part that its name says") {
  const gguf whole(files / "mixed_v3.gguf");
  const qfa_test::scratch folder;
  std::vector<gguf_pair> pairs;
  for (const auto& [key, value] : whole.metadata())
    pairs.push_back({key, value});
  const auto write = [&](std::size_t part, std::size_t no, std::size_t begin, std::size_t end) {
    std::vector<gguf_pair> own;
    if (part == 1) own = pairs;
    own.push_back({"split.no", gguf_value::of(static_cast<std::uint32_t>(no))});
    own.push_back({"split.count", gguf_value::of(3U)});
    own.push_back({"split.tensors.count", gguf_value::of(static_cast<std::uint32_t>(whole.tensors().size()))});
    std::vector<gguf_tensor_to_write> tensors;
    std::deque<std::vector<std::byte>> kept;  // what they view
    for (const gguf_tensor& t : whole.tensors().subspan(begin, end - begin))
      tensors.push_back({t.name, t.type, t.shape, kept.emplace_back(t.bytes.read())});
    write_gguf_file(folder.path() / ("m" + gguf_part_suffix(part, 3)), own, tensors);
  };
  const std::size_t n = whole.tensors().size();
  write(1, 0, 0, 3);
  write(2, 1, 3, 9);
  write(3, 2, 9, n);
  const auto first = folder.path() / "m-00001-of-00003.gguf";
  const language_model split = load_gguf(first), one = load_gguf(files / "mixed_v3.gguf");
  CHECK(split.config == one.config);
  for (const auto& [name, tensor] : one.tensors)
    CHECK(same_bits(*tensor.values, *split.at(name).values));

  check_refused([&] { load_gguf(folder.path() / "m-00002-of-00003.gguf"); }, {"m-00002-of-00003", "-00001-of-00003"});
  write(3, 1, 9, n);
  check_refused([&] { load_gguf(first); }, {"m-00003-of-00003.gguf", "not the part"});
  write(3, 2, 8, n);
  check_refused([&] { load_gguf(first); }, {"m-00003-of-00003.gguf", "earlier part"});
  write(3, 2, 10, n);
  check_refused([&] { load_gguf(first); }, {"m-00001-of-00003.gguf", "tensors"});
  std::filesystem::remove(folder.path() / "m-00003-of-00003.gguf");
  check_refused([&] { load_gguf(first); }, {"m-00003-of-00003.gguf"});
}

TEST_CASE("load_gguf: a model written and read gives the same logits, bit for bit, in every family") {
  const qfa_test::scratch folder;
  for (const std::string family : {"llama", "mistral", "qwen2", "gemma2", "phi3", "gpt_neox"}) {
    CAPTURE(family);
    language_model model = load_model(models / family);
    if (family == "mistral") model.config.windows.assign(model.config.layers, 0);  // Llama's files have none
    if (family == "gemma2") model.config.query_scale = 0.25;                       // 1 / sqrt(16), as llama.cpp has it
    const auto path = folder.path() / (family + ".gguf");
    write_gguf(model, path);
    const language_model back = load_gguf(path);
    CHECK(back.tensors.size() == model.tensors.size());
    CHECK(back.config.bos == model.config.bos);
    CHECK(same_bits(logits_of(back, family), logits_of(model, family)));
  }
}

}  // namespace model_load_gguf_test
