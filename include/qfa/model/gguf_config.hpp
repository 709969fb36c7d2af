// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_GGUF_CONFIG_HPP
#define QFA_MODEL_GGUF_CONFIG_HPP

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/gguf_values.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/rope.hpp"

namespace qfa {

/// The architectures of GGUF files that the decoder runs.  Mistral's models are "llama" there.
struct gguf_architecture {
  std::string_view name;
  model_family family;
};
inline constexpr std::array<gguf_architecture, 5> gguf_architectures{{{"llama", model_family::llama},
                                                                      {"qwen2", model_family::qwen2},
                                                                      {"gemma2", model_family::gemma2},
                                                                      {"phi3", model_family::phi3},
                                                                      {"gptneox", model_family::gpt_neox}}};

/// What a configuration is read from.
struct gguf_description {
  std::string where;                                        ///< the file's name in quotes, for messages
  std::function<const gguf_value*(std::string_view)> find;  ///< a value of the metadata, or null
  std::function<bool(std::string_view)> contains;           ///< whether there is a tensor of that name
  std::size_t vocabulary = 0;                               ///< rows of token_embd.weight
  std::vector<float> rope_factors{};                        ///< rope_freqs.weight, where there is one
};

namespace detail {

/// A stored float as the number that a config.json would have: the shortest decimal that rounds to it, in double.
/// Files keep 1e-5 as a float, and read plainly it would be 9.99999974e-06.
inline double decimal_of(float x) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), x).ptr;
  double out = 0.0;
  std::from_chars(digits.data(), end, out);
  return out;
}

class gguf_config_reader {
 public:
  gguf_config_reader(const gguf_description& in, std::string prefix) : in_(in), prefix_(std::move(prefix)) {}

  [[noreturn]] void refuse(const std::string& what) const { fail(in_.where + ": " + what); }

  bool has(const std::string& key) const { return in_.find(prefix_ + key) != nullptr; }
  std::size_t count(const std::string& key) const {
    const gguf_value* const value = in_.find(prefix_ + key);
    if (value == nullptr) refuse(prefix_ + key + " is missing");
    const auto whole = value->whole();
    // As in config.json: the bound keeps products of two within 64 bits.
    if (!whole || *whole == 0 || *whole > 2147483648U) refuse(prefix_ + key + " must be one positive whole number");
    return static_cast<std::size_t>(*whole);
  }
  std::size_t count(const std::string& key, std::size_t absent) const { return has(key) ? count(key) : absent; }
  double positive(const std::string& key, std::optional<double> absent) const {
    const gguf_value* const value = in_.find(prefix_ + key);
    if (value == nullptr) {
      if (!absent) refuse(prefix_ + key + " is missing");
      return *absent;
    }
    const auto x = value->number();
    if (!x || !std::isfinite(*x) || !(*x > 0.0)) refuse(prefix_ + key + " must be a positive number");
    return value->kind == gguf_kind::f32 ? decimal_of(narrow(*x)) : *x;
  }
  bool truth(const std::string& key, bool absent) const {
    const gguf_value* const value = in_.find(prefix_ + key);
    if (value == nullptr) return absent;
    if (!value->truth()) refuse(prefix_ + key + " must be true or false");
    return *value->truth();
  }
  /// Refuses a key that says something else than that nothing is done.
  void expect_idle(const std::string& key, double idle) const {
    const gguf_value* const value = in_.find(prefix_ + key);
    if (value == nullptr) return;
    if (!value->number() || *value->number() != idle)
      refuse(prefix_ + key + " is not supported, expected none" + (idle == 1.0 ? " or 1" : " or 0"));
  }

 private:
  const gguf_description& in_;
  std::string prefix_;
};

/// Llama 3's rule behind stored factors, each a frequency divided by what it became.  Files hold the factors alone; the
/// published models all have low and high frequency factors of 1 and 4, and an original length that is a power of two.
/// Of the lengths that explain every factor, 8192 is preferred, then the shortest: they all mean the same frequencies.
inline std::optional<llama3_scaling> llama3_scaling_of(const std::vector<float>& factors, const model_config& config) {
  // First of all: a file may claim to rotate any number of dimensions, and each would cost a power.
  if (factors.empty() || factors.size() != config.rotated / 2) return std::nullopt;
  model_config plain = config;
  plain.rope_scaling.reset();
  const std::vector<double> before = rope_frequencies(plain);
  const float largest = *std::max_element(factors.begin(), factors.end());
  std::vector<double> lengths{8192.0};
  for (double n = 32.0; n <= 1048576.0; n *= 2.0)
    lengths.push_back(n);
  for (const double factor : {static_cast<double>(largest), 8.0, 32.0}) {
    if (!(factor > 1.0)) continue;
    for (const double length : lengths) {
      plain.rope_scaling = llama3_scaling{.factor = factor, .original_positions = length};
      const std::vector<double> after = rope_frequencies(plain);
      bool explained = true;
      for (std::size_t i = 0; i < factors.size(); ++i)
        explained = explained && std::fabs(before[i] / after[i] / static_cast<double>(factors[i]) - 1.0) < 1e-5;
      if (explained) return plain.rope_scaling;
    }
  }
  return std::nullopt;
}

inline void read_gguf_rope(const gguf_description& in, const gguf_config_reader& keys, model_config& out) {
  out.rope_base = keys.positive("rope.freq_base", 10000.0);
  out.rotated = keys.count("rope.dimension_count", out.head_dim);
  if (out.rotated > out.head_dim || out.rotated % 2 != 0 ||
      (out.family == model_family::llama && out.rotated != out.head_dim))
    keys.refuse("rotates " + std::to_string(out.rotated) + " of the " + std::to_string(out.head_dim) +
                " dimensions of a head, which is not supported");
  // Without a type of scaling a factor means linear scaling.
  for (const char* key : {"rope.scale_linear", "rope.scaling.factor", "rope.scaling.attn_factor"})
    keys.expect_idle(key, 1.0);
  for (const char* name : {"rope_factors_long.weight", "rope_factors_short.weight"})
    if (in.contains(name))
      keys.refuse("tensor \"" + std::string(name) + "\" asks for longrope, which is not supported");
  if (in.rope_factors.empty()) return;
  if (std::all_of(in.rope_factors.begin(), in.rope_factors.end(), [](float f) { return f == 1.0f; })) return;
  out.rope_scaling = llama3_scaling_of(in.rope_factors, out);
  if (out.family != model_family::llama || !out.rope_scaling)
    keys.refuse("tensor \"rope_freqs.weight\" holds factors that are not by Llama 3's rule, which is not supported");
}

}  // namespace detail

/// A model's choices from the metadata of a GGUF file, by the rules of llama.cpp's converter and its graphs.  Throws
/// one sentence for an architecture, a RoPE scaling, experts or anything else that the decoder does not do.
inline model_config config_from_gguf(const gguf_description& in) {
  const gguf_value* const stated = in.find("general.architecture");
  const std::string* const name = stated == nullptr ? nullptr : stated->text();
  if (name == nullptr) fail(in.where + ": general.architecture is missing");
  const auto known = std::find_if(gguf_architectures.begin(), gguf_architectures.end(),
                                  [&](const gguf_architecture& a) { return a.name == *name; });
  if (known == gguf_architectures.end()) {
    std::string names;
    for (const gguf_architecture& a : gguf_architectures)
      names += (names.empty() ? "" : ", ") + std::string(a.name);
    fail(in.where + ": architecture " + in_quotes(*name) + " is not supported, expected one of " + names);
  }
  const detail::gguf_config_reader keys(in, *name + ".");
  model_config out;
  out.family = known->family;
  const bool neox = out.family == model_family::gpt_neox;
  const bool gemma = out.family == model_family::gemma2;
  out.hidden = keys.count("embedding_length");
  out.layers = keys.count("block_count");
  if (out.layers > most_layers)
    keys.refuse("claims to have " + std::to_string(out.layers) + " blocks, expected " + std::to_string(most_layers) +
                " at most");
  out.heads = keys.count("attention.head_count");
  out.kv_heads = keys.count("attention.head_count_kv", out.heads);
  out.intermediate = keys.count("feed_forward_length");
  out.vocabulary = in.vocabulary;
  out.max_positions = keys.count("context_length", 0);
  if (out.heads % out.kv_heads != 0 || (neox && out.kv_heads != out.heads))
    keys.refuse("has " + std::to_string(out.kv_heads) + " key and value heads for " + std::to_string(out.heads) +
                " query heads");
  if (!keys.has("attention.key_length") && out.hidden % out.heads != 0)
    keys.refuse("its width of " + std::to_string(out.hidden) + " is no multiple of its " + std::to_string(out.heads) +
                " heads");
  out.head_dim = keys.count("attention.key_length", out.hidden / out.heads);
  if (keys.count("attention.value_length", out.head_dim) != out.head_dim)
    keys.refuse("its keys and values have heads of different widths, which is not supported");
  for (const char* key : {"expert_count", "attention.clamp_kqv", "attention.max_alibi_bias", "logit_scale"})
    keys.expect_idle(key, 0.0);

  out.norm = neox ? norm_kind::layer : norm_kind::rms;
  out.norm_epsilon =
      keys.positive(neox ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", std::nullopt);
  out.norm_adds_one = gemma;
  out.post_norms = gemma;
  out.parallel_residual = neox && keys.truth("use_parallel_residual", true);
  out.gated = !neox;
  out.activation = neox ? mlp_activation::gelu : gemma ? mlp_activation::gelu_tanh : mlp_activation::silu;

  if (const gguf_value* kind = in.find(*name + ".rope.scaling.type")) {
    const std::string* const text = kind->text();
    if (text == nullptr || *text != "none")
      keys.refuse("rope.scaling.type " + (text == nullptr ? "of no text" : in_quotes(*text)) +
                  " is not supported, expected none");
  }
  detail::read_gguf_rope(in, keys, out);

  out.windows.assign(out.layers, 0);
  if (gemma) {
    const std::size_t window = keys.count("attention.sliding_window", 4096);
    for (std::size_t l = 0; l < out.layers; l += 2)
      out.windows[l] = window;
  } else if (out.family == model_family::phi3 && keys.has("attention.sliding_window")) {
    const gguf_value* const window = in.find("phi3.attention.sliding_window");
    if (window->whole() != 0U) out.windows.assign(out.layers, keys.count("attention.sliding_window"));
  } else {
    keys.expect_idle("attention.sliding_window", 0.0);
  }

  out.qkv_bias = in.contains(neox || out.family == model_family::phi3 ? "blk.0.attn_qkv.bias" : "blk.0.attn_q.bias");
  out.attention_out_bias = in.contains("blk.0.attn_output.bias");
  out.mlp_bias = in.contains("blk.0.ffn_up.bias");
  out.query_scale = 1.0 / std::sqrt(static_cast<double>(out.head_dim));
  if (gemma) {
    out.embedding_scale = std::sqrt(static_cast<double>(out.hidden));
    // No key tells the 27B model's scale, 1 / sqrt(hidden / heads); llama.cpp knows it by its 46 layers.
    if (out.layers == 46)
      out.query_scale = 1.0 / std::sqrt(static_cast<double>(out.hidden) / static_cast<double>(out.heads));
    out.attention_softcap = keys.positive("attn_logit_softcapping", 50.0);
    out.logit_softcap = keys.positive("final_logit_softcapping", 30.0);
  }
  out.states_tied = true;
  out.tied = !in.contains("output.weight");
  if (const gguf_value* bos = in.find("tokenizer.ggml.bos_token_id"))
    if (const auto token = bos->whole(); token && *token < out.vocabulary) out.bos = static_cast<std::uint32_t>(*token);
  return out;
}

}  // namespace qfa

#endif
