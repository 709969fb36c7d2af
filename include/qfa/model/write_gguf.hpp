// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_WRITE_GGUF_HPP
#define QFA_MODEL_WRITE_GGUF_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compress/ggml.hpp"
#include "qfa/compress/ggml_types.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/gguf_types.hpp"
#include "qfa/io/gguf_values.hpp"
#include "qfa/io/gguf_writer.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/gguf_config.hpp"
#include "qfa/model/gguf_names.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/rope.hpp"

namespace qfa {

/// A configuration as the metadata of a GGUF file, under llama.cpp's keys.  No tokenizer: such a file is for weights.
inline std::vector<gguf_pair> gguf_metadata(const model_config& config) {
  const model_family family = config.family == model_family::mistral ? model_family::llama : config.family;
  std::string name;
  for (const gguf_architecture& a : gguf_architectures)
    if (a.family == family) name = a.name;
  std::vector<gguf_pair> out{{"general.architecture", gguf_value::of(name)}};
  const auto count = [&](const char* key, std::size_t n) {
    out.push_back({name + "." + key, gguf_value::of(static_cast<std::uint32_t>(n))});
  };
  const auto number = [&](const char* key, double x) {
    out.push_back({name + "." + key, gguf_value::of(static_cast<float>(x))});
  };
  if (config.max_positions != 0) count("context_length", config.max_positions);
  count("embedding_length", config.hidden);
  count("block_count", config.layers);
  count("feed_forward_length", config.intermediate);
  count("attention.head_count", config.heads);
  count("attention.head_count_kv", config.kv_heads);
  count("attention.key_length", config.head_dim);
  count("attention.value_length", config.head_dim);
  number(config.norm == norm_kind::layer ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
         config.norm_epsilon);
  number("rope.freq_base", config.rope_base);
  count("rope.dimension_count", config.rotated);
  if (family == model_family::gpt_neox)
    out.push_back({name + ".use_parallel_residual", gguf_value::of(config.parallel_residual)});
  if (family == model_family::gemma2) {
    number("attn_logit_softcapping", config.attention_softcap);
    number("final_logit_softcapping", config.logit_softcap);
  }
  if ((family == model_family::gemma2 || family == model_family::phi3) && !config.windows.empty())
    count("attention.sliding_window", config.windows.front());
  if (config.bos) out.push_back({"tokenizer.ggml.bos_token_id", gguf_value::of(*config.bos)});
  return out;
}

namespace detail {

/// What RoPE's frequencies are divided by; empty where they are not scaled.
inline std::vector<float> gguf_rope_factors(const model_config& config) {
  if (!config.rope_scaling) return {};
  model_config plain = config;
  plain.rope_scaling.reset();
  const std::vector<double> before = rope_frequencies(plain), after = rope_frequencies(config);
  std::vector<float> out;
  for (std::size_t i = 0; i < before.size(); ++i)
    out.push_back(static_cast<float>(before[i] / after[i]));
  return out;
}

/// Refuses a configuration that a file would not give back: the format has no key for it.
inline void check_gguf_can_hold(const model_config& config, const std::vector<gguf_pair>& metadata,
                                const std::vector<gguf_name>& names, const std::string& source) {
  const gguf_description description{.where = source,
                                     .find = [&](std::string_view key) -> const gguf_value* {
                                       for (const gguf_pair& pair : metadata)
                                         if (pair.key == key) return &pair.value;
                                       return nullptr;
                                     },
                                     .contains =
                                         [&](std::string_view name) {
                                           for (const gguf_name& n : names)
                                             if (n.in_file == name) return true;
                                           return false;
                                         },
                                     .vocabulary = config.vocabulary,
                                     .rope_factors = gguf_rope_factors(config)};
  model_config wanted = config;
  model_config back = config_from_gguf(description);
  const bool same_frequencies = rope_frequencies(wanted) == rope_frequencies(back);
  wanted.rope_scaling = back.rope_scaling;  // other parameters may mean the same
  wanted.states_tied = back.states_tied;
  if (wanted.family == model_family::mistral) wanted.family = model_family::llama;
  if (wanted.windows.empty()) wanted.windows.assign(wanted.layers, 0);
  if (wanted != back || !same_frequencies)
    fail("the model from " + source + " makes choices that a GGUF file of its architecture cannot express" +
         (wanted.windows != back.windows           ? ", by its sliding windows"
          : wanted.query_scale != back.query_scale ? ", by its scale of queries"
          : wanted.activation != back.activation   ? ", by its activation"
          : !same_frequencies                      ? ", by its RoPE"
                                                   : ""));
}

/// Refuses a model with a tensor that the file would leave out, such as a bias that processing has added.
inline void check_gguf_names_all(const language_model& model, const std::vector<gguf_name>& names) {
  std::set<std::string_view> named;
  for (const gguf_name& name : names)
    named.insert(name.in_model);
  for (const auto& [name, tensor] : model.tensors)
    if (!named.contains(name))
      fail("tensor " + in_quotes(name) + " of " + model.source + " has no place in a GGUF file of its architecture");
}

}  // namespace detail

/// Writes a model as a GGUF file, without a tokenizer.  Matrices are packed as `type_of(name, columns)` says, by their
/// Hugging Face name, or as what stands in for that type where rows are no whole blocks (see type_for_columns); norms
/// and biases stay floats.  Rows and norms are changed as llama.cpp's converter changes them.  Throws where the format
/// cannot express the configuration (a sliding window in a Llama, Gemma-2's query scale other than the published ones),
/// has no place for a tensor, or where a type cannot store a weight; nothing is written then.
template <class TypeOf>
  requires requires(TypeOf type_of, const std::string& name) {
    { type_of(name, std::size_t{}) } -> std::same_as<ggml_type>;
  }
void write_gguf(const language_model& model, const std::filesystem::path& path, TypeOf type_of) {
  const model_config& config = model.config;
  const std::vector<gguf_name> names = gguf_names(config);
  const std::vector<gguf_pair> metadata = gguf_metadata(config);
  detail::check_gguf_can_hold(config, metadata, names, model.source);
  detail::check_gguf_names_all(model, names);

  std::vector<std::vector<std::byte>> packed;
  std::vector<gguf_tensor_to_write> tensors;
  packed.reserve(names.size() + 1);  // the tensors view them
  const auto add = [&](const std::string& name, ggml_type type, std::vector<std::size_t> shape,
                       std::vector<std::byte> bytes) {
    packed.push_back(std::move(bytes));
    tensors.push_back({name, find_gguf_type(entry_of(type).id), std::move(shape), packed.back()});
  };
  if (const std::vector<float> factors = detail::gguf_rope_factors(config); !factors.empty())
    add("rope_freqs.weight", ggml_type::f32, {factors.size()}, packed_row(ggml_type::f32, factors));
  for (const gguf_name& name : names) {
    const shared_tensor& tensor = model.at(name.in_model);
    const std::size_t columns = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
    std::vector<float> values = *tensor.values;
    if (name.rows != gguf_rows::same)
      for (std::size_t r = 0; r < tensor.shape[0]; ++r)
        std::memcpy(values.data() + row_in_gguf(name.rows, r, config) * columns, tensor.data() + r * columns,
                    columns * sizeof(float));
    if (name.adds_one)
      for (float& w : values)
        w += 1.0f;
    const bool matrix = tensor.shape.size() == 2;
    const ggml_type type = matrix ? type_for_columns(type_of(name.in_model, columns), columns) : ggml_type::f32;
    const matrix_view<const float> rows(values.data(), matrix ? tensor.shape[0] : 1,
                                        values.size() / (matrix ? tensor.shape[0] : 1));
    check_ggml_can_store(type, rows, {.name = name.in_model});
    add(name.in_file, type, tensor.shape, packed_row(type, values));
  }
  write_gguf_file(path, metadata, tensors);
}

/// Every matrix as one type.
inline void write_gguf(const language_model& model, const std::filesystem::path& path,
                       ggml_type type = ggml_type::f32) {
  write_gguf(model, path, [type](const std::string&, std::size_t) { return type; });
}

}  // namespace qfa

#endif
