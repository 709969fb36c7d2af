// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_ADDED_TOKENS_HPP
#define QFA_TEXT_ADDED_TOKENS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/text/unicode.hpp"

namespace qfa {

/// A token that is found in a text before anything else happens to it: "<|endoftext|>", or a run of spaces.
struct added_token {
  std::uint32_t id = 0;
  std::string content;
  bool single_word = false;  ///< not within a word
  bool lstrip = false;       ///< takes the white space before it
  bool rstrip = false;       ///< and behind it
  bool normalized = false;   ///< is found in the normalized text, and as the normalizer writes it
  bool special = false;      ///< stands for no text
};

inline added_token read_added_token(const json& described, const std::string& where) {
  const json_fields fields(described, where);
  added_token out{.id = static_cast<std::uint32_t>((std::min)(fields.needed_size("id"), std::size_t{0xffffffff})),
                  .content = fields.needed_text("content"),
                  .single_word = fields.flag("single_word").value_or(false),
                  .lstrip = fields.flag("lstrip").value_or(false),
                  .rstrip = fields.flag("rstrip").value_or(false),
                  .special = fields.flag("special").value_or(false)};
  out.normalized = fields.flag("normalized").value_or(!out.special);
  return out;
}

/// Finds added tokens in texts: of those that match, the one that begins first, and of these the longest.
class added_token_finder {
 public:
  /// Looks for `as_written` from now on.  An empty one is left out.
  void add(const added_token& token, std::string_view as_written) {
    if (as_written.empty()) return;
    begins_[static_cast<unsigned char>(as_written.front())] = true;
    longest_ = (std::max)(longest_, as_written.size());
    std::size_t node = 0;
    for (const char c : as_written) {
      const auto [child, is_new] = nodes_[node].children.try_emplace(c, nodes_.size());
      const std::size_t next = child->second;  // before nodes_ grows and moves it
      if (is_new) nodes_.emplace_back();
      node = next;
    }
    nodes_[node].token = tokens_.size();
    tokens_.push_back(token);
  }

  bool empty() const noexcept { return tokens_.empty(); }

  /// Calls `text_between(begin, end)` and `found(token)` in the order of the text, which must be UTF-8.
  template <class Between, class Found>
  void operator()(std::string_view text, Between text_between, Found found) const {
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size() && !empty();) {
      if (!begins_[static_cast<unsigned char>(text[at])]) {
        ++at;
        continue;
      }
      const auto [token, length] = longest_at(text, at);
      if (token == nullptr) {
        ++at;
        continue;
      }
      std::size_t begin = at, end = at + length;
      at = end;
      if (token->single_word && (word_before(text, begin) || word_after(text, end))) continue;
      if (token->lstrip) begin = white_space_before(text, begin);
      if (token->rstrip) end = white_space_after(text, end);
      if (begin > done) text_between(done, begin);  // not where an earlier token took the white space
      found(*token);
      done = (std::max)(done, end);
    }
    if (done < text.size()) text_between(done, text.size());
  }

 private:
  struct branch {
    std::map<char, std::size_t> children;
    std::optional<std::size_t> token;
  };

  std::pair<const added_token*, std::size_t> longest_at(std::string_view text, std::size_t at) const {
    std::pair<const added_token*, std::size_t> best{nullptr, 0};
    std::size_t node = 0;
    for (std::size_t i = at; i < text.size() && i - at < longest_; ++i) {
      const auto child = nodes_[node].children.find(text[i]);
      if (child == nodes_[node].children.end()) break;
      node = child->second;
      if (nodes_[node].token) best = {&tokens_[*nodes_[node].token], i + 1 - at};
    }
    return best;
  }

  std::vector<added_token> tokens_;
  std::vector<branch> nodes_{1};
  std::array<bool, 256> begins_{};
  std::size_t longest_ = 0;
};

}  // namespace qfa

#endif
