// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_BPE_HPP
#define QFA_TEXT_BPE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/text/token_words.hpp"

namespace qfa {

/// What differs between tokenizers that merge pairs.
struct bpe_rules {
  bool ignore_merges = false;  ///< a piece that is a word is that one token, whatever the merges make of it (Llama 3)
  bool byte_fallback = false;  ///< a character without a token becomes its bytes, <0x00> to <0xFF> (Llama 2)
  bool fuse_unknown = false;   ///< unknown characters that follow each other are one token
  std::optional<std::uint32_t> unknown{};  ///< the token of what has none
};

/// Byte-pair encoding (Sennrich et al. 2016): a piece of text begins as its characters, and of all neighbors that a
/// merge joins the pair of lowest rank is joined first, the leftmost of equals, until none is left.
///
/// Ties and stale pairs are treated as Hugging Face's tokenizers (0.22, models/bpe/word.rs) treats them: a pair waits
/// under the rank that it had when it came up, and is joined then if what stands there makes the same token.
///
/// n characters take O(n log n).  Between characters that stand side by side in no merged word nothing can be joined,
/// so that a long piece falls into runs there; pieces and runs that come again are remembered.  Not for several threads
/// at once.
class byte_pair_encoder {
 public:
  /// Two tokens that become one.  The rank is the place in the list.
  struct merge {
    std::uint32_t left = 0, right = 0, whole = 0;
  };

  /// A pair that stands in `merges` twice has the later rank, as in the file that it is read from.
  byte_pair_encoder(token_words words, std::span<const merge> merges, bpe_rules rules)
      : words_(std::move(words)), rules_(rules) {
    joins_.reserve(merges.size());
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      joins_[pair_of(merges[rank].left, merges[rank].right)] = {static_cast<std::uint32_t>(rank), merges[rank].whole};
      note_neighbors(words_.word(merges[rank].whole).value_or(""));
    }
    if (!rules_.byte_fallback) return;
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (std::size_t byte = 0; byte < bytes_.size(); ++byte)
      bytes_[byte] = words_.find(std::string("<0x") + digits[byte >> 4U] + digits[byte & 15U] + ">");
  }

  const token_words& words() const noexcept { return words_; }
  const bpe_rules& rules() const noexcept { return rules_; }

  /// Appends the tokens of a piece of UTF-8.  Throws for a character that has neither token nor substitute: to leave it
  /// out, as some tokenizers do, would change the text.
  void operator()(std::string_view piece, std::vector<std::uint32_t>& out) {
    // A run is not a piece of its own, where pieces are looked up before they are merged.
    if (rules_.ignore_merges || piece.size() <= longest_known) return remember(piece, out);
    while (!piece.empty()) {
      const std::size_t length = length_of_run(piece);
      remember(piece.substr(0, length), out);
      piece.remove_prefix(length);
    }
  }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  static constexpr std::size_t longest_known = 256;  // bytes of a piece that is remembered

  void remember(std::string_view piece, std::vector<std::uint32_t>& out) {
    if (piece.empty()) return;
    constexpr std::size_t most_known = std::size_t{1} << 17U;
    const auto known = known_.find(piece);
    if (known != known_.end()) {
      out.insert(out.end(), known->second.begin(), known->second.end());
      return;
    }
    const std::size_t before = out.size();
    encode(piece, out);
    if (piece.size() > longest_known) return;
    if (known_.size() == most_known) known_.clear();
    known_.emplace(piece, std::vector<std::uint32_t>(out.begin() + static_cast<std::ptrdiff_t>(before), out.end()));
  }

  struct join {
    std::uint32_t rank = 0, whole = 0;
  };
  /// A token of the piece, in a list so that joining takes no copying; gone once it is part of another.
  struct symbol {
    std::uint32_t token = 0, previous = none, next = none;
    bool gone = false;
  };
  /// A pair that could be joined, by its left symbol.
  struct candidate {
    std::uint32_t rank = 0, left = 0, whole = 0;
    bool operator>(const candidate& other) const noexcept {
      return std::tie(rank, left) > std::tie(other.rank, other.left);
    }
  };
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  static std::uint64_t pair_of(std::uint32_t left, std::uint32_t right) noexcept {
    return std::uint64_t{left} << 32U | right;
  }

  void encode(std::string_view piece, std::vector<std::uint32_t>& out) {
    if (rules_.ignore_merges)
      if (const auto whole = words_.find(piece)) return out.push_back(*whole);
    spell(piece);
    merge_all();
    if (symbols_.empty()) return;
    for (std::uint32_t at = 0; at != none; at = symbols_[at].next)
      out.push_back(symbols_[at].token);
  }

  static std::size_t length_of_character(std::string_view text) noexcept {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return (std::min)(length, text.size());
  }

  /// A character and the one behind it, as their bytes in UTF-8.
  static std::uint64_t neighbors(std::string_view character, std::string_view next) noexcept {
    std::uint64_t out = 0;
    for (const std::string_view one : {character, next}) {
      std::uint32_t bytes = 0;
      for (const char c : one)
        bytes = bytes << 8U | static_cast<unsigned char>(c);
      out = out << 32U | bytes;
    }
    return out;
  }

  void note_neighbors(std::string_view word) {
    std::string_view character = word.substr(0, word.empty() ? 0 : length_of_character(word));
    for (word.remove_prefix(character.size()); !word.empty(); word.remove_prefix(character.size())) {
      const std::string_view next = word.substr(0, length_of_character(word));
      neighbors_.insert(neighbors(character, next));
      character = next;
    }
  }

  /// The bytes of `piece` up to where nothing can be joined.  Characters without a token stay together, since they may
  /// become one.
  std::size_t length_of_run(std::string_view piece) const {
    std::size_t end = length_of_character(piece);
    std::string_view character = piece.substr(0, end);
    while (end < piece.size()) {
      const std::string_view next = piece.substr(end, length_of_character(piece.substr(end)));
      if (!neighbors_.contains(neighbors(character, next)) && words_.find(character) && words_.find(next)) break;
      end += next.size();
      character = next;
    }
    return end;
  }

  /// The piece's characters as symbols.
  void spell(std::string_view piece) {
    symbols_.clear();
    bool was_unknown = false;
    const auto add = [&](std::uint32_t token) {
      const auto at = static_cast<std::uint32_t>(symbols_.size());
      symbols_.push_back({.token = token, .previous = at == 0 ? none : at - 1, .next = at + 1});
    };
    while (!piece.empty()) {
      const std::string_view character = piece.substr(0, length_of_character(piece));
      piece.remove_prefix(character.size());
      const auto all_bytes = [&] {
        return rules_.byte_fallback && std::ranges::all_of(character, [&](char c) {
                 return bytes_[static_cast<unsigned char>(c)].has_value();
               });
      };
      if (const auto token = words_.find(character)) {
        add(*token);
      } else if (all_bytes()) {
        for (const char c : character)
          add(*bytes_[static_cast<unsigned char>(c)]);
      } else if (rules_.unknown) {
        if (!(rules_.fuse_unknown && was_unknown)) add(*rules_.unknown);
        was_unknown = true;
        continue;
      } else {
        fail(words_.where() + " has no token for the character " + in_quotes(character) +
             ", and neither an unknown token nor tokens of bytes");
      }
      was_unknown = false;
    }
    if (!symbols_.empty()) symbols_.back().next = none;
  }

  void consider(std::uint32_t left) {
    const std::uint32_t right = symbols_[left].next;
    if (right == none) return;
    const auto found = joins_.find(pair_of(symbols_[left].token, symbols_[right].token));
    if (found != joins_.end()) waiting_.push({found->second.rank, left, found->second.whole});
  }

  void merge_all() {
    for (std::uint32_t at = 0; at < symbols_.size(); ++at)
      consider(at);
    while (!waiting_.empty()) {
      const candidate next = waiting_.top();
      waiting_.pop();
      symbol& left = symbols_[next.left];
      if (left.gone || left.next == none) continue;
      symbol& right = symbols_[left.next];
      const auto found = joins_.find(pair_of(left.token, right.token));
      if (found == joins_.end() || found->second.whole != next.whole) continue;
      left.token = next.whole;
      right.gone = true;
      left.next = right.next;
      if (left.next != none) symbols_[left.next].previous = next.left;
      if (left.previous != none) consider(left.previous);
      consider(next.left);
    }
  }

  token_words words_;
  bpe_rules rules_;
  std::array<std::optional<std::uint32_t>, 256> bytes_{};
  std::unordered_map<std::uint64_t, join> joins_;
  std::unordered_set<std::uint64_t> neighbors_;  // characters side by side within merged words
  std::unordered_map<std::string, std::vector<std::uint32_t>, hash, std::equal_to<>> known_;
  std::vector<symbol> symbols_;
  std::priority_queue<candidate, std::vector<candidate>, std::greater<>> waiting_;
};

}  // namespace qfa

#endif
