// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_UNICODE_HPP
#define QFA_TEXT_UNICODE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uregex.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"

// What tokenizers need of Unicode: properties, normal forms and regular expressions.  The one header that knows ICU,
// which the target qfa::text brings.

namespace qfa {

/// Texts are counted in 32 bits there.
inline constexpr std::size_t longest_text = std::size_t{1} << 30U;

/// The offset of the first byte that begins no valid character, or the text's length if all of it is UTF-8.  Throws for
/// more than 2^30 bytes.
inline std::size_t first_invalid_utf8(std::string_view text) {
  if (text.size() > longest_text)
    fail("a text of " + std::to_string(text.size()) + " bytes is too long, expected 2^30");
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size;) {
    const std::int32_t begin = at;
    UChar32 c = 0;
    U8_NEXT(bytes, at, size, c);
    if (c < 0) return static_cast<std::size_t>(begin);
  }
  return text.size();
}

/// The text with U+FFFD in place of each longest run of bytes that could have begun a character (Unicode 15, section
/// 3.9, as Python's errors="replace" has it).  Throws for more than 2^30 bytes.
inline std::string with_replacement_characters(std::string_view text) {
  require(text.size() <= longest_text, "a text is too long, expected at most 2^30 bytes");
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int32_t>(text.size());
  std::string out;
  out.reserve(text.size());
  for (std::int32_t at = 0; at < size;) {
    const std::int32_t begin = at;
    UChar32 c = 0;
    U8_NEXT(bytes, at, size, c);
    if (c < 0)
      out += "\xef\xbf\xbd";
    else
      out.append(text, static_cast<std::size_t>(begin), static_cast<std::size_t>(at - begin));
  }
  return out;
}

namespace detail {

/// Throws for what first_invalid_utf8 finds, since replacing it would change the text behind the caller's back.
inline std::u16string to_utf16(std::string_view text) {
  require(text.size() <= longest_text, "a text is too long, expected at most 2^30 bytes");
  std::u16string out(text.size(), u'\0');
  std::int32_t length = 0;
  UErrorCode problem = U_ZERO_ERROR;
  u_strFromUTF8(out.data(), static_cast<std::int32_t>(out.size()), &length, text.data(),
                static_cast<std::int32_t>(text.size()), &problem);
  if (U_FAILURE(problem)) fail("text is not UTF-8 at byte " + std::to_string(first_invalid_utf8(text)));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

inline std::string to_utf8(std::u16string_view text) {
  std::string out(3 * text.size(), '\0');
  std::int32_t length = 0;
  UErrorCode problem = U_ZERO_ERROR;
  u_strToUTF8(out.data(), static_cast<std::int32_t>(out.size()), &length, text.data(),
              static_cast<std::int32_t>(text.size()), &problem);
  require(U_SUCCESS(problem), "text is not UTF-16");
  out.resize(static_cast<std::size_t>(length));
  return out;
}

/// Bytes of UTF-8 that a unit of UTF-16 accounts for; a pair of surrogates takes four.
constexpr std::size_t utf8_bytes(char16_t unit) noexcept {
  return unit < 0x80 ? 1 : unit < 0x800 || U16_IS_SURROGATE(unit) ? 2 : 3;
}

}  // namespace detail

/// Unicode's normal forms (UAX #15).
enum class unicode_form : std::uint8_t { nfc, nfd, nfkc, nfkd };
inline constexpr std::array<std::string_view, 4> unicode_form_names{"NFC", "NFD", "NFKC", "NFKD"};

/// The text, which must be UTF-8, in a normal form.  Throws where it is not, where more than ASCII is longer than
/// 2^30 / 18 bytes, and where ICU lacks its data.
inline std::string normalized(std::string_view text, unicode_form form) {
  bool plain = true;  // ASCII is in every normal form
  for (const char c : text)
    plain = plain && static_cast<unsigned char>(c) < 0x80;
  if (plain) return std::string(text);
  if (text.size() > longest_text / 18)
    fail("a text of " + std::to_string(text.size()) +
         " bytes is too long for a normal form");  // one may be 18 times it
  UErrorCode problem = U_ZERO_ERROR;
  const UNormalizer2* const to = form == unicode_form::nfc    ? unorm2_getNFCInstance(&problem)
                                 : form == unicode_form::nfd  ? unorm2_getNFDInstance(&problem)
                                 : form == unicode_form::nfkc ? unorm2_getNFKCInstance(&problem)
                                                              : unorm2_getNFKDInstance(&problem);
  require(U_SUCCESS(problem), "ICU has no data for Unicode's normal forms");
  const std::u16string from = detail::to_utf16(text);
  const auto size = static_cast<std::int32_t>(from.size());
  std::u16string out(from.size() + 16, u'\0');
  std::int32_t length =
      unorm2_normalize(to, from.data(), size, out.data(), static_cast<std::int32_t>(out.size()), &problem);
  if (problem == U_BUFFER_OVERFLOW_ERROR) {
    problem = U_ZERO_ERROR;
    out.resize(static_cast<std::size_t>(length));
    length = unorm2_normalize(to, from.data(), size, out.data(), length, &problem);
  }
  require(U_SUCCESS(problem), "a text cannot be brought into a normal form");
  return detail::to_utf8(std::u16string_view(out).substr(0, static_cast<std::size_t>(length)));
}

/// Where the white space that ends at `end` begins, and where that which begins at `begin` ends (Unicode's property
/// White_Space).  The text must be UTF-8.
inline std::size_t white_space_before(std::string_view text, std::size_t end) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  auto at = static_cast<std::int32_t>(end);
  while (at > 0) {
    std::int32_t before = at;
    UChar32 c = 0;
    U8_PREV(bytes, 0, before, c);
    if (c < 0 || !u_isUWhiteSpace(c)) break;
    at = before;
  }
  return static_cast<std::size_t>(at);
}
inline std::size_t white_space_after(std::string_view text, std::size_t begin) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int32_t>(text.size());
  auto at = static_cast<std::int32_t>(begin);
  while (at < size) {
    std::int32_t behind = at;
    UChar32 c = 0;
    U8_NEXT(bytes, behind, size, c);
    if (c < 0 || !u_isUWhiteSpace(c)) break;
    at = behind;
  }
  return static_cast<std::size_t>(at);
}

/// Whether a character belongs to a word as \w has it (UTS #18, annex C).
inline bool is_word_character(char32_t character) {
  const auto c = static_cast<UChar32>(character);
  const auto category = U_GET_GC_MASK(c);
  return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) ||
         (category & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

/// Whether one stands right before `at`, or right behind it.
inline bool word_before(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  auto before = static_cast<std::int32_t>(at);
  UChar32 c = 0;
  U8_PREV(reinterpret_cast<const std::uint8_t*>(text.data()), 0, before, c);
  return c >= 0 && is_word_character(static_cast<char32_t>(c));
}
inline bool word_after(std::string_view text, std::size_t at) {
  if (at == text.size()) return false;
  auto behind = static_cast<std::int32_t>(at);
  UChar32 c = 0;
  U8_NEXT(reinterpret_cast<const std::uint8_t*>(text.data()), behind, static_cast<std::int32_t>(text.size()), c);
  return c >= 0 && is_word_character(static_cast<char32_t>(c));
}

/// A regular expression as ICU has them.  Moves, does not copy; not for several threads at once.
class regular_expression {
 public:
  /// `literal`: the pattern is a text to be found as it stands.  Throws, naming `where`, for what is no pattern.
  regular_expression(std::string_view pattern, const std::string& where, bool literal = false)
      : said_(in_quotes(pattern) + " in " + where) {
    constexpr std::size_t longest_pattern = 10000;  // the longest of a known tokenizer has 500 bytes
    if (pattern.empty() || pattern.size() > longest_pattern || first_invalid_utf8(pattern) != pattern.size())
      fail("the pattern " + said_ + " is empty, longer than " + std::to_string(longest_pattern) + " bytes or no UTF-8");
    const std::u16string text = detail::to_utf16(pattern);
    UErrorCode problem = U_ZERO_ERROR;
    UParseError place{};
    handle_.reset(uregex_open(text.data(), static_cast<std::int32_t>(text.size()),
                              literal ? std::uint32_t{UREGEX_LITERAL} : 0U, &place, &problem));
    if (U_FAILURE(problem))
      fail("the pattern " + said_ + " is no regular expression: " + u_errorName(problem) + " at character " +
           std::to_string(place.offset));
    uregex_setTimeLimit(handle_.get(), most_steps, &problem);
  }

  /// Calls `take(begin, end)`, in bytes, for every match in the text, from left to right.  The text must be UTF-8.
  /// Throws where the pattern takes too long or too much memory, as strangers' patterns may.
  template <class Take>
  void for_each_match(std::string_view text, Take take) const {
    const std::u16string units = detail::to_utf16(text);
    UErrorCode problem = U_ZERO_ERROR;
    uregex_setText(handle_.get(), units.data(), static_cast<std::int32_t>(units.size()), &problem);
    std::size_t unit = 0, byte = 0;
    const auto byte_of = [&](std::int32_t wanted) {
      while (unit < static_cast<std::size_t>(wanted))
        byte += detail::utf8_bytes(units[unit++]);
      return byte;
    };
    while (uregex_findNext(handle_.get(), &problem)) {
      const std::size_t begin = byte_of(uregex_start(handle_.get(), 0, &problem));
      take(begin, byte_of(uregex_end(handle_.get(), 0, &problem)));
    }
    if (problem == U_REGEX_TIME_OUT || problem == U_REGEX_STACK_OVERFLOW)
      fail("the pattern " + said_ + " takes too long on a text of " + std::to_string(text.size()) + " bytes");
    if (U_FAILURE(problem)) fail("the pattern " + said_ + " fails: " + u_errorName(problem));
  }

 private:
  struct closer {
    void operator()(URegularExpression* expression) const noexcept { uregex_close(expression); }
  };
  static constexpr std::int32_t most_steps = 1000;  // for one match, each of 10,000 states to come back to

  std::unique_ptr<URegularExpression, closer> handle_;
  std::string said_;
};

}  // namespace qfa

#endif
