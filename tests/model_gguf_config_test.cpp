// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/gguf_config.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace model_gguf_config_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

/// Metadata and tensor names, to be changed one at a time.
struct described {
  std::map<std::string, gguf_value, std::less<>> pairs;
  std::set<std::string, std::less<>> tensors{"output.weight"};
  std::vector<float> rope_factors{};

  explicit described(const std::string& name) {
    pairs["general.architecture"] = gguf_value::of(name);
    for (const auto& [key, n] : {std::pair{"embedding_length", 64U}, std::pair{"block_count", 4U},
                                 std::pair{"attention.head_count", 4U}, std::pair{"feed_forward_length", 96U}})
      pairs[name + "." + key] = gguf_value::of(n);
    pairs[name + (name == "gptneox" ? ".attention.layer_norm_epsilon" : ".attention.layer_norm_rms_epsilon")] =
        gguf_value::of(1e-6f);
  }
  described& with(const std::string& key, gguf_value value) {
    pairs[key] = std::move(value);
    return *this;
  }
  model_config read() const {
    return config_from_gguf({.where = "\"file\"",
                             .find =
                                 [this](std::string_view key) {
                                   const auto found = pairs.find(key);
                                   return found == pairs.end() ? nullptr : &found->second;
                                 },
                             .contains = [this](std::string_view name) { return tensors.contains(name); },
                             .vocabulary = 50,
                             .rope_factors = rope_factors});
  }
};

}  // namespace

TEST_CASE("config_from_gguf: what each architecture is, where no key says otherwise") {
  const model_config llama = described("llama").read();
  CHECK(llama.family == model_family::llama);
  CHECK(llama.kv_heads == 4);
  CHECK(llama.head_dim == 16);
  CHECK(llama.rotated == 16);
  CHECK(llama.norm_epsilon == 1e-6);  // not the float's 9.99999997e-07
  CHECK(llama.query_scale == 0.25);
  CHECK(llama.activation == mlp_activation::silu);
  CHECK(llama.windows == std::vector<std::size_t>(4, 0));
  const model_config neox = described("gptneox").with("gptneox.rope.dimension_count", gguf_value::of(4U)).read();
  CHECK(neox.norm == norm_kind::layer);
  CHECK(neox.rotated == 4);
  CHECK(neox.parallel_residual);
  CHECK_FALSE(neox.gated);
  CHECK(neox.activation == mlp_activation::gelu);
  CHECK_FALSE(
      described("gptneox").with("gptneox.use_parallel_residual", gguf_value::of(false)).read().parallel_residual);
  const model_config gemma = described("gemma2").read();
  CHECK(gemma.norm_adds_one);
  CHECK(gemma.post_norms);
  CHECK(gemma.embedding_scale == 8.0);
  CHECK(gemma.attention_softcap == 50.0);
  CHECK(gemma.logit_softcap == 30.0);
  CHECK(gemma.windows == std::vector<std::size_t>{4096, 0, 4096, 0});
  CHECK(gemma.activation == mlp_activation::gelu_tanh);
  const auto window = gguf_value::of(7U);
  CHECK(described("phi3").with("phi3.attention.sliding_window", window).read().windows ==
        std::vector<std::size_t>(4, 7));
  CHECK(described("phi3").with("phi3.attention.sliding_window", gguf_value::of(0U)).read().windows ==
        std::vector<std::size_t>(4, 0));
  CHECK(described("qwen2").read().family == model_family::qwen2);
}

TEST_CASE("config_from_gguf: Gemma-2 27B is known by its 46 blocks and scales queries by its width") {
  described gemma("gemma2");
  gemma.with("gemma2.attention.key_length", gguf_value::of(4U));
  gemma.with("gemma2.attention.value_length", gguf_value::of(4U));
  CHECK(gemma.read().query_scale == 0.5);
  CHECK(gemma.with("gemma2.block_count", gguf_value::of(46U)).read().query_scale == 0.25);
}

TEST_CASE("config_from_gguf: biases and tying are told by the tensors that are there") {
  described d("llama");
  CHECK_FALSE(d.read().tied);
  d.tensors = {"blk.0.attn_q.bias", "blk.0.ffn_up.bias"};
  CHECK(d.read().tied);
  CHECK(d.read().qkv_bias);
  CHECK(d.read().mlp_bias);
  CHECK_FALSE(d.read().attention_out_bias);
  described neox("gptneox");
  CHECK_FALSE(neox.read().qkv_bias);
  neox.tensors.insert("blk.0.attn_qkv.bias");
  CHECK(neox.read().qkv_bias);
}

TEST_CASE("config_from_gguf: Llama 3's factors give back its rule") {
  for (const llama3_scaling rule :
       {llama3_scaling{}, llama3_scaling{.factor = 32.0}, llama3_scaling{.factor = 8.0, .original_positions = 512.0}}) {
    described d("llama");
    d.with("llama.rope.freq_base", gguf_value::of(500000.0f));
    model_config plain = d.read(), scaled = plain;
    scaled.rope_scaling = rule;
    const auto before = rope_frequencies(plain), after = rope_frequencies(scaled);
    for (std::size_t i = 0; i < before.size(); ++i)
      d.rope_factors.push_back(static_cast<float>(before[i] / after[i]));
    CHECK(d.read().rope_scaling == rule);
    d.rope_factors[3] *= 1.01f;
    check_refused([&] { d.read(); }, {"\"file\"", "rope_freqs"});
    d.rope_factors.pop_back();
    check_refused([&] { d.read(); }, {"rope_freqs"});
    // A file may claim heads of any width: their rotations are not computed for factors of another number.
    described wide = d;
    wide.with("llama.attention.key_length", gguf_value::of(2147483648U));
    wide.with("llama.attention.value_length", gguf_value::of(2147483648U));
    check_refused([&] { wide.read(); }, {"rope_freqs"});
    d.rope_factors.assign(8, 1.0f);
    CHECK_FALSE(d.read().rope_scaling.has_value());
  }
}

TEST_CASE("config_from_gguf: values of the wrong kind or size are refused by their key") {
  const auto refused = [](const std::string& key, gguf_value value) {
    check_refused([&] { described("llama").with("llama." + key, value).read(); }, {"\"file\"", key});
  };
  refused("embedding_length", gguf_value::of(0U));
  refused("embedding_length", gguf_value::of("64"));
  refused("block_count", {gguf_kind::u64, std::uint64_t{1} << 40});
  refused("block_count", {gguf_kind::i32, std::int64_t{-4}});
  check_refused([] { described("llama").with("llama.block_count", gguf_value::of(65537U)).read(); },
                {"\"file\"", "65537 blocks", "65536 at most"});
  refused("attention.head_count_kv", {gguf_kind::array, gguf_array{}});
  refused("attention.layer_norm_rms_epsilon", gguf_value::of(0.0f));
  refused("attention.layer_norm_rms_epsilon", gguf_value::of(std::numeric_limits<float>::quiet_NaN()));
  refused("rope.freq_base", gguf_value::of(-1.0f));
  refused("rope.scaling.type", gguf_value::of("linear"));
  refused("rope.scaling.attn_factor", gguf_value::of(1.5f));
  check_refused([] { described("gptneox").with("gptneox.use_parallel_residual", gguf_value::of(1U)).read(); },
                {"use_parallel_residual"});
  check_refused([] { described("gptneox").with("gptneox.attention.head_count_kv", gguf_value::of(2U)).read(); },
                {"2 key and value heads"});
  check_refused([] { described("llama").with("llama.attention.head_count", gguf_value::of(6U)).read(); },
                {"width of 64", "6 heads"});
  described longrope("phi3");
  longrope.tensors.insert("rope_factors_long.weight");
  check_refused([&] { longrope.read(); }, {"longrope"});
  check_refused([] { described("qwen2moe").read(); }, {"\"qwen2moe\""});
}

}  // namespace model_gguf_config_test
