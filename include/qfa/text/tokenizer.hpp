// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_TOKENIZER_HPP
#define QFA_TEXT_TOKENIZER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/text/tokenizer_json.hpp"
#ifdef QFA_HAS_SENTENCEPIECE
#include "qfa/text/sentencepiece.hpp"
#endif

namespace qfa {

/// What turns text into a model's tokens: its own, or whatever a caller puts into these members.  Nothing is put around
/// a text here: neither BOS nor EOS.
struct tokenizer {
  std::string kind;                                                             ///< for reports
  std::filesystem::path file{};                                                 ///< that it was read from
  std::size_t size = 0;                                                         ///< one more than the largest id
  std::function<void(std::string_view, std::vector<std::uint32_t>&)> encode{};  ///< appends the tokens of a text
  std::function<std::string(std::span<const std::uint32_t>)> decode{};          ///< the bytes that tokens stand for
  std::function<std::optional<std::uint32_t>(std::string_view)> find{};         ///< a word's id
  std::function<std::optional<std::string>(std::uint32_t)> word{};              ///< an id's word
};

/// The bytes that any ids stand for: "<id>" for each that has no word, as the last rows of a vocabulary that was padded
/// have none.  What stands before and behind one is decoded by itself.
inline std::string decode_any(const tokenizer& words, std::span<const std::uint32_t> ids) {
  std::string out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (words.word(ids[i])) continue;
    if (i > begin) out += words.decode(ids.subspan(begin, i - begin));
    out += "<" + std::to_string(ids[i]) + ">";
    begin = i + 1;
  }
  if (begin < ids.size()) out += words.decode(ids.subspan(begin));
  return out;
}

/// What looks like a special token in a text and is none there: a word such as "<s>" that the text's tokens do not
/// have, as SentencePiece finds no control symbols in texts, and "<|user|>" where there is no such word.
inline std::vector<std::string> marks_read_as_text(const tokenizer& words, std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t end = text.find('>'); end != std::string_view::npos; end = text.find('>', end + 1)) {
    const std::size_t begin = text.substr(0, end).rfind('<');
    if (begin == std::string_view::npos) continue;
    const std::string mark(text.substr(begin, end + 1 - begin));
    const std::optional<std::uint32_t> id = words.find(mark);
    if (!id && !(mark.starts_with("<|") && mark.ends_with("|>"))) continue;
    std::vector<std::uint32_t> read;
    words.encode(mark, read);
    const bool found = id && std::ranges::find(read, *id) != read.end();
    if (!found && std::ranges::find(out, mark) == out.end()) out.push_back(mark);
  }
  return out;
}

namespace detail {

template <class Tokenizer>
tokenizer any_tokenizer(std::string kind, const std::filesystem::path& file, Tokenizer made) {
  const auto shared = std::make_shared<Tokenizer>(std::move(made));
  return {.kind = std::move(kind),
          .file = file,
          .size = shared->size(),
          .encode = [shared](std::string_view text, std::vector<std::uint32_t>& out) { shared->encode(text, out); },
          .decode = [shared](std::span<const std::uint32_t> ids) { return shared->decode(ids); },
          .find = [shared](std::string_view word) { return shared->find(word); },
          .word = [shared](std::uint32_t id) -> std::optional<std::string> { return shared->word(id); }};
}

}  // namespace detail

/// Reads a tokenizer: a file tokenizer.json or tokenizer.model, or the first of the two that a directory has.  Throws
/// where there is none, and for a SentencePiece model in a build without qfa::sentencepiece.
inline tokenizer open_tokenizer(const std::filesystem::path& path) {
  std::filesystem::path file = path;
  if (path_is_directory(path)) {
    file = path / "tokenizer.json";
    if (!path_exists(file)) file = path / "tokenizer.model";
    if (!path_exists(file))
      fail(in_quotes(path) + " has neither a tokenizer.json nor a tokenizer.model: give tokens, or another tokenizer");
  }
  if (!path_exists(file)) fail("there is no tokenizer " + in_quotes(file));
  if (file.extension() == ".json") {
    json_tokenizer made(file);
    const char* const kind = made.byte_level() ? "byte-level BPE" : "BPE over characters";
    return detail::any_tokenizer(kind, file, std::move(made));
  }
  if (file.extension() != ".model")
    fail(in_quotes(file) + " is no tokenizer that is known here: a tokenizer.json or a SentencePiece tokenizer.model");
#ifdef QFA_HAS_SENTENCEPIECE
  return detail::any_tokenizer("SentencePiece", file, sentencepiece_tokenizer(file));
#else
  fail(in_quotes(file) + " is a SentencePiece model, and qfa was built without SentencePiece (libsentencepiece-dev)");
#endif
}

}  // namespace qfa

#endif
