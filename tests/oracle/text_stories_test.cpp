// SPDX-License-Identifier: Apache-2.0
// Stories as SentencePiece cut them for llama2.c (data/stories260K): their text, cut again.
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#ifdef QFA_HAS_TEXT
#include "qfa/model/tokens.hpp"
#include "qfa/text/tokenizer.hpp"
#include "recorded_tokenizers.hpp"

namespace text_stories_test {
namespace {

/// Encodes the text of every story by itself, and returns how many come back as other tokens.
std::size_t stories_that_differ(const qfa::tokenizer& words, std::size_t& stories) {
  const qfa::token_rows all =
      qfa::read_tokens(qfa_test::oracle_data() / "stories260K" / "tokens.npy", {.context = 256, .vocabulary = 512});
  constexpr std::uint32_t bos = 1;
  std::size_t differ = 0;
  const std::span<const std::uint32_t> ids(all.ids);
  for (auto begin = ids.begin(); begin != ids.end();) {
    const auto end = std::find(begin + 1, ids.end(), bos);
    const std::span<const std::uint32_t> story(begin + 1, end);
    begin = end;
    if (begin == ids.end()) break;  // cut off with the last row
    std::vector<std::uint32_t> again;
    words.encode(words.decode(story), again);
    differ += std::ranges::equal(again, story) ? 0U : 1U;
    ++stories;
  }
  return differ;
}

}  // namespace

TEST_CASE("stories260K: merges make the tokens that SentencePiece made of 2300 stories") {
  for (const qfa_test::recorded_family& family : qfa_test::recorded_families()) {
    if (family.name != "llama2") continue;
    std::size_t stories = 0;
    CHECK(stories_that_differ(qfa::detail::any_tokenizer("", "", qfa::json_tokenizer(family.tokenizer, family.name)),
                              stories) == 0);
    CHECK(stories > 2200);
  }
}

#ifdef QFA_HAS_SENTENCEPIECE
TEST_CASE("stories260K: so does SentencePiece, by a model that was written from the same pieces") {
  std::size_t stories = 0;
  CHECK(stories_that_differ(qfa::open_tokenizer(qfa_test::tokenizer_data() / "stories260K.model"), stories) == 0);
  CHECK(stories > 2200);
}
#endif

}  // namespace text_stories_test
#endif
