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
#else
  check_refused([&] { qfa::open_tokenizer(file); }, {"stories260K.model", "built without SentencePiece"});
#endif
}

}  // namespace text_tokenizer_test
#endif
