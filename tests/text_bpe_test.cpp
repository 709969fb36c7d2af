// SPDX-License-Identifier: Apache-2.0
#include "qfa/text/bpe.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_bpe_test {

using qfa::byte_pair_encoder;
using ids = std::vector<std::uint32_t>;

/// Words with their places as ids, and merges of such words.
byte_pair_encoder encoder(std::initializer_list<const char*> words,
                          std::initializer_list<std::pair<const char*, const char*>> merges,
                          qfa::bpe_rules rules = {}) {
  qfa::token_words known("\"made up\"");
  for (const char* word : words)
    known.add(word, known.size());
  std::vector<byte_pair_encoder::merge> list;
  for (const auto& [left, right] : merges)
    list.push_back({*known.find(left), *known.find(right), *known.find(std::string(left) + right)});
  return {std::move(known), list, rules};
}

ids tokens(byte_pair_encoder& encode, std::string_view text) {
  ids out;
  encode(text, out);
  return out;
}

TEST_CASE("byte_pair_encoder: the lowest rank goes first, and of equals the leftmost") {
  auto encode = encoder({"a", "b", "c", "ab", "bc", "abc"}, {{"b", "c"}, {"a", "b"}, {"a", "bc"}});
  CHECK(tokens(encode, "abc") == ids{5});
  CHECK(tokens(encode, "abab") == ids{3, 3});
  CHECK(tokens(encode, "abcab") == ids{5, 3});
  auto pairs = encoder({"a", "aa"}, {{"a", "a"}});
  CHECK(tokens(pairs, "aaa") == ids{1, 0});
  CHECK(tokens(pairs, "") == ids{});
  CHECK(tokens(pairs, "aaaaa") == ids{1, 1, 0});
}

TEST_CASE("byte_pair_encoder: the same as joining the best pair again and again") {
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    qfa::token_words words("\"made up\"");
    std::vector<std::string> known{"a", "b", "c", "\u00e9"};
    for (const std::string& word : known)
      words.add(word, words.size());
    std::vector<byte_pair_encoder::merge> merges;
    while (merges.size() < 40) {
      const std::string left = known[random() % known.size()], right = known[random() % known.size()];
      if (words.find(left + right) || left.size() + right.size() > 9) continue;
      words.add(left + right, words.size());
      known.push_back(left + right);
      merges.push_back({*words.find(left), *words.find(right), *words.find(left + right)});
    }
    byte_pair_encoder encode(words, merges, {});
    for (int text = 0; text < 20; ++text) {
      std::string drawn;
      ids slow;
      for (std::size_t n = random() % (text < 3 ? 700 : 60); n > 0; --n) {
        slow.push_back(static_cast<std::uint32_t>(random() % 4));
        drawn += known[slow.back()];
      }
      for (bool joined = true; joined;) {
        joined = false;
        for (const auto& merge : merges) {
          for (std::size_t i = 0; i + 1 < slow.size() && !joined; ++i) {
            if (slow[i] != merge.left || slow[i + 1] != merge.right) continue;
            slow[i] = merge.whole;
            slow.erase(slow.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            joined = true;
          }
          if (joined) break;
        }
      }
      CAPTURE(drawn);
      CHECK(tokens(encode, drawn) == slow);
      CHECK(tokens(encode, drawn) == slow);  // remembered
    }
  }
}

TEST_CASE("byte_pair_encoder: merges are ignored for a whole word, if so asked") {
  auto plain = encoder({"a", "b", "ab", "aba"}, {{"a", "b"}});
  CHECK(tokens(plain, "aba") == ids{2, 0});
  auto whole = encoder({"a", "b", "ab", "aba"}, {{"a", "b"}}, {.ignore_merges = true});
  CHECK(tokens(whole, "aba") == ids{3});
  CHECK(tokens(whole, "abab") == ids{2, 2});
}

TEST_CASE("byte_pair_encoder: unknown characters become bytes, or the unknown token, one by one or together") {
  auto bytes = encoder({"?", "a", "<0xC3>", "<0xA9>", "<0xA8>"}, {},
                       {.byte_fallback = true, .fuse_unknown = true, .unknown = 0U});
  CHECK(tokens(bytes, "a\u00e9a\u00e8") == ids{1, 2, 3, 1, 2, 4});
  CHECK(tokens(bytes, "\u00eaa\u00ea\u4e00") == ids{0, 1, 0});  // not all of its bytes are there
  auto apart = encoder({"?", "a"}, {}, {.unknown = 0U});
  CHECK(tokens(apart, "\u00e9\u00e9a\u00e9") == ids{0, 0, 1, 0});
  auto fused = encoder({"?", "a"}, {}, {.fuse_unknown = true, .unknown = 0U});
  CHECK(tokens(fused, "\u00e9\u00e9a\u00e9") == ids{0, 1, 0});
}

TEST_CASE("byte_pair_encoder: a character without a token is refused, not left out") {
  auto encode = encoder({"a"}, {});
  qfa_test::check_refused([&] { tokens(encode, "ab"); }, {"\"made up\"", "\"b\""});
  CHECK(tokens(encode, "aa") == ids{0, 0});
}

TEST_CASE("byte_pair_encoder: a long piece falls into runs, but not where something spans them") {
  const std::string many(300, 'b');
  auto encode =
      encoder({"?", "a", "b", "ab", "ba", "c"}, {{"a", "b"}, {"b", "a"}}, {.fuse_unknown = true, .unknown = 0U});
  ids expected{0, 1, 5, 0, 3};
  expected.insert(expected.end(), 300, 2);
  expected.push_back(0);
  CHECK(tokens(encode,
               "\u00e9\u00e8ac\u00e9\u4e00"
               "ab" +
                   many + "xy") == expected);
  auto whole = encoder({"a", "b", "c", "ab", "abc"}, {{"a", "b"}}, {.ignore_merges = true});
  ids one{3, 2};
  one.insert(one.end(), 300, 1);
  CHECK(tokens(whole, "abc" + many) == one);  // "abc" is no piece here
}

TEST_CASE("byte_pair_encoder: long pieces take no square of time") {
  auto encode = encoder({"a", "aa", "aaaa"}, {{"a", "a"}, {"aa", "aa"}});
  const ids found = tokens(encode, std::string(200003, 'a'));
  CHECK(found.size() == 50002);
  CHECK(found.front() == 2);
  CHECK(found[50000] == 1);
  CHECK(found[50001] == 0);
}

}  // namespace text_bpe_test
