// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_TEXT_POSITION_HPP
#define QFA_ALIGNMENT_TEXT_POSITION_HPP

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "qfa/core/error.hpp"

namespace qfa {

/// Tokens [first, last) of a text.
struct token_span {
  std::size_t first = 0, last = 0;

  std::size_t size() const noexcept { return last - first; }
  bool operator==(const token_span&) const = default;
};

/// What a position is counted from: the last token of the prompt, or the first one.
enum class position_origin : std::uint8_t { prompt_end, prompt_start };
inline constexpr std::array<std::string_view, 2> position_origin_names{"prompt_end", "prompt_start"};
constexpr const auto& names_of(position_origin) noexcept { return position_origin_names; }

/// Which tokens of a text, a prompt and what follows it, stand for the prompt: one, or several whose mean counts.
struct text_position {
  position_origin origin = position_origin::prompt_end;
  std::ptrdiff_t offset = 0;  ///< from the origin to the last token that counts
  std::size_t count = 1;      ///< tokens up to that one

  /// Those tokens of a text of `prompt` tokens and `response` tokens behind them.  Throws where the text has not all of
  /// them.
  token_span tokens_of(std::size_t prompt, std::size_t response = 0) const {
    require(count > 0, "a position needs at least one token");
    const auto start = origin == position_origin::prompt_end ? static_cast<std::ptrdiff_t>(prompt) - 1 : 0;
    const std::ptrdiff_t end = start + offset + 1;
    if (prompt == 0 || end < static_cast<std::ptrdiff_t>(count) || end > static_cast<std::ptrdiff_t>(prompt + response))
      fail("a text of " + std::to_string(prompt) + " prompt and " + std::to_string(response) +
           " response tokens has not all of the " + std::to_string(count) + " up to that " + std::to_string(offset) +
           " from the prompt's " + (origin == position_origin::prompt_end ? "last" : "first"));
    return {static_cast<std::size_t>(end) - count, static_cast<std::size_t>(end)};
  }

  auto operator<=>(const text_position&) const = default;
};

/// The prompt's last token, or the one so many before it.
constexpr text_position last_token(std::size_t before = 0) noexcept {
  return {.offset = -static_cast<std::ptrdiff_t>(before)};
}
/// The mean over the prompt's last tokens.
constexpr text_position mean_of_last(std::size_t count) noexcept { return {.count = count}; }
/// The token at this place, of every prompt.
constexpr text_position token_at(std::size_t place) noexcept {
  return {.origin = position_origin::prompt_start, .offset = static_cast<std::ptrdiff_t>(place)};
}
/// The token of this place in the response, the first being 0.
constexpr text_position response_token(std::size_t place = 0) noexcept {
  return {.offset = static_cast<std::ptrdiff_t>(place) + 1};
}

}  // namespace qfa

#endif
