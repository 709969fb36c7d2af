// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_NORMALIZER_HPP
#define QFA_TEXT_NORMALIZER_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/text/unicode.hpp"

namespace qfa {

namespace detail {

/// A "pattern" of a tokenizer.json: {"String": text} or {"Regex": expression}.
inline regular_expression read_pattern(const json_fields& step) {
  const auto pattern = step.object("pattern");
  if (!pattern) fail("a step of the tokenizer in " + step.where() + " should have a \"pattern\"");
  if (const auto text = pattern->text("String")) return {*text, step.where(), true};
  return {pattern->needed_text("Regex"), step.where()};
}

}  // namespace detail

/// What a tokenizer does to a text before it is cut: the "normalizer" of a tokenizer.json, as Hugging Face's tokenizers
/// defines it.  Known are the normal forms, Prepend (before a text that is not empty), Replace and their Sequence.
class normalizer {
 public:
  /// Leaves texts as they are.
  normalizer() = default;

  /// Throws, naming `where`, for kinds that are not known.
  normalizer(const json& described, const std::string& where) { read(described, where); }

  std::string operator()(std::string_view text) const {
    std::string out(text);
    for (const step& next : steps_)
      out = std::visit([&](const auto& s) { return apply(s, std::move(out)); }, next);
    return out;
  }

  bool empty() const noexcept { return steps_.empty(); }

  /// Whether a space is put before texts, which decoding takes away.
  bool prepends() const {
    return std::ranges::any_of(steps_, [](const step& s) { return std::holds_alternative<prepend>(s); });
  }

 private:
  struct prepend {
    std::string text;
  };
  struct replace {
    regular_expression pattern;
    std::string by;
  };
  using step = std::variant<unicode_form, prepend, replace>;

  void read(const json& described, const std::string& where) {
    const json_fields fields(described, where);
    const std::string type = fields.needed_text("type");
    const auto form = std::find(unicode_form_names.begin(), unicode_form_names.end(), type);
    if (type == "Sequence") {
      const json* const list = fields.find("normalizers");
      if (list == nullptr || !list->is_array()) fail("the normalizer Sequence in " + where + " should have a list");
      for (const json& one : *list)
        read(one, where);
    } else if (form != unicode_form_names.end()) {
      steps_.emplace_back(static_cast<unicode_form>(form - unicode_form_names.begin()));
    } else if (type == "Prepend") {
      steps_.emplace_back(prepend{fields.needed_text("prepend")});
    } else if (type == "Replace") {
      steps_.emplace_back(replace{detail::read_pattern(fields), fields.needed_text("content")});
    } else {
      fail("the normalizer " + in_quotes(type) + " in " + where +
           " is not known, and known are NFC, NFD, NFKC, NFKD, Prepend, Replace and Sequence");
    }
  }

  static std::string apply(unicode_form form, std::string text) { return normalized(text, form); }
  static std::string apply(const prepend& before, std::string text) {
    return text.empty() ? std::move(text) : before.text + text;
  }
  static std::string apply(const replace& what, std::string text) {
    std::string out;
    std::size_t at = 0;
    what.pattern.for_each_match(text, [&](std::size_t begin, std::size_t end) {
      out.append(text, at, begin - at).append(what.by);
      at = end;
    });
    return out.append(text, at);
  }

  std::vector<step> steps_;
};

}  // namespace qfa

#endif
