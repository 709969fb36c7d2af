// SPDX-License-Identifier: Apache-2.0
#include "qfa/text/read_bpe.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_read_bpe_test {

using qfa_test::check_refused;

qfa::byte_pair_encoder read(const std::string& model) {
  return qfa::read_bpe(qfa::parse_json(model, "model"), qfa::token_words("\"t.json\""));
}

TEST_CASE("read_bpe: merges as pairs and as texts, ranked by their place") {
  for (const char* merges : {R"(["b c", "a b"])", R"([["b", "c"], ["a", "b"]])"}) {
    auto encode =
        read(std::string(R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4}, "merges": )") +
             merges + "}");
    std::vector<std::uint32_t> out;
    encode("abc", out);
    CHECK(out == std::vector<std::uint32_t>{0, 4});
  }
  auto spaces = read(R"({"vocab": {"a": 0, " ": 1, " a": 2, "a ": 3}, "merges": [[" ", "a"], ["a", " "]]})");
  std::vector<std::uint32_t> out;
  spaces(" a ", out);
  CHECK(out == std::vector<std::uint32_t>{2, 1});
}

TEST_CASE("read_bpe: rules as the model states them") {
  const auto plain = read(R"({"vocab": {"a": 0}, "merges": []})");
  CHECK(!plain.rules().ignore_merges);
  CHECK(!plain.rules().byte_fallback);
  CHECK(!plain.rules().fuse_unknown);
  CHECK(!plain.rules().unknown);
  const auto all = read(R"({"vocab": {"a": 0, "?": 1}, "merges": [], "unk_token": "?", "fuse_unk": true,
    "byte_fallback": true, "ignore_merges": true, "dropout": null, "continuing_subword_prefix": "",
    "end_of_word_suffix": null})");
  CHECK(all.rules().ignore_merges);
  CHECK(all.rules().byte_fallback);
  CHECK(all.rules().fuse_unknown);
  CHECK(all.rules().unknown == 1U);
}

TEST_CASE("read_bpe: other models, unknown parts and broken merges are refused by name") {
  check_refused([] { read(R"({"type": "Unigram", "vocab": []})"); }, {"t.json", "Unigram", "BPE", "tokenizer.model"});
  check_refused([] { read(R"({"vocab": {"a": 0}, "merges": [], "dropout": 0.1})"); }, {"t.json", "random"});
  check_refused([] { read(R"({"vocab": {"a": 0}, "merges": [], "end_of_word_suffix": "</w>"})"); },
                {"t.json", "end_of_word_suffix"});
  check_refused([] { read(R"({"vocab": ["a"], "merges": []})"); }, {"t.json", "vocab"});
  check_refused([] { read(R"({"vocab": {"a": 0}})"); }, {"t.json", "merges"});
  check_refused([] { read(R"({"vocab": {"a": -1}, "merges": []})"); }, {"t.json", "\"a\"", "whole number"});
  check_refused([] { read(R"({"vocab": {"a": 0, "b": 0}, "merges": []})"); }, {"t.json", "two words"});
  check_refused([] { read(R"({"vocab": {"a": 4000000}, "merges": []})"); }, {"t.json", "4000000"});
  check_refused([] { read(R"({"vocab": {"a": 0}, "merges": ["a a"]})"); }, {"t.json", "merge 0", "\"aa\""});
  check_refused([] { read(R"({"vocab": {"a": 0, "aa": 1}, "merges": ["a a", "aa b"]})"); }, {"merge 1", "\"b\""});
  check_refused([] { read(R"({"vocab": {"a": 0, "aa": 1}, "merges": ["a a a"]})"); }, {"merge 0", "two words"});
  check_refused([] { read(R"({"vocab": {"a": 0, "aa": 1}, "merges": [["a"]]})"); }, {"merge 0", "pair"});
  // An empty half would make a word of itself, over and over.
  check_refused([] { read(R"({"vocab": {"": 0, "a": 1}, "merges": [["", "a"]]})"); }, {"merge 0", "empty"});
  check_refused([] { read(R"({"vocab": {"a": 0}, "merges": [], "unk_token": "?"})"); }, {"t.json", "\"?\""});
}

}  // namespace text_read_bpe_test
