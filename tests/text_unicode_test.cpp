// SPDX-License-Identifier: Apache-2.0
// Without ICU there is nothing to test.
#ifdef QFA_HAS_TEXT
#include "qfa/text/unicode.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_unicode_test {

using qfa::regular_expression;
using qfa_test::check_refused;
using places = std::vector<std::pair<std::size_t, std::size_t>>;

places matches(const regular_expression& pattern, std::string_view text) {
  places out;
  pattern.for_each_match(text, [&](std::size_t begin, std::size_t end) { out.emplace_back(begin, end); });
  return out;
}

std::string utf8(char32_t c) {
  std::u16string units;
  if (c > 0xffff)
    units = {static_cast<char16_t>(0xd7c0 + (c >> 10U)), static_cast<char16_t>(0xdc00 + (c & 0x3ffU))};
  else
    units = {static_cast<char16_t>(c)};
  return qfa::detail::to_utf8(units);
}

TEST_CASE("regular_expression: matches are places in bytes") {
  const std::string text = "b\u00e4b\u20acb\U0001f600b";
  CHECK(matches({"b", "a test"}, text) == places{{0, 1}, {3, 4}, {7, 8}, {12, 13}});
  CHECK(matches({"[^b]", "a test"}, text) == places{{1, 3}, {4, 7}, {8, 12}});
  CHECK(matches({"x*", "a test"}, "ax") == places{{0, 0}, {1, 2}, {2, 2}});
  CHECK(matches({".b", "a test", true}, "ab.b") == places{{2, 4}});
  CHECK(matches({R"(\s+(?!\S))", "a test"}, "a   b  ") == places{{1, 3}, {5, 7}});
  CHECK(matches({"(?i:'s)", "a test"}, "'s'S'\u017f") == places{{0, 2}, {2, 4}, {4, 7}});
  CHECK(matches({"a", "a test"}, "").empty());
}

TEST_CASE("regular_expression: white space is what Unicode calls so, and nothing else") {
  std::string text;
  std::vector<char32_t> at(1, 0);
  for (char32_t c = 1; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    at.resize(text.size() + 1);
    at.back() = c;
    text += utf8(c);
  }
  std::vector<char32_t> found;
  regular_expression(R"(\s)", "a test").for_each_match(text, [&](std::size_t begin, std::size_t) {
    found.push_back(at[begin]);
  });
  // PropList.txt of Unicode 15: White_Space has 25 characters, and has not changed since 6.3.
  const std::vector<char32_t> known{0x9,    0xa,    0xb,    0xc,    0xd,    0x20,   0x85,   0xa0,   0x1680,
                                    0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
                                    0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
  CHECK(found == known);
}

TEST_CASE("regular_expression: what is no pattern, and what takes too long, is refused") {
  check_refused([] { regular_expression("(", "\"t.json\""); }, {"\"(\"", "t.json", "no regular expression"});
  check_refused([] { regular_expression("", "\"t.json\""); }, {"t.json", "empty"});
  check_refused([] { regular_expression("\xff", "\"t.json\""); }, {"t.json", "UTF-8"});
  check_refused([] { regular_expression(std::string(10001, 'a'), "\"t.json\""); }, {"t.json", "longer"});
  const regular_expression slow("(a|aa)+$", "\"t.json\"");
  check_refused([&] { matches(slow, std::string(60, 'a') + "b"); }, {"t.json", "too long", "61 bytes"});
  CHECK(matches(slow, "aa") == places{{0, 2}});
}

TEST_CASE("normalized: the four forms, by examples of UAX 15") {
  using qfa::normalized;
  using qfa::unicode_form;
  CHECK(normalized("cafe\u0301", unicode_form::nfc) == "caf\u00e9");
  CHECK(normalized("caf\u00e9", unicode_form::nfd) == "cafe\u0301");
  CHECK(normalized("\u212b", unicode_form::nfc) == "\u00c5");
  CHECK(normalized("\u1112\u1161\u11ab", unicode_form::nfc) == "\ud55c");
  CHECK(normalized("q\u0307\u0323", unicode_form::nfc) == "q\u0323\u0307");
  CHECK(normalized("\u0958", unicode_form::nfc) == "\u0915\u093c");  // composed no more
  CHECK(normalized("\ufb01\u00b2", unicode_form::nfc) == "\ufb01\u00b2");
  CHECK(normalized("\ufb01\u00b2", unicode_form::nfkc) == "fi2");
  CHECK(normalized("\u1e9b\u0323", unicode_form::nfkd) == "s\u0323\u0307");
  CHECK(normalized("plain", unicode_form::nfkd) == "plain");
  CHECK(normalized("\ufdfa", unicode_form::nfkc).size() == 33);  // eighteen characters of one
}

TEST_CASE("first_invalid_utf8: the first byte of what is no character") {
  CHECK(qfa::first_invalid_utf8("") == 0);
  CHECK(qfa::first_invalid_utf8("a\u00e9\u20ac\U0001f600") == 10);
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5", "\xff"}) {
    CAPTURE(bad);
    CHECK(qfa::first_invalid_utf8(std::string("a\u00e9") + bad + "b") == 3);
  }
  check_refused([] { qfa::normalized("\xff", qfa::unicode_form::nfc); }, {"not UTF-8", "byte 0"});
}

TEST_CASE("with_replacement_characters: one for each run that could have begun a character") {
  using qfa::with_replacement_characters;
  // As Python 3.11's bytes.decode("utf-8", "replace") has them.
  CHECK(with_replacement_characters("a\xf0\x9f\x98z") == "a\ufffdz");
  CHECK(with_replacement_characters("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");
  CHECK(with_replacement_characters("\xc0\xaf") == "\ufffd\ufffd");
  CHECK(with_replacement_characters("\xe2\x82") == "\ufffd");
  CHECK(with_replacement_characters("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");
  CHECK(with_replacement_characters("fine \u20ac") == "fine \u20ac");
}

TEST_CASE("white space and words beside a place in a text") {
  const std::string text = "\u00e9 \u3000\tb";
  CHECK(qfa::white_space_before(text, 7) == 2);
  CHECK(qfa::white_space_before(text, 8) == 8);
  CHECK(qfa::white_space_before(" ", 1) == 0);
  CHECK(qfa::white_space_after(text, 2) == 7);
  CHECK(qfa::white_space_after(text, 0) == 0);
  CHECK(qfa::white_space_after(" ", 0) == 1);
  CHECK(qfa::word_before(text, 2));
  CHECK(!qfa::word_before(text, 3));
  CHECK(!qfa::word_before(text, 0));
  CHECK(qfa::word_after(text, 7));
  CHECK(!qfa::word_after(text, 2));
  CHECK(!qfa::word_after(text, 8));
  for (const char32_t c : {U'_', U'0', U'\u0301', U'\u200d', U'\u4e00'})
    CHECK(qfa::is_word_character(c));
  for (const char32_t c : {U'-', U'\u00b2', U'\u20ac', U'\ufffd'})
    CHECK(!qfa::is_word_character(c));
}

}  // namespace text_unicode_test
#endif
