// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_SENTENCEPIECE_HPP
#define QFA_TEXT_SENTENCEPIECE_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sentencepiece_processor.h>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/text/unicode.hpp"

namespace qfa {

/// A tokenizer.model of SentencePiece (Kudo and Richardson 2018), BPE or unigram, by its own library: the target
/// qfa::sentencepiece brings it.
///
/// Control symbols such as <s> are not found in texts, and none are put around them.
class sentencepiece_tokenizer {
 public:
  /// Throws where the file cannot be read, or is no SentencePiece model.
  explicit sentencepiece_tokenizer(const std::filesystem::path& file)
      : where_(in_quotes(file)), model_(std::make_shared<sentencepiece::SentencePieceProcessor>()) {
    const file_bytes bytes(file);
    // A protobuf of no fields is valid, and the library would abort for want of a vocabulary.
    if (bytes.bytes().empty()) fail(where_ + " is empty, expected a SentencePiece model");
    std::string wrong;
    try {
      const auto loaded = model_->LoadFromSerializedProto(bytes.text());
      if (loaded.ok()) return;
      wrong = reason(loaded.message());
    } catch (const std::exception& e) {  // from Darts-clone, of a unigram piece that is empty
      wrong = reason(e.what());
    }
    fail(where_ + " is no SentencePiece model" + wrong);
  }

  /// Appends the tokens of a text.  Throws where it is not UTF-8, which the library would change.
  void encode(std::string_view text, std::vector<std::uint32_t>& out) const {
    if (const std::size_t bad = first_invalid_utf8(text); bad != text.size())
      fail("text is not UTF-8 at byte " + std::to_string(bad));
    std::vector<int> ids;
    if (const auto done = model_->Encode(text, &ids); !done.ok())
      fail("SentencePiece cannot encode by " + where_ + reason(done.message()));
    for (const int id : ids)
      out.push_back(static_cast<std::uint32_t>(id));
  }

  /// The text that tokens stand for.  Throws for a token beyond the vocabulary.
  std::string decode(std::span<const std::uint32_t> ids) const {
    std::vector<int> numbers;
    for (const std::uint32_t id : ids) {
      if (id >= size()) fail(where_ + " has no token " + std::to_string(id));
      numbers.push_back(static_cast<int>(id));
    }
    std::string out;
    if (const auto done = model_->Decode(numbers, &out); !done.ok())
      fail("SentencePiece cannot decode by " + where_ + reason(done.message()));
    return out;
  }

  /// The id of a piece, control symbols among them.
  std::optional<std::uint32_t> find(std::string_view piece) const {
    const int id = model_->PieceToId(piece);
    return model_->IdToPiece(id) == piece ? std::optional(static_cast<std::uint32_t>(id)) : std::nullopt;
  }

  std::optional<std::string> word(std::uint32_t id) const {
    return id < size() ? std::optional(model_->IdToPiece(static_cast<int>(id))) : std::nullopt;
  }

  /// One more than the largest id.
  std::size_t size() const { return static_cast<std::size_t>(model_->GetPieceSize()); }

 private:
  /// What the library says was wrong, as the end of a sentence: without the place in its sources that stands before.
  static std::string reason(std::string_view said) {
    const std::size_t place = said.find("] ");
    if (place != std::string_view::npos) said.remove_prefix(place + 2);
    said = said.substr(0, said.find('\n'));
    return said.empty() ? std::string() : ": " + std::string(said);
  }

  std::string where_;
  std::shared_ptr<sentencepiece::SentencePieceProcessor> model_;  // does not move
};

}  // namespace qfa

#endif
