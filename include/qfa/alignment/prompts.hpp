// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_PROMPTS_HPP
#define QFA_ALIGNMENT_PROMPTS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"

namespace qfa {

/// What a prompt asks for: something that the model should refuse, or not.
enum class prompt_label : std::uint8_t { harmful, harmless };
inline constexpr std::array<std::string_view, 2> prompt_label_names{"harmful", "harmless"};

/// What a prompt is for.  Directions are fitted and layers are chosen on `fit`; thresholds and prescriptions on
/// `calibration`; what is reported is measured on `test`.  A prompt that chose and is then reported would flatter what
/// it chose.
enum class prompt_split : std::uint8_t { fit, calibration, test };
inline constexpr std::array<std::string_view, 3> prompt_split_names{"fit", "calibration", "test"};

struct prompt {
  std::string id{};
  std::string text{};  ///< as the user wrote it; may be empty
  prompt_label label = prompt_label::harmful;
  prompt_split split = prompt_split::test;
  std::vector<std::uint32_t>
      tokens{};  ///< with the chat template, BOS included: the next token is the response's first
};

namespace detail {

/// An order of texts.
struct by_tokens {
  bool operator()(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) const noexcept {
    return std::ranges::lexicographical_compare(a, b);
  }
};

}  // namespace detail

/// Prompts, and how long responses may be.
struct prompt_set {
  std::vector<prompt> prompts{};
  std::optional<std::uint32_t> end{};  ///< ends a response
  std::size_t max_new_tokens = 256;

  /// The places of those with that label and split.
  std::vector<std::size_t> of(prompt_label label, prompt_split split) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < prompts.size(); ++i)
      if (prompts[i].label == label && prompts[i].split == split) out.push_back(i);
    return out;
  }
};

/// Throws, naming `where`, where two prompts have one id, by which verdicts are kept, or where the same tokens stand in
/// two splits.
inline void check_prompts(const prompt_set& set, const std::string& where) {
  std::set<std::string_view> ids;
  std::map<std::span<const std::uint32_t>, const prompt*, detail::by_tokens> known;
  for (const prompt& p : set.prompts) {
    if (!ids.insert(p.id).second) fail(where + " has two prompts with the id " + in_quotes(p.id));
    const auto [same, fresh] = known.try_emplace(p.tokens, &p);
    if (!fresh && same->second->split != p.split)
      fail("prompt " + in_quotes(p.id) + " in " + where + " is prompt " + in_quotes(same->second->id) +
           " of another split: what is reported must not have chosen anything");
  }
}

namespace detail {

template <class Enum, std::size_t N>
Enum one_of(const json_fields& fields, std::string_view field, const std::array<std::string_view, N>& names,
            const std::string& place) {
  const std::string word = fields.needed_text(field);
  std::string known;
  for (std::size_t i = 0; i < N; ++i) {
    if (word == names[i]) return static_cast<Enum>(i);
    known += (i == 0 ? "" : " or ") + std::string(names[i]);
  }
  fail(place + " has the " + std::string(field) + " " + in_quotes(word) + ", expected " + known);
}

inline std::uint32_t token_of(const json& value, std::size_t vocabulary, const std::string& place) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= vocabulary)
    fail(place + " holds " + value.dump() + ", expected a token below " + std::to_string(vocabulary));
  return value.get<std::uint32_t>();
}

}  // namespace detail

/// Makes a prompt's tokens of its text: the chat template and BOS are its part.
using prompt_encoder = std::function<std::vector<std::uint32_t>(std::string_view text)>;

/// A prompt's text within what a chat puts around it: the one "{}" of `wrapping` is where the text goes, and all else
/// stands as it is.  No template language.  Throws unless there is one "{}".
inline std::string wrapped_prompt(std::string_view wrapping, std::string_view text) {
  constexpr std::string_view place = "{}";
  const std::size_t at = wrapping.find(place);
  if (at == std::string_view::npos || wrapping.find(place, at + 1) != std::string_view::npos)
    fail("a prompt template should have one {} in it, where the prompt's text goes, not " + in_quotes(wrapping));
  return std::string(wrapping.substr(0, at)).append(text).append(wrapping.substr(at + place.size()));
}

/// The split of the prompt at a place in a list that says none: of any ten in a row 5 test, 3 fit and 2 calibrate,
/// taken in turn, so that every beginning of a list has some of each.  Where two lists are dealt, the prompts at one
/// place come into one split, as twins must.
constexpr prompt_split dealt_split(std::size_t place) noexcept {
  constexpr std::array<prompt_split, 10> turn{
      prompt_split::test, prompt_split::fit,  prompt_split::test,        prompt_split::calibration, prompt_split::test,
      prompt_split::fit,  prompt_split::test, prompt_split::calibration, prompt_split::test,        prompt_split::fit};
  return turn[place % turn.size()];
}

namespace detail {

inline std::vector<std::uint32_t> encoded_prompt(const prompt_encoder& encode, std::string_view text,
                                                 std::size_t vocabulary, const std::string& place) {
  std::vector<std::uint32_t> out = encode(text);
  if (out.empty()) fail(place + " has no token, expected at least one");
  for (const std::uint32_t token : out)
    if (token >= vocabulary)
      fail(place + " has the token " + std::to_string(token) + " by its tokenizer, expected one below " +
           std::to_string(vocabulary));
  return out;
}

}  // namespace detail

/// Puts texts that are one label's behind the others, dealt into splits by their places in `texts`, with the ids
/// "harmful-1", "harmful-2", ...  Throws, naming the prompt and `where`, for one without a token, or with one beyond
/// the vocabulary.  `check_prompts` is left to the caller, who may add another list.
inline void deal_prompts(prompt_set& set, prompt_label label, std::span<const std::string> texts,
                         const prompt_encoder& encode, std::size_t vocabulary, const std::string& where) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    prompt next{.id = std::string(prompt_label_names[static_cast<std::size_t>(label)]) + "-" + std::to_string(i + 1),
                .text = texts[i],
                .label = label,
                .split = dealt_split(i)};
    next.tokens =
        detail::encoded_prompt(encode, next.text, vocabulary, "prompt " + in_quotes(next.id) + " in " + where);
    set.prompts.push_back(std::move(next));
  }
}

/// Reads
///
///   {"format": "qfa-prompts-1", "end_of_response": 5, "max_new_tokens": 24, "prompts": [
///     {"id": "h1", "label": "harmful", "split": "test", "text": "how do i ...", "tokens": [0, 17, ...]}, ...]}
///
/// where end_of_response and max_new_tokens (256) may be left out, and one of text and tokens: what has no tokens is
/// encoded, where there is an encoder.  Throws, naming the prompt, for a token beyond the vocabulary, an id that comes
/// twice, and a prompt that stands in two splits.
inline prompt_set read_prompts(const std::filesystem::path& path, std::size_t vocabulary,
                               const prompt_encoder& encode = {}) {
  const json file = read_json(path);
  const std::string where = in_quotes(path.string());
  const json_fields fields(file, where);
  if (const std::string format = fields.needed_text("format"); format != "qfa-prompts-1")
    fail(where + " is of the format " + in_quotes(format) + ", expected \"qfa-prompts-1\"");
  prompt_set out;
  if (const auto length = fields.size("max_new_tokens")) out.max_new_tokens = *length;
  if (out.max_new_tokens == 0) fail(where + "'s max_new_tokens is 0, expected at least 1: a response has words");
  if (const json* const end = fields.find("end_of_response"))
    out.end = detail::token_of(*end, vocabulary, where + "'s end_of_response");
  const json* const list = fields.find("prompts");
  if (list == nullptr || !list->is_array()) fail(where + " should have \"prompts\", a list of them");
  for (const json& entry : *list) {
    const json_fields one(entry, where + "'s prompt " + std::to_string(out.prompts.size()));
    prompt next{.id = one.needed_text("id"), .text = one.text("text").value_or("")};
    const std::string place = "prompt " + in_quotes(next.id) + " in " + where;
    next.label = detail::one_of<prompt_label>(one, "label", prompt_label_names, place);
    next.split = detail::one_of<prompt_split>(one, "split", prompt_split_names, place);
    const json* const tokens = one.find("tokens");
    if (tokens == nullptr && encode && one.contains("text")) {
      next.tokens = detail::encoded_prompt(encode, next.text, vocabulary, place);
    } else {
      if (tokens == nullptr || !tokens->is_array() || tokens->empty())
        fail(place + " should have \"tokens\", a list of at least one");
      for (const json& token : *tokens)
        next.tokens.push_back(detail::token_of(token, vocabulary, place));
    }
    out.prompts.push_back(std::move(next));
  }
  check_prompts(out, where);
  return out;
}

}  // namespace qfa

#endif
