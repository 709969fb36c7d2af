// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_TOKENIZER_JSON_HPP
#define QFA_TEXT_TOKENIZER_JSON_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/text/added_tokens.hpp"
#include "qfa/text/bpe.hpp"
#include "qfa/text/byte_alphabet.hpp"
#include "qfa/text/normalizer.hpp"
#include "qfa/text/pre_tokenizer.hpp"
#include "qfa/text/read_bpe.hpp"
#include "qfa/text/unicode.hpp"

namespace qfa {

/// The tokenizer of a tokenizer.json (Hugging Face's tokenizers 0.22), as far as BPE goes: byte-level as of GPT-2,
/// Pythia, Llama 3 and Qwen, or over characters with bytes to fall back on, as Llama 2, Mistral and Gemma are stored.
///
/// Its post-processor is left alone, which puts BOS and the like around a text, as are truncation and padding: the ids
/// are those of `encode(text, add_special_tokens=False)`.  Added tokens are found in the text as they are there.
/// Not for several threads at once.
class json_tokenizer {
 public:
  /// Throws, naming `where`, for parts that are not known.
  json_tokenizer(const json& described, const std::string& where)
      : json_tokenizer(described, read_added(described, where), where) {}

  explicit json_tokenizer(const std::filesystem::path& file) : json_tokenizer(read_json(file), in_quotes(file)) {}

  /// Appends the tokens of a text.  Throws where it is not UTF-8.
  void encode(std::string_view text, std::vector<std::uint32_t>& out) {
    if (const std::size_t bad = first_invalid_utf8(text); bad != text.size())
      fail("text is not UTF-8 at byte " + std::to_string(bad));
    raw_(
        text,
        [&](std::size_t begin, std::size_t end) { encode_between(text.substr(begin, end - begin), begin == 0, out); },
        [&](const added_token& token) { out.push_back(token.id); });
  }

  /// The bytes that tokens stand for.  Where the tokenizer puts a space before a text, that is left out again; where it
  /// drops what stands between words and has no decoder, there is a space between tokens, as Hugging Face's tokenizers
  /// put one.  Throws for an id without a word.
  std::string decode(std::span<const std::uint32_t> ids) const {
    std::string out;
    for (const std::uint32_t id : ids) {
      if (spaced_ && !out.empty()) out += ' ';
      out += bytes_of(id);
    }
    if ((normalize_.prepends() || cut_.prepends()) && out.starts_with(' ')) out.erase(0, 1);
    return out;
  }

  std::optional<std::uint32_t> find(std::string_view word) const { return merge_.words().find(word); }
  const std::optional<std::string>& word(std::uint32_t id) const { return merge_.words().word(id); }

  /// One more than the largest id.
  std::size_t size() const noexcept { return merge_.words().size(); }
  bool byte_level() const noexcept { return cut_.byte_level(); }

 private:
  json_tokenizer(const json& described, std::vector<added_token> added, const std::string& where)
      : merge_(read_bpe(model_of(described, where), words_of(added, where))) {
    const json_fields fields(described, where);
    if (const json* const steps = fields.find("normalizer")) normalize_ = normalizer(*steps, where);
    if (const json* const steps = fields.find("pre_tokenizer")) cut_ = pre_tokenizer(*steps, where);
    spaced_ = cut_.drops() && !cut_.byte_level() && !fields.contains("decoder");
    for (const added_token& token : added) {
      added_.emplace(token.id, token.content);
      if (token.normalized)
        in_normalized_.add(token, normalize_(token.content));
      else
        raw_.add(token, token.content);
    }
  }

  static const json& model_of(const json& described, const std::string& where) {
    if (!described.is_object() || !described.contains("model")) fail(where + " should have a \"model\"");
    return described.at("model");
  }

  static std::vector<added_token> read_added(const json& described, const std::string& where) {
    std::vector<added_token> out;
    const json* const list = json_fields(described, where).find("added_tokens");
    if (list == nullptr) return out;
    if (!list->is_array()) fail("\"added_tokens\" in " + where + " should be an array");
    for (const json& one : *list)
      out.push_back(read_added_token(one, where));
    return out;
  }

  static token_words words_of(const std::vector<added_token>& added, const std::string& where) {
    token_words out(where);
    for (const added_token& token : added)
      out.add(token.content, token.id);
    return out;
  }

  void encode_between(std::string_view text, bool first, std::vector<std::uint32_t>& out) {
    const auto encode_pieces = [&](std::string_view part, bool begins) {
      cut_(part, begins, [&](std::string_view piece) {
        if (cut_.byte_level())
          merge_(byte_alphabet::write(piece), out);
        else
          merge_(piece, out);
      });
    };
    const std::string written = normalize_.empty() ? std::string() : normalize_(text);
    const std::string_view now = normalize_.empty() ? text : std::string_view(written);
    in_normalized_(
        now,
        [&](std::size_t begin, std::size_t end) { encode_pieces(now.substr(begin, end - begin), first && begin == 0); },
        [&](const added_token& token) { out.push_back(token.id); });
  }

  std::string bytes_of(std::uint32_t id) const {
    if (const auto added = added_.find(id); added != added_.end()) return added->second;
    const auto& word = merge_.words().word(id);
    if (!word) fail(merge_.words().where() + " has no token " + std::to_string(id));
    if (cut_.byte_level()) return byte_alphabet::read(*word).value_or(*word);
    if (const auto byte = byte_token(*word)) return std::string(1, *byte);
    std::string out;
    for (std::size_t at = 0; at < word->size();) {
      const bool mark = std::string_view(*word).substr(at).starts_with(space_mark);
      out += mark ? ' ' : (*word)[at];
      at += mark ? space_mark.size() : 1;
    }
    return out;
  }

  /// The byte of "<0x0A>", where such tokens stand for bytes.
  std::optional<char> byte_token(std::string_view word) const {
    if (!merge_.rules().byte_fallback || word.size() != 6 || !word.starts_with("<0x") || word[5] != '>')
      return std::nullopt;
    constexpr std::string_view digits = "0123456789ABCDEF";
    const std::size_t high = digits.find(word[3]), low = digits.find(word[4]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    return static_cast<char>(16 * high + low);
  }

  static constexpr std::string_view space_mark = "\u2581";

  byte_pair_encoder merge_;
  normalizer normalize_;
  pre_tokenizer cut_;
  added_token_finder raw_, in_normalized_;
  std::unordered_map<std::uint32_t, std::string> added_;
  bool spaced_ = false;  // words come back with spaces between them
};

}  // namespace qfa

#endif
