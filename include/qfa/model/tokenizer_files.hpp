// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_TOKENIZER_FILES_HPP
#define QFA_MODEL_TOKENIZER_FILES_HPP

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "qfa/io/file.hpp"
#include "qfa/io/gguf.hpp"
#include "qfa/io/json.hpp"
#include "qfa/model/config.hpp"

// What the files of a tokenizer say besides how a text is cut: which tokens begin and end it, and whether a chat stands
// around it.  A place is a directory of Hugging Face's layout, or a GGUF file where that is said.

namespace qfa {

namespace detail {

/// The value at a key of tokenizer_config.json; null where there is no such file, no object in it or no such key.
inline json tokenizer_setting(const std::filesystem::path& directory, const char* key) {
  const std::filesystem::path file = directory / "tokenizer_config.json";
  if (!path_exists(file)) return nullptr;
  const json config = read_json(file);
  return config.is_object() && config.contains(key) ? config.at(key) : json(nullptr);
}

/// Whether a post-processor of tokenizer.json, or one of its parts, puts a special token before a text.
inline bool begins_with_special(const json& step) {
  if (!step.is_object()) return false;
  if (step.contains("processors") && step.at("processors").is_array())
    return std::any_of(step.at("processors").begin(), step.at("processors").end(), begins_with_special);
  if (!step.contains("single") || !step.at("single").is_array() || step.at("single").empty()) return false;
  return step.at("single").front().is_object() && step.at("single").front().contains("SpecialToken");
}

}  // namespace detail

/// A token that tokenizer_config.json names ("bos_token", "eos_token"), which is a string or an object around one.
/// Throws where the file is no JSON.
inline std::optional<std::string> configured_token(const std::filesystem::path& directory, const char* key) {
  const json token = detail::tokenizer_setting(directory, key);
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token.at("content").is_string())
    return token.at("content").get<std::string>();
  return std::nullopt;
}

/// Whether a place has a chat template of its own: chat_template.jinja, chat_template in tokenizer_config.json, or
/// tokenizer.chat_template in a GGUF file.  Throws where such a file cannot be read.
inline bool has_chat_template(const std::filesystem::path& place) {
  if (path_exists(place) && !path_is_directory(place)) return gguf(place).find("tokenizer.chat_template") != nullptr;
  return path_exists(place / "chat_template.jinja") || !detail::tokenizer_setting(place, "chat_template").is_null();
}

/// Whether a model's tokenizer begins every text with BOS: by add_bos_token in tokenizer_config.json or
/// tokenizer.ggml.add_bos_token in a GGUF file, else by a special token that stands first in tokenizer.json's
/// post_processor, and always for Gemma 2.  False where nothing says so.  Throws where such a file cannot be read.
inline bool expects_bos(const std::filesystem::path& place, const model_config& config) {
  if (config.family == model_family::gemma2) return true;
  if (!path_is_directory(place)) {
    const gguf file(place);
    const gguf_value* const adds = file.find("tokenizer.ggml.add_bos_token");
    return adds != nullptr && adds->truth().value_or(false);
  }
  if (const json adds = detail::tokenizer_setting(place, "add_bos_token"); adds.is_boolean()) return adds.get<bool>();
  const std::filesystem::path file = place / "tokenizer.json";
  if (!path_exists(file)) return false;
  const json tokenizer = read_json(file);
  return tokenizer.is_object() && tokenizer.contains("post_processor") &&
         detail::begins_with_special(tokenizer.at("post_processor"));
}

}  // namespace qfa

#endif
