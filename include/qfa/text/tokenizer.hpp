// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_TOKENIZER_HPP
#define QFA_TEXT_TOKENIZER_HPP

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
};

namespace detail {

template <class Tokenizer>
tokenizer any_tokenizer(std::string kind, const std::filesystem::path& file, Tokenizer made) {
  const auto shared = std::make_shared<Tokenizer>(std::move(made));
  return {.kind = std::move(kind),
          .file = file,
          .size = shared->size(),
          .encode = [shared](std::string_view text, std::vector<std::uint32_t>& out) { shared->encode(text, out); },
          .decode = [shared](std::span<const std::uint32_t> ids) { return shared->decode(ids); },
          .find = [shared](std::string_view word) { return shared->find(word); }};
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
