// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_FUZZ_TARGETS_HPP
#define QFA_TESTS_FUZZ_TARGETS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/kept_targets.hpp"
#include "fuzz/places.hpp"
#include "fuzz/string_targets.hpp"
#include "fuzz/written_targets.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/gguf.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/sharded_gguf.hpp"
#include "qfa/io/sharded_safetensors.hpp"
#ifdef QFA_HAS_NPZ
#include "qfa/io/npz.hpp"
#endif
#include "qfa/model/load.hpp"
#include "qfa/model/load_gguf.hpp"
#include "qfa/model/tokenizer_files.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/model/vocabulary.hpp"
#include "qfa/sae/load.hpp"
#ifdef QFA_HAS_TEXT
#include "qfa/text/read_text.hpp"
#endif

// Every reader and every parser of qfa, each as a function of bytes.  Those of files that qfa itself writes are in
// written_targets.hpp and kept_targets.hpp, those of what people write in string_targets.hpp.

namespace qfa_fuzz {

// ---- files ----

inline void read_all_values(const qfa::stored_tensor& tensor) {
  tolerate([&] { qfa::read_floats(tensor); });
  tolerate([&] { qfa::read_integers(tensor); });
}

inline void safetensors(bytes data) {
  const qfa::safetensors file(write("one.safetensors", data), {.allow_trailing_bytes = data.size() % 2 == 1});
  for (const qfa::stored_tensor& tensor : file.tensors())
    read_all_values(tensor);
}

inline void safetensors_index(bytes data) {
  place("models/llama/model.safetensors", "sharded/a.safetensors");
  place("models/llama/model.safetensors", "outside.safetensors");
  write("sharded/model.safetensors.index.json", data);
  const qfa::sharded_safetensors files(directory() / "sharded");
  static_cast<void>(files.contains("a"));
}

inline void npy(bytes data) {
  const qfa::npy_array array = qfa::parse_npy(data, "the array");
  tolerate([&] { qfa::as_floats(array); });
  tolerate([&] { qfa::as_doubles(array); });
  tolerate([&] { qfa::as_integers(array); });
}

inline void tokens(bytes data) {
  qfa::read_tokens(write("tokens.npy", data), {.context = 4, .max_tokens = 64});
}

#ifdef QFA_HAS_NPZ
inline void npz(bytes data) { qfa::read_npz(write("all.npz", data)); }

inline void npz_sae(bytes data) {
  qfa::load_sae(write("gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82/params.npz", data));
}
#endif

inline void gguf(bytes data) {
  const qfa::gguf file(write("tensors.gguf", data));
  for (const qfa::gguf_tensor& tensor : file.tensors())
    tolerate([&] { qfa::read_gguf_floats(tensor); });
}

inline void gguf_model(bytes data) { qfa::load_gguf(write("model.gguf", data)); }

/// Two parts behind each other; the first two bytes say where the second begins.
inline void sharded_gguf(bytes data) {
  if (data.size() < 2) return;
  const bytes parts = data.subspan(2);
  const std::size_t cut = std::to_integer<std::size_t>(data[0]) + 256 * std::to_integer<std::size_t>(data[1]);
  const std::size_t end = (std::min)(cut, parts.size());
  write("m" + qfa::gguf_part_suffix(2, 2), parts.subspan(end));
  const qfa::sharded_gguf all(write("m" + qfa::gguf_part_suffix(1, 2), parts.first(end)));
  for (const auto& [name, tensor] : all.tensors())
    tolerate([&, of = tensor] { qfa::read_gguf_floats(of); });
}

// ---- models and SAEs ----

/// Of two tokens, one head and one layer.
inline constexpr std::string_view tiny_model_config = R"({"architectures": ["LlamaForCausalLM"],
  "model_type": "llama", "hidden_size": 2, "intermediate_size": 2, "num_attention_heads": 1, "num_hidden_layers": 1,
  "num_key_value_heads": 1, "vocab_size": 2, "max_position_embeddings": 8, "rms_norm_eps": 1e-5,
  "hidden_act": "silu", "tie_word_embeddings": true, "torch_dtype": "float32"})";

inline void model_config(bytes data) { qfa::parse_config(qfa::parse_json(text_of(data), "the file"), "the file"); }

/// The first byte says whose weights lie beside the configuration.
inline void checkpoint_config(bytes data) {
  constexpr std::array<std::string_view, 6> kinds{"ct_pack", "ct_int", "gptq_v1", "gptq_v2", "awq", "ct_nvfp4"};
  if (data.empty()) return;
  const std::string kind(kinds[std::to_integer<std::size_t>(data[0]) % kinds.size()]);
  place("checkpoints/" + kind + "/model.safetensors", kind + "/model.safetensors");
  write(kind + "/config.json", data.subspan(1));
  qfa::load_model(directory() / kind);
}

/// A model of one layer whose weights are the bytes.
inline void model_weights(bytes data) {
  write("weighed/config.json", std::as_bytes(std::span(tiny_model_config)));
  write("weighed/model.safetensors", data);
  qfa::load_model(directory() / "weighed");
}

/// The first byte says in which layout the configuration lies.
inline void sae_config(bytes data) {
  if (data.empty()) return;
  const std::filesystem::path of = std::filesystem::path(QFA_TEST_DATA) / "sae_formats";
  static const std::vector<std::filesystem::path> layouts = [&] {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(of))
      if (entry.is_directory()) out.push_back(entry.path().filename());
    std::ranges::sort(out);
    return out;
  }();
  if (layouts.empty()) return;
  const std::filesystem::path layout = layouts[std::to_integer<std::size_t>(data[0]) % layouts.size()];
  std::string config = "cfg.json";
  for (const auto& entry : std::filesystem::directory_iterator(of / layout)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".json")) config = name;
    else if (entry.is_regular_file()) place("sae_formats" / layout / name, "sae" / layout / name);
  }
  write("sae" / layout / config, data.subspan(1));
  qfa::load_sae(directory() / "sae" / layout);
}

inline void vocabulary(bytes data) {
  const qfa::vocabulary words = qfa::vocabulary::read(write("vocab.json", data));
  const std::array<std::uint32_t, 5> ids{0, 1, 2, static_cast<std::uint32_t>(words.size()), 4'000'000'000};
  static_cast<void>(words.text(ids));
}

/// What is read of a tokenizer's files beside the tokenizer.
inline void tokenizer_config(bytes data) {
  write("configured/tokenizer_config.json", data);
  const std::filesystem::path in = directory() / "configured";
  for (const char* const key : {"bos_token", "eos_token"})
    tolerate([&] { qfa::configured_token(in, key); });
  tolerate([&] { qfa::has_chat_template(in); });
  qfa::expects_bos(in, {});
}

inline void post_processor(bytes data) {
  write("processed/tokenizer.json", data);
  qfa::expects_bos(directory() / "processed", {});
}

inline void sae_weights(bytes data) {
  const std::string_view config = R"({"architecture": "standard", "d_in": 2, "d_sae": 3, "dtype": "float32",
    "hook_name": "blocks.0.hook_resid_post", "apply_b_dec_to_input": true, "normalize_activations": "none"})";
  write("weights/cfg.json", std::as_bytes(std::span(config)));
  write("weights/sae_weights.safetensors", data);
  qfa::load_sae(directory() / "weights");
}

#ifdef QFA_HAS_TEXT
inline void tokenize(const std::filesystem::path& file) {
  const qfa::tokenizer words = qfa::open_tokenizer(file);
  std::vector<std::uint32_t> ids;
  tolerate([&] { words.encode("Once upon  a time, it's 1234 caf\u00e9s\r\n\n<x>\U0001f600 \u4e00", ids); });
  tolerate([&] { words.decode(ids); });
}

inline void tokenizer(bytes data) { tokenize(write("tokenizer.json", data)); }

inline void text(bytes data) {
  const qfa::tokenizer words{.kind = "none", .encode = [](std::string_view, std::vector<std::uint32_t>&) {}};
  const std::vector<std::filesystem::path> files{write("text.txt", data)};
  for (std::size_t i = 0; i < qfa::document_cut_names.size(); ++i)
    tolerate([&] {
      qfa::read_text(files, words, {.documents = static_cast<qfa::document_cut>(i), .replace_invalid = true});
    });
  tolerate([&] { qfa::normalized(text_of(data), qfa::unicode_form::nfkc); });
}
#endif

#ifdef QFA_HAS_SENTENCEPIECE
inline void sentencepiece(bytes data) { tokenize(write("tokenizer.model", data)); }
#endif

struct target {
  std::string_view name;
  void (*read)(bytes);
};

inline constexpr target targets[] = {
    {"safetensors", safetensors},
    {"safetensors_index", safetensors_index},
    {"npy", npy},
    {"tokens", tokens},
#ifdef QFA_HAS_NPZ
    {"npz", npz},
    {"npz_sae", npz_sae},
#endif
    {"gguf", gguf},
    {"gguf_model", gguf_model},
    {"sharded_gguf", sharded_gguf},
    {"model_config", model_config},
    {"model_weights", model_weights},
    {"checkpoint_config", checkpoint_config},
    {"sae_config", sae_config},
    {"sae_weights", sae_weights},
    {"tokenizer_config", tokenizer_config},
    {"post_processor", post_processor},
    {"vocabulary", vocabulary},
    {"policy", policy},
    {"cache_plan", cache_plan},
    {"plan_file", plan_file},
    {"checkpoint", checkpoint},
    {"bench_checkpoint", bench_checkpoint},
    {"audit_state", audit_state},
    {"earlier_audit", earlier_audit},
    {"feature_columns", feature_columns},
    {"compared", compared},
    {"rendered", rendered},
    {"rendered_alignment", rendered_alignment},
    {"activation_file", activation_file},
    {"group_shifts", group_shifts},
    {"groups_npy", groups_npy},
    {"words", words},
    {"law_table", law_table},
    {"prompts", prompts},
    {"lines", lines},
    {"verdicts", verdicts},
    {"feature_list", feature_list},
#ifdef QFA_HAS_TEXT
    {"tokenizer", tokenizer},
    {"text", text},
#endif
#ifdef QFA_HAS_SENTENCEPIECE
    {"sentencepiece", sentencepiece},
#endif
};

}  // namespace qfa_fuzz

#endif
