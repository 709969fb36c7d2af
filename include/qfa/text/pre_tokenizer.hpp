// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_PRE_TOKENIZER_HPP
#define QFA_TEXT_PRE_TOKENIZER_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/text/normalizer.hpp"
#include "qfa/text/unicode.hpp"

namespace qfa {

/// What becomes of the places where a text is cut.
enum class cut_behavior : std::uint8_t { removed, isolated, merged_with_previous, merged_with_next, contiguous };
inline constexpr std::array<std::string_view, 5> cut_behavior_names{"Removed", "Isolated", "MergedWithPrevious",
                                                                    "MergedWithNext", "Contiguous"};

namespace detail {

/// A run of a text that a pattern matches, or that lies between its matches.
struct cut_run {
  std::size_t begin = 0, end = 0;
  bool match = false;
};

/// The runs of a text as `behavior` leaves them, none of them empty.  Of matches that touch, only the first joins its
/// neighbor.
inline std::vector<cut_run> pieces_of_runs(const std::vector<cut_run>& runs, cut_behavior behavior) {
  std::vector<cut_run> out;
  bool was_match = false;
  const auto join = [&](const cut_run& run) {
    const bool joins = behavior == cut_behavior::contiguous ? run.match == was_match : run.match && !was_match;
    if (joins && !out.empty()) {
      out.back().begin = (std::min)(out.back().begin, run.begin);
      out.back().end = (std::max)(out.back().end, run.end);
    } else {
      out.push_back(run);
    }
    was_match = run.match;
  };
  switch (behavior) {
    case cut_behavior::removed:
      std::ranges::copy_if(runs, std::back_inserter(out), [](const cut_run& run) { return !run.match; });
      break;
    case cut_behavior::isolated:
      out = runs;
      break;
    case cut_behavior::merged_with_previous:
    case cut_behavior::contiguous:
      for (const cut_run& run : runs)
        join(run);
      break;
    case cut_behavior::merged_with_next:
      for (std::size_t i = runs.size(); i-- > 0;)
        join(runs[i]);
      std::ranges::reverse(out);
      break;
  }
  std::erase_if(out, [](const cut_run& run) { return run.begin == run.end; });
  return out;
}

}  // namespace detail

/// A part of a text that its neighbors' characters are not merged with.
struct text_piece {
  std::string_view text;
  bool first = false;  ///< begins where the whole text begins
};

/// How a tokenizer cuts a text into pieces: the "pre_tokenizer" of a tokenizer.json, as Hugging Face's tokenizers
/// defines it.  Known are ByteLevel, Split, Digits, Metaspace and their Sequence.
///
/// ByteLevel must come last: what it does to bytes is left to whoever encodes the pieces (byte_alphabet), which stay in
/// UTF-8.
class pre_tokenizer {
 public:
  /// One piece is the whole text.
  pre_tokenizer() = default;

  /// Throws, naming `where`, for kinds that are not known.
  pre_tokenizer(const json& described, const std::string& where) { read(described, where); }

  /// Whether pieces are encoded in letters for bytes.
  bool byte_level() const noexcept { return byte_level_; }

  /// Whether a space is put before texts, which decoding takes away.
  bool prepends() const noexcept { return prepends_; }

  /// Whether characters between pieces are left out, as spaces between words may be.
  bool drops() const noexcept { return drops_; }

  /// Calls `take(piece)` for the text's pieces in their order; what a piece shows is gone afterwards.
  template <class Take>
  void operator()(std::string_view text, bool first, Take take) const {
    std::vector<text_piece> pieces, next;
    std::deque<std::string> changed;  // what pieces show that is no part of the text
    if (!text.empty()) pieces.push_back({text, first});
    for (const step& s : steps_) {
      next.clear();
      for (const text_piece& piece : pieces)
        std::visit([&](const auto& how) { apply(how, piece, next, changed); }, s);
      pieces.swap(next);
    }
    for (const text_piece& piece : pieces)
      take(piece.text);
  }

 private:
  struct prefix_space {};
  struct split {
    regular_expression pattern;
    cut_behavior behavior = cut_behavior::isolated;
    bool invert = false;
  };
  enum class prepend_scheme : std::uint8_t { always, first, never };
  /// Spaces as a mark, which may also be put before a text.
  struct mark_spaces {
    std::string mark;
    prepend_scheme scheme = prepend_scheme::always;
  };
  using step = std::variant<prefix_space, split, mark_spaces>;

  /// GPT-2's pattern (Radford et al. 2019): contractions, letters, digits and others, each with a space before it, and
  /// white space, of which the last character before a word is left to the word.
  static constexpr std::string_view gpt2_pattern =
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

  void read(const json& described, const std::string& where) {
    const json_fields fields(described, where);
    const std::string type = fields.needed_text("type");
    if (byte_level_) fail("the pre-tokenizer " + in_quotes(type) + " in " + where + " stands behind ByteLevel");
    if (type == "Sequence") {
      const json* const list = fields.find("pretokenizers");
      if (list == nullptr || !list->is_array()) fail("the pre-tokenizer Sequence in " + where + " should have a list");
      for (const json& one : *list)
        read(one, where);
    } else if (type == "ByteLevel") {
      byte_level_ = true;
      if (fields.flag("add_prefix_space").value_or(true)) {
        prepends_ = true;
        steps_.emplace_back(prefix_space{});
      }
      if (fields.flag("use_regex").value_or(true)) steps_.emplace_back(split{{gpt2_pattern, "ByteLevel"}});
    } else if (type == "Split") {
      const std::string behavior = fields.needed_text("behavior");
      const auto known = std::find(cut_behavior_names.begin(), cut_behavior_names.end(), behavior);
      if (known == cut_behavior_names.end())
        fail("the behavior " + in_quotes(behavior) + " of a Split in " + where + " is not known");
      drops_ = drops_ || behavior == cut_behavior_names.front();
      steps_.emplace_back(split{detail::read_pattern(fields),
                                static_cast<cut_behavior>(known - cut_behavior_names.begin()),
                                fields.flag("invert").value_or(false)});
    } else if (type == "Digits") {
      const bool alone = fields.flag("individual_digits").value_or(false);
      steps_.emplace_back(split{{R"(\p{N})", "Digits"}, alone ? cut_behavior::isolated : cut_behavior::contiguous});
    } else if (type == "Metaspace") {
      read_metaspace(fields);
    } else {
      fail("the pre-tokenizer " + in_quotes(type) + " in " + where +
           " is not known, and known are ByteLevel, Split, Digits, Metaspace and Sequence");
    }
  }

  void read_metaspace(const json_fields& fields) {
    const std::string mark = fields.text("replacement").value_or("\u2581");
    // Files from before 2024 say add_prefix_space instead.
    const std::string scheme =
        fields.text("prepend_scheme").value_or(fields.flag("add_prefix_space").value_or(true) ? "always" : "never");
    if (scheme != "always" && scheme != "first" && scheme != "never")
      fail("the prepend_scheme of a Metaspace in " + fields.where() + " should be always, first or never, not " +
           in_quotes(scheme));
    prepends_ = prepends_ || scheme != "never";
    steps_.emplace_back(mark_spaces{mark, scheme == "always"  ? prepend_scheme::always
                                          : scheme == "first" ? prepend_scheme::first
                                                              : prepend_scheme::never});
    if (fields.flag("split").value_or(true))
      steps_.emplace_back(split{{mark, fields.where(), true}, cut_behavior::merged_with_next});
  }

  static void apply(const prefix_space&, const text_piece& piece, std::vector<text_piece>& out,
                    std::deque<std::string>& changed) {
    if (piece.text.starts_with(' ')) return out.push_back(piece);
    out.push_back({changed.emplace_back(" ").append(piece.text), piece.first});
  }

  static void apply(const mark_spaces& how, const text_piece& piece, std::vector<text_piece>& out,
                    std::deque<std::string>& changed) {
    std::string& text = changed.emplace_back();
    for (const char c : piece.text)
      c == ' ' ? text.append(how.mark) : text.append(1, c);
    const bool wanted = how.scheme == prepend_scheme::always || (how.scheme == prepend_scheme::first && piece.first);
    if (wanted && !text.starts_with(how.mark)) text.insert(0, how.mark);
    out.push_back({text, piece.first});
  }

  static void apply(const split& how, const text_piece& piece, std::vector<text_piece>& out, std::deque<std::string>&) {
    std::vector<detail::cut_run> runs;
    std::size_t at = 0;
    how.pattern.for_each_match(piece.text, [&](std::size_t begin, std::size_t end) {
      if (at != begin) runs.push_back({at, begin, how.invert});
      runs.push_back({begin, end, !how.invert});
      at = end;
    });
    if (at != piece.text.size()) runs.push_back({at, piece.text.size(), how.invert});
    for (const detail::cut_run& run : detail::pieces_of_runs(runs, how.behavior))
      out.push_back({piece.text.substr(run.begin, run.end - run.begin), piece.first && run.begin == 0});
  }

  std::vector<step> steps_;
  bool byte_level_ = false, prepends_ = false, drops_ = false;
};

}  // namespace qfa

#endif
