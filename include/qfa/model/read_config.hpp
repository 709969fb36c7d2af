// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_READ_CONFIG_HPP
#define QFA_MODEL_READ_CONFIG_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/model/config.hpp"

namespace qfa {

namespace detail {

/// One config.json: every read names the file, the key, what was found and what was expected.
class config_reader {
 public:
  config_reader(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) fail(where_ + " must hold a JSON object");
  }

  [[noreturn]] void refuse(const std::string& what) const { fail(where_ + ": " + what); }

  /// Absent and null are the same, except where null means "none" (see `states`).
  bool has(const char* key) const { return object_.contains(key) && !object_.at(key).is_null(); }
  bool states(const char* key) const { return object_.contains(key); }
  const json& at(const char* key) const { return object_.at(key); }

  std::size_t count(const char* key) const {
    if (!has(key)) refuse(std::string(key) + " is missing");
    return count(key, 0);
  }
  std::size_t count(const char* key, std::size_t absent, bool zero_too = false) const {
    if (!has(key)) return absent;
    const json& value = object_.at(key);
    // A dimension above 2^31 can only be an attack or a mistake; the bound keeps products of two within 64 bits.
    if (!value.is_number_integer() || value.get<double>() < (zero_too ? 0.0 : 1.0) ||
        value.get<double>() > 2147483648.0)
      refuse(std::string(key) + " is " + value.dump() + ", expected a positive integer");
    return value.get<std::size_t>();
  }
  double number(const char* key, double absent) const {
    if (!has(key)) return absent;
    const json& value = object_.at(key);
    if (!value.is_number() || !std::isfinite(value.get<double>()))
      refuse(std::string(key) + " is " + value.dump() + ", expected a number");
    return value.get<double>();
  }
  double positive(const char* key, double absent) const {
    const double value = number(key, absent);
    if (!(value > 0.0)) refuse(std::string(key) + " is " + object_.at(key).dump() + ", expected a positive number");
    return value;
  }
  bool truth(const char* key, bool absent) const {
    if (!has(key)) return absent;
    if (!object_.at(key).is_boolean())
      refuse(std::string(key) + " is " + object_.at(key).dump() + ", expected true or false");
    return object_.at(key).get<bool>();
  }
  std::string text(const char* key, std::string absent) const {
    if (!has(key)) return absent;
    if (!object_.at(key).is_string())
      refuse(std::string(key) + " is " + object_.at(key).dump() + ", expected a string");
    return object_.at(key).get<std::string>();
  }
  config_reader inner(const char* key) const {
    if (!object_.at(key).is_object())
      refuse(std::string(key) + " is " + object_.at(key).dump() + ", expected an object or null");
    return {object_.at(key), where_ + ", " + key};
  }

 private:
  const json& object_;
  std::string where_;
};

inline model_family read_family(const config_reader& in) {
  const std::string type = in.text("model_type", "");
  std::string architecture;
  if (in.has("architectures") && in.at("architectures").is_array() && !in.at("architectures").empty() &&
      in.at("architectures").front().is_string())
    architecture = in.at("architectures").front().get<std::string>();
  for (std::size_t i = 0; i < model_family_names.size(); ++i) {
    if (type.empty() ? architecture != model_architecture_names[i] : type != model_family_names[i]) continue;
    // The same model_type also names classifiers and vision models, whose tensors are others.
    if (!architecture.empty() && architecture != model_architecture_names[i])
      in.refuse("architecture " + architecture + " is not supported, expected " +
                std::string(model_architecture_names[i]));
    return static_cast<model_family>(i);
  }
  std::string known;
  for (const std::string_view name : model_family_names)
    known += (known.empty() ? "" : ", ") + std::string(name);
  in.refuse((type.empty() ? "architecture \"" + architecture : "model_type \"" + type) +
            "\" is not supported, expected one of " + known);
}

inline mlp_activation read_activation(const config_reader& in, const char* key, const char* absent) {
  const std::string name = in.text(key, absent);
  if (name == "gelu") return mlp_activation::gelu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast") return mlp_activation::gelu_tanh;
  if (name == "silu" || name == "swish") return mlp_activation::silu;
  if (name == "relu") return mlp_activation::relu;
  in.refuse(std::string(key) + " \"" + name +
            "\" is not supported, expected gelu, gelu_new, gelu_pytorch_tanh, silu or relu");
}

/// Base, rotated share and scaling; transformers v5 keeps all three in `rope_parameters`.
inline void read_rope(const config_reader& in, model_config& out) {
  const bool neox = out.family == model_family::gpt_neox;
  out.rope_base = in.positive(neox ? "rotary_emb_base" : "rope_theta", 10000.0);
  double share = neox ? in.number("rotary_pct", 0.25) : in.number("partial_rotary_factor", 1.0);
  const char* const key = in.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  if (in.has(key)) {
    const config_reader rope = in.inner(key);
    out.rope_base = rope.positive("rope_theta", out.rope_base);
    share = rope.number("partial_rotary_factor", share);
    const std::string kind = rope.text("rope_type", rope.text("type", ""));
    if (kind == "llama3") {
      const auto needed = [&](const char* name) {
        if (!rope.has(name)) rope.refuse(std::string(name) + " is missing, which rope_type llama3 needs");
        return rope.positive(name, 1.0);
      };
      out.rope_scaling = llama3_scaling{.factor = needed("factor"),
                                        .low_frequency_factor = needed("low_freq_factor"),
                                        .high_frequency_factor = needed("high_freq_factor"),
                                        .original_positions = needed("original_max_position_embeddings")};
      if (!(out.rope_scaling->high_frequency_factor > out.rope_scaling->low_frequency_factor))
        rope.refuse("high_freq_factor must exceed low_freq_factor");
    } else if (kind != "default" && !(kind.empty() && rope.has("rope_theta"))) {
      rope.refuse("rope_type \"" + kind + "\" is not supported, expected null, default or llama3");
    }
  }
  if (!(share > 0.0 && share <= 1.0))
    in.refuse("the rotated share of a head is " + std::to_string(share) + ", expected (0, 1]");
  out.rotated = static_cast<std::size_t>(static_cast<double>(out.head_dim) * share);
  if (out.rotated == 0 || out.rotated % 2 != 0)
    in.refuse("rotates " + std::to_string(out.rotated) + " of the " + std::to_string(out.head_dim) +
              " dimensions of a head, expected an even number above 0");
}

/// Which layers see a window only.  `layer_types`, where a newer file lists them, has the last word.
inline void read_windows(const config_reader& in, model_config& out) {
  out.windows.assign(out.layers, 0);
  const bool by_default =
      out.family == model_family::gemma2 || out.family == model_family::mistral || out.family == model_family::qwen2;
  if (out.family == model_family::gpt_neox || out.family == model_family::llama) return;
  if (in.states("sliding_window") ? !in.has("sliding_window") : !by_default) return;
  if (out.family == model_family::qwen2 && !in.truth("use_sliding_window", false)) return;
  const std::size_t window = in.count("sliding_window", 4096);
  const std::size_t first = out.family == model_family::qwen2 ? in.count("max_window_layers", 28, true) : 0;
  for (std::size_t l = 0; l < out.layers; ++l) {
    const bool slides = out.family == model_family::gemma2 ? l % 2 == 0 : l >= first;
    if (slides) out.windows[l] = window;
  }
  if (!in.has("layer_types")) return;
  const json& types = in.at("layer_types");
  if (!types.is_array() || types.size() != out.layers)
    in.refuse("layer_types must list one type for each of " + std::to_string(out.layers) + " layers");
  for (std::size_t l = 0; l < out.layers; ++l) {
    if (types[l] != "sliding_attention" && types[l] != "full_attention")
      in.refuse("layer_types holds " + types[l].dump() + ", expected sliding_attention or full_attention");
    out.windows[l] = types[l] == "sliding_attention" ? window : 0;
  }
}

}  // namespace detail

/// A model's choices from the text of its config.json; absent keys take the family's defaults.  `where` names the file
/// in errors.  How the weights are stored (quantization_config) is no part of it.  Throws one sentence for an
/// unsupported architecture, RoPE scaling or shapes that do not fit together.
inline model_config parse_config(const json& object, const std::string& where) {
  const detail::config_reader in(object, where);
  model_config out;
  out.family = detail::read_family(in);
  const bool neox = out.family == model_family::gpt_neox;
  const bool gemma = out.family == model_family::gemma2;

  out.hidden = in.count("hidden_size");
  out.layers = in.count("num_hidden_layers");
  if (out.layers > most_layers)
    in.refuse("num_hidden_layers is " + std::to_string(out.layers) + ", expected " + std::to_string(most_layers) +
              " at most");
  out.heads = in.count("num_attention_heads");
  out.intermediate = in.count("intermediate_size");
  out.vocabulary = in.count("vocab_size");
  out.max_positions = in.count("max_position_embeddings", 0);
  out.kv_heads = neox ? out.heads : in.count("num_key_value_heads", out.heads);
  if (out.heads % out.kv_heads != 0)
    in.refuse("num_key_value_heads is " + std::to_string(out.kv_heads) +
              ", expected a divisor of num_attention_heads, " + std::to_string(out.heads));
  if (neox || !in.has("head_dim")) {
    if (out.hidden % out.heads != 0)
      in.refuse("hidden_size is " + std::to_string(out.hidden) + ", expected a multiple of num_attention_heads, " +
                std::to_string(out.heads));
    out.head_dim = out.hidden / out.heads;
  } else {
    out.head_dim = in.count("head_dim");
  }

  out.norm = neox ? norm_kind::layer : norm_kind::rms;
  out.norm_epsilon = neox ? in.positive("layer_norm_eps", 1e-5)
                          : in.positive("rms_norm_eps", out.family == model_family::phi3 ? 1e-5 : 1e-6);
  out.norm_adds_one = gemma;
  out.post_norms = gemma;
  out.parallel_residual = neox && in.truth("use_parallel_residual", true);

  out.gated = !neox;
  // Gemma-2 has hidden_act too, which its reference implementation ignores.
  out.activation = gemma ? detail::read_activation(in, "hidden_activation", "gelu_pytorch_tanh")
                         : detail::read_activation(in, "hidden_act", neox ? "gelu" : "silu");
  detail::read_rope(in, out);
  detail::read_windows(in, out);

  out.qkv_bias = neox                                ? in.truth("attention_bias", true)
                 : out.family == model_family::qwen2 ? true
                 : out.family == model_family::phi3  ? false
                                                     : in.truth("attention_bias", false);
  out.attention_out_bias = out.family == model_family::qwen2 ? false : out.qkv_bias;
  out.mlp_bias = neox || (out.family == model_family::llama && in.truth("mlp_bias", false));

  out.query_scale = 1.0 / std::sqrt(static_cast<double>(out.head_dim));
  if (gemma) {
    out.embedding_scale = std::sqrt(static_cast<double>(out.hidden));
    out.query_scale = 1.0 / std::sqrt(in.positive("query_pre_attn_scalar", 256.0));
    // null switches a cap off; an absent key means the family's.
    if (!in.states("attn_logit_softcapping") || in.has("attn_logit_softcapping"))
      out.attention_softcap = in.positive("attn_logit_softcapping", 50.0);
    if (!in.states("final_logit_softcapping") || in.has("final_logit_softcapping"))
      out.logit_softcap = in.positive("final_logit_softcapping", 30.0);
  }
  out.states_tied = in.has("tie_word_embeddings");
  out.tied = in.truth("tie_word_embeddings", gemma);
  if (in.has("bos_token_id") && in.at("bos_token_id").is_number_unsigned() &&
      in.at("bos_token_id").get<std::uint64_t>() < out.vocabulary)
    out.bos = in.at("bos_token_id").get<std::uint32_t>();
  return out;
}

/// Reads a config.json.
inline model_config read_config(const std::filesystem::path& path) {
  return parse_config(read_json(path), in_quotes(path));
}

}  // namespace qfa

#endif
