// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_TOKEN_WORDS_HPP
#define QFA_TEXT_TOKEN_WORDS_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// The words of a tokenizer and their ids, both ways.
class token_words {
 public:
  /// More ids than any model has, and few enough that a file that names one of them does not take a machine's memory.
  static constexpr std::size_t most_ids = 4'000'000;

  /// `where` names the file in sentences.
  explicit token_words(std::string where = {}) : where_(std::move(where)) {}

  /// Throws for an id that is too large, and for a word or an id that is known with another partner.
  void add(std::string_view word, std::uint64_t id) {
    if (id >= most_ids)
      fail(where_ + " gives " + in_quotes(word) + " the id " + std::to_string(id) + ", expected one below " +
           std::to_string(most_ids));
    const auto [entry, is_new] = ids_.try_emplace(std::string(word), static_cast<std::uint32_t>(id));
    if (!is_new && entry->second != id)
      fail(where_ + " gives " + in_quotes(word) + " two ids, " + std::to_string(entry->second) + " and " +
           std::to_string(id));
    if (!is_new) return;
    if (id >= words_.size()) words_.resize(static_cast<std::size_t>(id) + 1);
    if (words_[id])
      fail(where_ + " gives the id " + std::to_string(id) + " to two words, one of them " + in_quotes(word));
    words_[id] = word;
  }

  std::optional<std::uint32_t> find(std::string_view word) const {
    const auto entry = ids_.find(word);
    return entry == ids_.end() ? std::nullopt : std::optional(entry->second);
  }

  /// The word of an id that has one.
  const std::optional<std::string>& word(std::uint32_t id) const {
    static const std::optional<std::string> none;
    return id < words_.size() ? words_[id] : none;
  }

  /// One more than the largest id.
  std::size_t size() const noexcept { return words_.size(); }

  const std::string& where() const noexcept { return where_; }

 private:
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  std::string where_;
  std::unordered_map<std::string, std::uint32_t, hash, std::equal_to<>> ids_;
  std::vector<std::optional<std::string>> words_;
};

}  // namespace qfa

#endif
