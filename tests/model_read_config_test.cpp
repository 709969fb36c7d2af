// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/read_config.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

namespace model_read_config_test {

using namespace qfa;

namespace {

model_config config_of(const json& object) { return parse_config(object, "config.json"); }

json base(const char* type) {
  return {{"model_type", type},       {"hidden_size", 64},       {"num_hidden_layers", 4},
          {"num_attention_heads", 4}, {"intermediate_size", 96}, {"vocab_size", 100}};
}

json with(json object, const char* key, json value) {
  object[key] = std::move(value);
  return object;
}

/// The sentence that a configuration is refused with; empty if it is taken.
std::string refusal(const json& object) {
  try {
    config_of(object);
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

bool mentions(const std::string& sentence, const char* part) { return sentence.find(part) != std::string::npos; }

using sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("read_config: a directory's own file says what the reference implementation was run with") {
  const std::string models = std::string(QFA_TEST_DATA) + "/models/";

  const model_config neox = read_config(models + "gpt_neox/config.json");
  CHECK(neox.family == model_family::gpt_neox);
  CHECK(neox.norm == norm_kind::layer);
  CHECK(neox.norm_epsilon == 1e-5);
  CHECK(neox.kv_heads == 4);
  CHECK(neox.head_dim == 16);
  CHECK(neox.rotated == 4);
  CHECK(neox.parallel_residual);
  CHECK(neox.qkv_bias);
  CHECK(neox.attention_out_bias);
  CHECK(neox.mlp_bias);
  CHECK_FALSE(neox.gated);
  CHECK(neox.activation == mlp_activation::gelu);
  CHECK_FALSE(neox.tied);
  CHECK(neox.bos == 0U);

  const model_config gemma = read_config(models + "gemma2/config.json");
  CHECK(gemma.norm_adds_one);
  CHECK(gemma.post_norms);
  CHECK(gemma.tied);
  CHECK_FALSE(gemma.states_tied);
  CHECK(gemma.windows == sizes{8, 0, 8, 0});
  CHECK(gemma.query_scale == 1.0 / std::sqrt(24.0));
  CHECK(gemma.embedding_scale == std::sqrt(48.0));
  CHECK(gemma.attention_softcap == 50.0);
  CHECK(gemma.logit_softcap == 30.0);
  CHECK(gemma.activation == mlp_activation::gelu_tanh);
  CHECK(gemma.kv_heads == 2);

  const model_config llama = read_config(models + "llama/config.json");
  REQUIRE(llama.rope_scaling.has_value());
  CHECK(*llama.rope_scaling == llama3_scaling{8.0, 1.0, 4.0, 32.0});
  CHECK(llama.rope_base == 500000.0);
  CHECK(llama.rotated == 8);
  CHECK(llama.windows == sizes{0, 0, 0});

  CHECK(read_config(models + "mistral/config.json").windows == sizes{10, 10, 10});
  const model_config qwen = read_config(models + "qwen2/config.json");
  CHECK(qwen.windows == sizes{0, 0, 0});
  CHECK(qwen.qkv_bias);
  CHECK_FALSE(qwen.attention_out_bias);
  CHECK(qwen.tied);
  CHECK(read_config(models + "phi3/config.json").windows == sizes{0, 0, 0});
}

TEST_CASE("read_config: absent keys take the family's defaults") {
  const model_config gemma = config_of(base("gemma2"));
  CHECK(gemma.kv_heads == 4);
  CHECK(gemma.head_dim == 16);
  CHECK(gemma.tied);
  CHECK(gemma.windows == sizes{4096, 0, 4096, 0});
  CHECK(gemma.query_scale == 1.0 / 16.0);
  CHECK(gemma.attention_softcap == 50.0);
  CHECK(gemma.logit_softcap == 30.0);
  CHECK(gemma.norm_epsilon == 1e-6);

  const model_config llama = config_of(base("llama"));
  CHECK_FALSE(llama.tied);
  CHECK(llama.rope_base == 10000.0);
  CHECK_FALSE(llama.qkv_bias);
  CHECK_FALSE(llama.mlp_bias);
  CHECK(llama.query_scale == 0.25);
  CHECK_FALSE(llama.bos.has_value());

  CHECK(config_of(base("mistral")).windows == sizes{4096, 4096, 4096, 4096});
  CHECK(config_of(base("phi3")).norm_epsilon == 1e-5);
  CHECK(config_of(base("phi3")).windows == sizes{0, 0, 0, 0});
  const model_config neox = config_of(base("gpt_neox"));
  CHECK(neox.rotated == 4);
  CHECK(neox.parallel_residual);
}

TEST_CASE("read_config: null means none where the family has a default") {
  CHECK(config_of(with(base("mistral"), "sliding_window", nullptr)).windows == sizes{0, 0, 0, 0});
  CHECK(config_of(with(base("gemma2"), "attn_logit_softcapping", nullptr)).attention_softcap == 0.0);
  CHECK(config_of(with(base("gemma2"), "final_logit_softcapping", nullptr)).logit_softcap == 0.0);
  CHECK(config_of(with(base("llama"), "quantization_config", nullptr)).layers == 4);
  // How weights are stored is read elsewhere.
  CHECK(config_of(with(base("llama"), "quantization_config", {{"quant_method", "gptq"}})).layers == 4);
}

TEST_CASE("read_config: qwen2 slides from max_window_layers on, and only if it is told to") {
  json qwen = with(with(base("qwen2"), "sliding_window", 7), "max_window_layers", 3);
  CHECK(config_of(qwen).windows == sizes{0, 0, 0, 0});
  CHECK(config_of(with(qwen, "use_sliding_window", true)).windows == sizes{0, 0, 0, 7});
  CHECK(config_of(with(with(qwen, "use_sliding_window", true), "max_window_layers", 0)).windows == sizes{7, 7, 7, 7});
}

TEST_CASE("read_config: layer_types has the last word on windows") {
  const json types = {"full_attention", "sliding_attention", "full_attention", "full_attention"};
  CHECK(config_of(with(base("gemma2"), "layer_types", types)).windows == sizes{0, 4096, 0, 0});
  CHECK(mentions(refusal(with(base("gemma2"), "layer_types", {"full_attention"})), "4 layers"));
  CHECK(mentions(refusal(with(base("gemma2"), "layer_types", {"a", "b", "c", "d"})), "\"a\""));
}

TEST_CASE("read_config: rope_parameters of transformers 5 are the older keys in another place") {
  const json neox = with(base("gpt_neox"), "rope_parameters",
                         {{"rope_type", "default"}, {"rope_theta", 25000.0}, {"partial_rotary_factor", 0.5}});
  CHECK(config_of(neox).rope_base == 25000.0);
  CHECK(config_of(neox).rotated == 8);
  const json llama = with(base("llama"), "rope_parameters",
                          {{"rope_type", "llama3"},
                           {"rope_theta", 5e5},
                           {"factor", 4.0},
                           {"low_freq_factor", 1.0},
                           {"high_freq_factor", 4.0},
                           {"original_max_position_embeddings", 64}});
  REQUIRE(config_of(llama).rope_scaling.has_value());
  CHECK(config_of(llama).rope_scaling->factor == 4.0);
  CHECK(config_of(llama).rope_base == 5e5);
  CHECK(config_of(with(base("llama"), "rope_parameters", {{"rope_theta", 7.0}})).rope_base == 7.0);
}

TEST_CASE("read_config: what is not supported is refused by name") {
  CHECK(mentions(refusal(base("mamba")), "\"mamba\" is not supported, expected one of gpt_neox, gemma2, llama"));
  CHECK(mentions(refusal(json::object()), "is not supported"));
  CHECK(mentions(refusal(json::array()), "config.json must hold a JSON object"));
  CHECK(mentions(refusal(with(base("llama"), "architectures", {"LlamaForSequenceClassification"})),
                 "LlamaForSequenceClassification is not supported"));
  CHECK(mentions(refusal(with(base("phi3"), "rope_scaling", {{"type", "longrope"}})), "\"longrope\""));
  CHECK(mentions(refusal(with(base("llama"), "rope_scaling", {{"rope_type", "yarn"}, {"factor", 2.0}})), "\"yarn\""));
  CHECK(mentions(refusal(with(base("llama"), "rope_scaling", {{"rope_type", "llama3"}})), "factor is missing"));
  CHECK(mentions(refusal(with(base("llama"), "hidden_act", "tanh")), "\"tanh\""));
}

TEST_CASE("read_config: sizes that do not fit together are refused with what was expected") {
  json missing = base("llama");
  missing.erase("hidden_size");
  CHECK(refusal(missing) == "config.json: hidden_size is missing");
  CHECK(mentions(refusal(with(base("llama"), "num_hidden_layers", 0)), "expected a positive integer"));
  CHECK(mentions(refusal(with(base("llama"), "num_hidden_layers", -1)), "expected a positive integer"));
  CHECK(mentions(refusal(with(base("llama"), "num_hidden_layers", 2.5)), "expected a positive integer"));
  CHECK(mentions(refusal(with(base("llama"), "num_hidden_layers", 2147483648)), "expected 65536 at most"));
  CHECK(mentions(refusal(with(base("llama"), "vocab_size", 18446744073709551615ULL)), "expected a positive integer"));
  CHECK(mentions(refusal(with(base("llama"), "num_key_value_heads", 3)), "expected a divisor"));
  CHECK(mentions(refusal(with(base("llama"), "num_attention_heads", 5)), "expected a multiple"));
  CHECK(mentions(refusal(with(base("llama"), "head_dim", 9)), "expected an even number"));
  CHECK(mentions(refusal(with(base("gpt_neox"), "rotary_pct", 0.0)), "rotated share"));
  CHECK(mentions(refusal(with(base("llama"), "rms_norm_eps", 0.0)), "expected a positive number"));
  CHECK(mentions(refusal(with(base("llama"), "tie_word_embeddings", "yes")), "expected true or false"));
}

TEST_CASE("read_config: the older dictionaries say type where newer ones say rope_type") {
  const json scaling = {{"type", "llama3"},
                        {"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 8192}};
  CHECK(config_of(with(base("llama"), "rope_scaling", scaling)).rope_scaling.has_value());
}

}  // namespace model_read_config_test
