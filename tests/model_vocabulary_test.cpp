// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/vocabulary.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scratch.hpp"

namespace model_vocabulary_test {

using namespace qfa;
using namespace qfa_test;

namespace {

std::string said(const vocabulary& words, const std::vector<std::uint32_t>& ids) { return words.text(ids); }

}  // namespace

TEST_CASE("vocabulary: plain words stand with a space between any two") {
  const scratch dir;
  const vocabulary words = vocabulary::read(dir.write("vocab.json", R"({"help": 3, "i": 0, "cannot": 1})"));
  CHECK(words.size() == 4);
  CHECK(said(words, {0, 1, 3}) == "i cannot help");
  CHECK(said(words, {}).empty());
  CHECK(said(words, {3}) == "help");
}

TEST_CASE("vocabulary: an id without a word reads as its number") {
  const vocabulary words(std::vector<std::string>{"i", "", "go"});
  CHECK(words.size() == 3);
  CHECK(said(words, {0, 1, 2, 7}) == "i <1> go <7>");
  CHECK(said(vocabulary(), {2}) == "<2>");
}

TEST_CASE("vocabulary: SentencePiece's marks are the only spaces where words carry them") {
  const vocabulary words(std::vector<std::string>{"\u2581I", "\u2581can", "not", "\u2581\u2581"});
  CHECK(said(words, {0, 1, 2}) == "I cannot");
  CHECK(said(words, {2, 1}) == "not can");
  CHECK(said(words, {0, 3, 1}) == "I   can");
  CHECK(said(words, {0, 3}) == "I");
}

TEST_CASE("vocabulary: byte-level marks become spaces and line breaks, and blanks at the ends go") {
  const vocabulary words(std::vector<std::string>{"\u0120I", "\u0120won", "'t", "\u010A", "\u010A\u010A"});
  CHECK(said(words, {3, 0, 1, 2, 3}) == "I won't");
  CHECK(said(words, {0, 3, 1}) == "I\n won");
  CHECK(said(words, {0, 4, 2}) == "I\n\n't");
  CHECK(said(words, {3, 4}).empty());
  CHECK(said(vocabulary(std::vector<std::string>{"\t", "go", "\r"}), {0, 1, 2}) == "go");
}

TEST_CASE("vocabulary: a file says the same as its words in order") {
  const scratch dir;
  const vocabulary read = vocabulary::read(dir.write("v.json", R"({"\u0120b": 1, "a": 0})"));
  const vocabulary made(std::vector<std::string>{"a", "\u0120b"});
  CHECK(said(read, {0, 1, 0}) == said(made, {0, 1, 0}));
  CHECK(said(read, {0, 1, 0}) == "a ba");
}

TEST_CASE("vocabulary: refuses what is no object of words and ids") {
  const scratch dir;
  const auto refuses = [&](std::string_view text, std::initializer_list<std::string_view> parts) {
    const auto path = dir.write("vocab.json", text);
    check_refused([&] { vocabulary::read(path); }, parts);
    check_refused([&] { vocabulary::read(path); }, {"vocab.json"});
  };
  refuses(R"(["a"])", {"should be an object of words and their ids"});
  refuses(R"({"a": -1})", {"the id of \"a\"", "below 1000000"});
  refuses(R"({"a": 0, "b": 1.5})", {"the id of \"b\""});
  refuses(R"({"a": "0"})", {"the id of \"a\""});
  refuses(R"({"a": 1000000})", {"the id of \"a\"", "below 1000000"});
  refuses(R"({"a": 18446744073709551615})", {"the id of \"a\""});
  refuses(R"({"a": 4, "b": 4})", {"gives the id 4 to two words", "\"b\""});
  CHECK(vocabulary::read(dir.write("vocab.json", R"({"a": 999999})")).size() == 1000000);
}

TEST_CASE("vocabulary: a damaged file is refused or read, and nothing else") {
  const scratch dir;
  const std::size_t taken = torment(R"({"i": 0, "cannot": 1, "help": 3})", 300, [&](const std::string& bytes) {
    const vocabulary words = vocabulary::read(dir.write("vocab.json", bytes));
    CHECK(words.size() <= 1000000);
  });
  CHECK(taken > 0);
}

}  // namespace model_vocabulary_test
