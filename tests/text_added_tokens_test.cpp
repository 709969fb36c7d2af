// SPDX-License-Identifier: Apache-2.0
#ifdef QFA_HAS_TEXT
#include "qfa/text/added_tokens.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_added_tokens_test {

using qfa::added_token;
using list = std::vector<std::string>;

/// What is found in a text: the parts between, and tokens as "#id".
list found(std::initializer_list<added_token> tokens, std::string_view text) {
  qfa::added_token_finder finder;
  for (const added_token& token : tokens)
    finder.add(token, token.content);
  list out;
  finder(
      text, [&](std::size_t begin, std::size_t end) { out.emplace_back(text.substr(begin, end - begin)); },
      [&](const added_token& token) { out.push_back("#" + std::to_string(token.id)); });
  return out;
}

TEST_CASE("added_token_finder: what begins first, and of these the longest") {
  const std::initializer_list<added_token> tokens{
      {.id = 1, .content = "<a>"}, {.id = 2, .content = "<a>b"}, {.id = 3, .content = "bc"}};
  CHECK(found(tokens, "x<a>bc<a>") == list{"x", "#2", "c", "#1"});
  CHECK(found(tokens, "<a><a><") == list{"#1", "#1", "<"});
  CHECK(found(tokens, "abc") == list{"a", "#3"});
  CHECK(found(tokens, "<a") == list{"<a"});
  CHECK(found(tokens, "").empty());
  CHECK(found({}, "abc") == list{"abc"});
  CHECK(found({{.id = 1, .content = ""}}, "abc") == list{"abc"});
}

TEST_CASE("added_token_finder: white space before and behind goes with the token that takes it") {
  const added_token left{.id = 1, .content = "<l>", .lstrip = true}, right{.id = 2, .content = "<r>", .rstrip = true},
      both{.id = 3, .content = "<b>", .lstrip = true, .rstrip = true};
  CHECK(found({left, right, both}, "a \t<l> b") == list{"a", "#1", " b"});
  CHECK(found({left, right, both}, "a <r>\u3000\nb") == list{"a ", "#2", "b"});
  CHECK(found({left, right, both}, " <b> <b> ") == list{"#3", "#3"});
  CHECK(found({left, right, both}, "<r> <l>") == list{"#2", "#1"});
}

TEST_CASE("added_token_finder: a single word does not stand within another") {
  const added_token word{.id = 1, .content = "word", .single_word = true};
  CHECK(found({word}, "word") == list{"#1"});
  CHECK(found({word}, "a word.") == list{"a ", "#1", "."});
  CHECK(found({word}, "words sword wor\u0301d \u00e9word word\u0301") ==
        list{"words sword wor\u0301d \u00e9word word\u0301"});
}

TEST_CASE("read_added_token: flags as they stand, and those that are missing") {
  const auto read = [](const char* text) {
    return qfa::read_added_token(qfa::parse_json(text, "token"), "\"t.json\"");
  };
  const added_token plain = read(R"({"id": 7, "content": "x"})");
  CHECK(plain.id == 7);
  CHECK(plain.normalized);  // as what is not special is
  CHECK(!plain.single_word);
  CHECK(!plain.lstrip);
  CHECK(!plain.rstrip);
  const added_token all =
      read(R"({"id": 7, "content": "x", "special": true, "lstrip": true, "rstrip": true, "single_word": true})");
  CHECK(all.special);
  CHECK(!all.normalized);
  CHECK(all.single_word);
  CHECK(all.lstrip);
  CHECK(all.rstrip);
  qfa_test::check_refused([&] { read(R"({"content": "x"})"); }, {"t.json", "id"});
  qfa_test::check_refused([&] { read(R"({"id": 1})"); }, {"t.json", "content"});
}

}  // namespace text_added_tokens_test
#endif
