// SPDX-License-Identifier: Apache-2.0
#ifdef QFA_HAS_TEXT
#include "qfa/text/tokenizer_json.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "recorded_tokenizers.hpp"
#include "scratch.hpp"

namespace text_tokenizer_json_test {

using qfa_test::check_refused;
using ids = std::vector<std::uint32_t>;

ids encode(qfa::json_tokenizer& tokenizer, std::string_view text) {
  ids out;
  tokenizer.encode(text, out);
  return out;
}

TEST_CASE("json_tokenizer: every family's tokens of 1200 texts are those recorded of another implementation") {
  const auto texts = qfa_test::recorded_texts();
  REQUIRE(texts.size() == 1200);
  const auto families = qfa_test::recorded_families();
  CHECK(families.size() == 10);
  for (const qfa_test::recorded_family& family : families) {
    CAPTURE(family.name);
    qfa::json_tokenizer tokenizer(family.tokenizer, family.name);
    for (std::size_t i = 0; i < family.first.size(); ++i)
      CHECK(encode(tokenizer, texts[20 + i]) == family.first[i]);
    REQUIRE(family.checksums.size() == texts.size());
    std::size_t differ = 0;
    std::string shown;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (qfa_test::checksum_of_ids(encode(tokenizer, texts[i])) == family.checksums[i]) continue;
      if (differ++ < 5) shown += qfa::in_quotes(texts[i]) + " ";
    }
    CAPTURE(shown);
    CHECK(differ == 0);
  }
}

TEST_CASE("json_tokenizer: the tokens of a text that is not changed are that text again") {
  const auto texts = qfa_test::recorded_texts();
  for (const qfa_test::recorded_family& family : qfa_test::recorded_families()) {
    const bool exact = family.name == "gpt2" || family.name == "llama3" || family.name == "llama2";
    if (!exact) continue;
    CAPTURE(family.name);
    qfa::json_tokenizer tokenizer(family.tokenizer, family.name);
    CHECK(tokenizer.byte_level() == (family.name != "llama2"));
    for (const std::string& text : texts) {
      // Spaces and marks for them read the same; a special token comes without the mark that the text before it had.
      if (family.name == "llama2" && (text.find("\u2581") != std::string::npos || text.find('<') != std::string::npos))
        continue;
      CHECK(tokenizer.decode(encode(tokenizer, text)) == text);
    }
  }
}

TEST_CASE("json_tokenizer: bytes that are no text are refused") {
  const auto families = qfa_test::recorded_families();
  qfa::json_tokenizer tokenizer(families.front().tokenizer, "a test");
  check_refused([&] { encode(tokenizer, "ab\xff"); }, {"not UTF-8", "byte 2"});
  check_refused([&] { tokenizer.decode(ids{4000000}); }, {"a test", "no token 4000000"});
}

TEST_CASE("json_tokenizer: words and their ids, added ones among them") {
  const std::string text = R"({"added_tokens": [{"id": 9, "content": "<x>", "special": true}],
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})";
  qfa::json_tokenizer tokenizer(qfa::parse_json(text, "a test"), "\"t.json\"");
  CHECK(tokenizer.size() == 10);
  CHECK(tokenizer.find("<x>") == 9U);
  CHECK(tokenizer.find("a") == 0U);
  CHECK(!tokenizer.find("c"));
  CHECK(tokenizer.word(9) == "<x>");
  CHECK(encode(tokenizer, "ab<x>a") == ids{0, 1, 9, 0});
  CHECK(tokenizer.decode(ids{0, 9, 1}) == "a<x>b");
}

TEST_CASE("json_tokenizer: words whose spaces are dropped come back with a space between them") {
  const std::string text = R"({"pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed"},
    "model": {"type": "BPE", "ignore_merges": true, "vocab": {"no": 0, "way": 1}, "merges": []}})";
  qfa::json_tokenizer tokenizer(qfa::parse_json(text, "a test"), "\"t.json\"");
  CHECK(encode(tokenizer, "no  way no") == ids{0, 1, 0});
  CHECK(tokenizer.decode(ids{0, 1, 0}) == "no way no");
  // Where a file says how its tokens come together, no space is put there.
  const std::string decoded = R"({"decoder": {"type": "Fuse"}, )" + text.substr(1);
  CHECK(qfa::json_tokenizer(qfa::parse_json(decoded, "a test"), "\"t.json\"").decode(ids{0, 1}) == "noway");
}

TEST_CASE("json_tokenizer: a file that is none is refused by its name") {
  const auto read = [](const char* text) { qfa::json_tokenizer(qfa::parse_json(text, "\"t.json\""), "\"t.json\""); };
  check_refused([&] { read("[]"); }, {"t.json"});
  check_refused([&] { read("{}"); }, {"t.json", "model"});
  check_refused([&] { read(R"({"model": {"type": "WordPiece"}})"); }, {"t.json", "WordPiece"});
  check_refused([&] { read(R"({"added_tokens": {}, "model": {"vocab": {}, "merges": []}})"); }, {"t.json", "array"});
  check_refused(
      [&] { read(R"({"added_tokens": [{"id": 1, "content": "a"}], "model": {"vocab": {"a": 0}, "merges": []}})"); },
      {"t.json", "two ids"});
  check_refused([&] { read(R"({"model": {"vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Whitespace"}})"); },
                {"t.json", "Whitespace"});
}

TEST_CASE("json_tokenizer: damaged files are taken or refused, and end nothing") {
  const std::string valid = R"({"added_tokens":[{"id":4,"content":"<x>","normalized":true}],"normalizer":{"type":"NFC"},
"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},"model":{"type":"BPE","byte_fallback":true,"unk_token":"a",
"vocab":{"a":0,"b":1,"ab":2,"\u0120":3},"merges":["a b"]}})";
  qfa_test::torment(valid, 1500, [](const std::string& bytes) {
    qfa::json_tokenizer tokenizer(qfa::parse_json(bytes, "a test"), "a test");
    ids out;
    tokenizer.encode("ab <x>\u00e9 ba", out);
  });
}

}  // namespace text_tokenizer_json_test
#endif
