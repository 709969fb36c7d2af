// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_VOCABULARY_HPP
#define QFA_MODEL_VOCABULARY_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/trimmed.hpp"

namespace qfa {

/// The words of a model's tokens, to read what it says.
///
/// Where words carry marks for a space before them, as SentencePiece's (U+2581) and byte-level BPE's (U+0120) do, they
/// are put together by these; else with a space between any two.  Byte-level BPE's line break (U+010A) becomes one;
/// its other escaped bytes stay escaped, which a judge of English words does not notice.
class vocabulary {
 public:
  vocabulary() = default;
  /// Words by id; an empty one is an id without a word.
  explicit vocabulary(std::vector<std::string> words) : words_(std::move(words)) {
    marked_ = std::ranges::any_of(words_, [](const std::string& word) {
      return word.find(piece_mark) != std::string::npos || word.find(byte_mark) != std::string::npos;
    });
  }

  /// From `vocab.json`, {"word": id}.  Throws where an id is no whole number or comes twice.
  static vocabulary read(const std::filesystem::path& path) {
    const json words = read_json(path);
    const std::string where = in_quotes(path.string());
    if (!words.is_object()) fail(where + " should be an object of words and their ids");
    std::vector<std::string> by_id;
    std::vector<bool> known;
    for (const auto& [word, id] : words.items()) {
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= most_ids)
        fail("the id of " + in_quotes(word) + " in " + where + " should be a whole number below " +
             std::to_string(most_ids));
      const auto i = id.get<std::size_t>();
      if (i >= known.size()) {
        known.resize(i + 1, false);
        by_id.resize(i + 1);
      }
      if (known[i])
        fail(where + " gives the id " + std::to_string(i) + " to two words, one of them " + in_quotes(word));
      known[i] = true;
      by_id[i] = word;
    }
    return vocabulary(std::move(by_id));
  }

  /// One more than the largest id.
  std::size_t size() const noexcept { return words_.size(); }

  /// What the tokens say, without blanks at its ends.  An id without a word reads "<id>".
  std::string text(std::span<const std::uint32_t> ids) const {
    std::string out;
    for (const std::uint32_t id : ids) {
      if (!marked_ && !out.empty()) out += ' ';
      out += id < words_.size() && !words_[id].empty() ? words_[id] : "<" + std::to_string(id) + ">";
    }
    if (marked_) {
      replace_all(out, piece_mark, " ");
      replace_all(out, byte_mark, " ");
      replace_all(out, byte_break, "\n");
    }
    return std::string(trimmed(out));
  }

 private:
  static constexpr std::size_t most_ids = 1'000'000;  // four times what any model has: a lone id costs as much memory
  static constexpr std::string_view piece_mark = "\u2581", byte_mark = "\u0120", byte_break = "\u010A";

  static void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }

  std::vector<std::string> words_;
  bool marked_ = false;
};

}  // namespace qfa

#endif
