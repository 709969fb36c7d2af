// SPDX-License-Identifier: Apache-2.0
#ifdef QFA_HAS_TEXT
#include "qfa/text/tokenizer.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "recorded_tokenizers.hpp"
#include "scratch.hpp"

namespace text_tokenizer_test {

using qfa_test::check_refused;
using ids = std::vector<std::uint32_t>;

const char* const letters = R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 4}, "merges": ["a b"]}})";

TEST_CASE("open_tokenizer: a file, or what a directory has, tokenizer.json first") {
  const qfa_test::scratch here;
  const auto file = here.write("model/tokenizer.json", letters);
  here.write("model/tokenizer.model", "not looked at");
  for (const auto& path : {file, file.parent_path()}) {
    const qfa::tokenizer words = qfa::open_tokenizer(path);
    CHECK(words.kind == "BPE over characters");
    CHECK(words.file == file);
    CHECK(words.size == 5);
    ids out{7};
    words.encode("aab", out);
    CHECK(out == ids{7, 0, 4});
    CHECK(words.decode(ids{0, 4}) == "aab");
    CHECK(words.find("b") == 1U);
    CHECK(!words.find("c"));
  }
  const auto bytes =
      here.write("bytes.json", R"({"pre_tokenizer": {"type": "ByteLevel"}, "model": {"vocab": {}, "merges": []}})");
  CHECK(qfa::open_tokenizer(bytes).kind == "byte-level BPE");
}

TEST_CASE("decode_any: an id without a word reads as its number, whether within the words or beyond them") {
  const qfa_test::scratch here;
  const qfa::tokenizer words = qfa::open_tokenizer(here.write("tokenizer.json", letters));
  CHECK(qfa::decode_any(words, ids{0, 1, 3, 9, 4}) == "ab<3><9>ab");
  CHECK(qfa::decode_any(words, ids{5}) == "<5>");
  CHECK(qfa::decode_any(words, ids{4, 1}) == "abb");
  CHECK(qfa::decode_any(words, {}).empty());
  check_refused([&] { words.decode(ids{0, 3}); }, {"tokenizer.json", "no token 3"});
}

TEST_CASE("marks_read_as_text: special tokens by their spelling that a text does not become") {
  const qfa_test::scratch here;
  const qfa::tokenizer words = qfa::open_tokenizer(here.write(
      "tokenizer.json", R"({"added_tokens": [{"id": 3, "content": "<s>"}], "model": {"type": "BPE", "unk_token": "a",
      "vocab": {"a": 0, "<": 1, "<b>": 2}, "merges": []}})"));
  CHECK(qfa::marks_read_as_text(words, "<s>a <b> <|x|> a < b > <c> <<b> >") ==
        std::vector<std::string>{"<b>", "<|x|>"});
  CHECK(qfa::marks_read_as_text(words, "> {} <").empty());
}

TEST_CASE("open_tokenizer: nothing, and what is not known, is refused by its name") {
  const qfa_test::scratch here;
  check_refused([&] { qfa::open_tokenizer(here.path()); }, {here.path().string(), "tokenizer.json", "tokenizer.model"});
  check_refused([&] { qfa::open_tokenizer(here.path() / "gone.json"); }, {"gone.json", "no tokenizer"});
  check_refused([&] { qfa::open_tokenizer(here.write("model.gguf", "GGUF")); }, {"model.gguf", "no tokenizer"});
  check_refused([&] { qfa::open_tokenizer(here.write("tokenizer.json", "{")); }, {"tokenizer.json", "JSON"});
}

TEST_CASE("open_tokenizer: a SentencePiece model, or the sentence that says what is missing") {
  const auto file = qfa_test::tokenizer_data() / "stories260K.model";
#ifdef QFA_HAS_SENTENCEPIECE
  const qfa::tokenizer words = qfa::open_tokenizer(file);
  CHECK(words.kind == "SentencePiece");
  CHECK(words.size == 512);
  ids out;
  words.encode("Once upon a time", out);
  // llama2.c tokenizes every story that begins so to these; they stand in tokens.npy of stories260K.
  CHECK(out == ids{403, 407, 261, 378});
  CHECK(words.decode(out) == "Once upon a time");
  CHECK(qfa::decode_any(words, ids{403, 407, 512}) == "Once upon<512>");
  CHECK(qfa::marks_read_as_text(words, "<s>{}<|user|>") == std::vector<std::string>{"<s>", "<|user|>"});
#else
  check_refused([&] { qfa::open_tokenizer(file); }, {"stories260K.model", "built without SentencePiece"});
#endif
}

}  // namespace text_tokenizer_test
#endif
