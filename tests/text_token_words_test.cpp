// SPDX-License-Identifier: Apache-2.0
#include "qfa/text/token_words.hpp"

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_token_words_test {

TEST_CASE("token_words: words and ids, both ways, with gaps") {
  qfa::token_words words("\"f\"");
  words.add("a", 0);
  words.add("b", 5);
  words.add("b", 5);  // said twice is no contradiction
  CHECK(words.size() == 6);
  CHECK(words.find("b") == 5U);
  CHECK(words.word(5) == "b");
  CHECK(!words.find("c"));
  CHECK(!words.word(3));
  CHECK(!words.word(6));
}

TEST_CASE("token_words: a word of two ids, an id of two words and an id beyond all models are refused") {
  qfa::token_words words("\"f\"");
  words.add("a", 1);
  qfa_test::check_refused([&] { words.add("a", 2); }, {"\"f\"", "\"a\"", "two ids, 1 and 2"});
  qfa_test::check_refused([&] { words.add("b", 1); }, {"\"f\"", "id 1", "\"b\""});
  qfa_test::check_refused([&] { words.add("c", qfa::token_words::most_ids); }, {"\"f\"", "\"c\"", "4000000"});
}

}  // namespace text_token_words_test
