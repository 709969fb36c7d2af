// SPDX-License-Identifier: Apache-2.0
// Without SentencePiece there is nothing to test.
#ifdef QFA_HAS_SENTENCEPIECE
#include "qfa/text/sentencepiece.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/text/tokenizer_json.hpp"
#include "recorded_tokenizers.hpp"
#include "scratch.hpp"

namespace text_sentencepiece_test {

using qfa_test::check_refused;
using ids = std::vector<std::uint32_t>;

TEST_CASE("sentencepiece_tokenizer: the same tokens as the same pieces in a tokenizer.json") {
  const qfa::sentencepiece_tokenizer pieces(qfa_test::tokenizer_data() / "stories260K.model");
  CHECK(pieces.size() == 512);
  CHECK(pieces.find("<s>") == 1U);
  CHECK(!pieces.find("no such piece"));
  CHECK(pieces.word(2) == "</s>");
  CHECK(!pieces.word(512));
  for (const qfa_test::recorded_family& family : qfa_test::recorded_families()) {
    if (family.name != "llama2") continue;
    qfa::json_tokenizer merges(family.tokenizer, family.name);
    std::size_t compared = 0;
    for (const std::string& text : qfa_test::recorded_texts()) {
      // A tokenizer.json finds special tokens in texts, and SentencePiece cuts its own mark where it cannot be merged.
      if (text.find('<') != std::string::npos) continue;
      CAPTURE(text);
      ids by_pieces, by_merges;
      pieces.encode(text, by_pieces);
      merges.encode(text, by_merges);
      CHECK(by_pieces == by_merges);
      if (text.find("\u2581") == std::string::npos) CHECK(pieces.decode(by_pieces) == text);
      ++compared;
    }
    CHECK(compared > 1000);
  }
}

TEST_CASE("sentencepiece_tokenizer: what is no model or no text is refused") {
  const qfa_test::scratch here;
  check_refused([&] { qfa::sentencepiece_tokenizer(here.path() / "none.model"); }, {"none.model"});
  check_refused([&] { qfa::sentencepiece_tokenizer(here.write("empty.model", "")); }, {"empty.model", "empty"});
  check_refused([&] { qfa::sentencepiece_tokenizer(here.write("x.model", "no protobuf at all")); },
                {"x.model\" is no SentencePiece model"});
  // Its library throws what it does not promise of a unigram model with a piece of no characters.
  const std::string nameless("\n\016\n\005<unk>\025\0\0\002\0\030\002\n\014\n\001\0\030\002\030\001\025 >(\001", 30);
  check_refused([&] { qfa::sentencepiece_tokenizer(here.write("nameless.model", nameless)); },
                {"nameless.model\" is no SentencePiece model"});
  const qfa::sentencepiece_tokenizer pieces(qfa_test::tokenizer_data() / "stories260K.model");
  ids out;
  check_refused([&] { pieces.encode("a\xff", out); }, {"not UTF-8", "byte 1"});
  check_refused([&] { pieces.decode(ids{512}); }, {"stories260K.model", "no token 512"});
}

}  // namespace text_sentencepiece_test
#endif
