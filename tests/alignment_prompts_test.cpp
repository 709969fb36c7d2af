// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/prompts.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "scratch.hpp"

namespace alignment_prompts_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr std::string_view valid =
    R"({"format": "qfa-prompts-1", "end_of_response": 9, "max_new_tokens": 24, "prompts": [
  {"id": "a", "label": "harmful", "split": "fit", "text": "how", "tokens": [0, 1]},
  {"id": "b", "label": "harmful", "split": "calibration", "tokens": [0, 2]},
  {"id": "c", "label": "harmless", "split": "test", "tokens": [3]},
  {"id": "d", "label": "harmful", "split": "test", "tokens": [0, 1, 2]},
  {"id": "e", "label": "harmful", "split": "test", "tokens": [0, 1, 2]}]})";

/// The valid file with one piece of it replaced.
std::string with(std::string_view piece, std::string_view other) {
  std::string out(valid);
  const std::size_t at = out.find(piece);
  REQUIRE(at != std::string::npos);
  return out.replace(at, piece.size(), other);
}

prompt_set read(const std::string& bytes, std::size_t vocabulary = 10) {
  const scratch dir;
  return read_prompts(dir.write("prompts.json", bytes), vocabulary);
}

void refuses(const std::string& bytes, std::initializer_list<std::string_view> parts) {
  check_refused([&] { read(bytes); }, parts);
  check_refused([&] { read(bytes); }, {"prompts.json\""});
}

}  // namespace

TEST_CASE("read_prompts: what the file says") {
  const prompt_set set = read(std::string(valid));
  REQUIRE(set.prompts.size() == 5);
  CHECK(set.end == 9U);
  CHECK(set.max_new_tokens == 24);
  CHECK(set.prompts[0].id == "a");
  CHECK(set.prompts[0].text == "how");
  CHECK(set.prompts[1].text.empty());
  CHECK(set.prompts[3].tokens == std::vector<std::uint32_t>{0, 1, 2});
  CHECK(set.of(prompt_label::harmful, prompt_split::test) == std::vector<std::size_t>{3, 4});
  CHECK(set.of(prompt_label::harmful, prompt_split::fit) == std::vector<std::size_t>{0});
  CHECK(set.of(prompt_label::harmful, prompt_split::calibration) == std::vector<std::size_t>{1});
  CHECK(set.of(prompt_label::harmless, prompt_split::test) == std::vector<std::size_t>{2});
  CHECK(set.of(prompt_label::harmless, prompt_split::fit).empty());
}

TEST_CASE("read_prompts: without an end or a length responses go on to 256 tokens") {
  const prompt_set set = read(with(R"("end_of_response": 9, "max_new_tokens": 24, )", ""));
  CHECK_FALSE(set.end.has_value());
  CHECK(set.max_new_tokens == 256);
}

TEST_CASE("read_prompts: one sentence names file, prompt and expectation") {
  refuses(with("qfa-prompts-1", "qfa-prompts-2"), {"is of the format \"qfa-prompts-2\"", "expected \"qfa-prompts-1\""});
  refuses(with(R"("format": "qfa-prompts-1", )", ""), {"should have \"format\""});
  refuses("[]", {"is not a JSON object"});
  refuses(with(R"("prompts": [)", R"("prompt": [)"), {"should have \"prompts\", a list"});
  refuses(R"({"format": "qfa-prompts-1", "prompts": {}})", {"should have \"prompts\", a list"});
  refuses(R"({"format": "qfa-prompts-1", "prompts": [7]})", {"prompt 0", "is not a JSON object"});
  refuses(with(R"("id": "b", )", ""), {"prompt 1", "should have \"id\""});
  refuses(with(R"("harmful", "split": "calibration")", R"("evil", "split": "calibration")"),
          {"prompt \"b\"", "has the label \"evil\"", "expected harmful or harmless"});
  refuses(with(R"("split": "calibration")", R"("split": "train")"),
          {"prompt \"b\"", "has the split \"train\"", "expected fit or calibration or test"});
  refuses(with(R"("split": "calibration", )", ""), {"should have \"split\""});
  refuses(with(", \"tokens\": [3]", ""), {"prompt \"c\"", "should have \"tokens\", a list of at least one"});
  refuses(with("[3]", "[]"), {"prompt \"c\"", "should have \"tokens\", a list of at least one"});
  refuses(with("[3]", "3"), {"prompt \"c\"", "should have \"tokens\", a list of at least one"});
  refuses(with("[3]", "[10]"), {"prompt \"c\"", "holds 10, expected a token below 10"});
  refuses(with("[3]", "[-1]"), {"prompt \"c\"", "holds -1, expected a token below 10"});
  refuses(with("[3]", "[\"3\"]"), {"prompt \"c\"", "holds \"3\", expected a token below 10"});
  refuses(with("[3]", "[4294967296]"), {"prompt \"c\"", "holds 4294967296"});
  refuses(with("\"end_of_response\": 9", "\"end_of_response\": 10"), {"end_of_response holds 10", "below 10"});
  refuses(with("\"max_new_tokens\": 24", "\"max_new_tokens\": 0"), {"max_new_tokens is 0, expected at least 1"});
  refuses(with("\"max_new_tokens\": 24", "\"max_new_tokens\": -1"), {"\"max_new_tokens\"", "a whole number"});
  refuses(with(R"("id": "e")", R"("id": "b")"), {"has two prompts with the id \"b\""});
}

TEST_CASE("read_prompts: what has no tokens is encoded, and what has some is not") {
  const scratch dir;
  std::vector<std::string> encoded;
  const prompt_encoder letters = [&](std::string_view text) {
    encoded.emplace_back(text);
    std::vector<std::uint32_t> out;
    for (const char c : text)
      out.push_back(static_cast<std::uint32_t>(c - 'a'));
    return out;
  };
  const auto with_text = [&](std::string_view text) {
    return dir.write("prompts.json", with("\"tokens\": [3]", "\"text\": \"" + std::string(text) + "\""));
  };
  const prompt_set set = read_prompts(with_text("bad"), 10, letters);
  CHECK(set.prompts[2].tokens == std::vector<std::uint32_t>{1, 0, 3});
  CHECK(set.prompts[2].text == "bad");
  CHECK(set.prompts[0].tokens == std::vector<std::uint32_t>{0, 1});
  CHECK(encoded == std::vector<std::string>{"bad"});
  check_refused([&] { read_prompts(with_text("bad"), 10); }, {"prompt \"c\"", "should have \"tokens\""});
  check_refused([&] { read_prompts(with_text("back"), 10, letters); },
                {"prompt \"c\"", "prompts.json", "token 10", "below 10"});
  check_refused([&] { read_prompts(with_text(""), 10, letters); }, {"prompt \"c\"", "no token"});
  check_refused([&] { read_prompts(with_text("ab"), 10, letters); }, {"prompt \"c\"", "prompt \"a\" of another"});
}

TEST_CASE("wrapped_prompt: the text stands in the place of the one pair of braces") {
  CHECK(wrapped_prompt("<user> {}\n<assistant>", "how {} so") == "<user> how {} so\n<assistant>");
  CHECK(wrapped_prompt("{}", "how") == "how");
  for (const char* none : {"", "<user>", "{", "{ }", "{} and {}", "{{}{}"})
    check_refused([&] { wrapped_prompt(none, "how"); }, {"one {}", std::string(none)});
}

TEST_CASE("deal_prompts: of any ten in a row five are reported, and the same places of two lists go together") {
  std::vector<std::string> texts;
  for (char c = 'a'; c < 'a' + 23; ++c)
    texts.emplace_back(1, c);
  const prompt_encoder code = [](std::string_view text) {
    return std::vector<std::uint32_t>{static_cast<std::uint32_t>(text[0])};
  };
  prompt_set set;
  deal_prompts(set, prompt_label::harmful, texts, code, 256, "\"h.txt\"");
  deal_prompts(set, prompt_label::harmless, texts, code, 256, "\"b.txt\"");
  REQUIRE(set.prompts.size() == 46);
  CHECK(set.prompts[0].id == "harmful-1");
  CHECK(set.prompts[45].id == "harmless-23");
  CHECK(set.prompts[24].text == "b");
  CHECK(set.prompts[24].tokens == std::vector<std::uint32_t>{'b'});
  CHECK_NOTHROW(check_prompts(set, "the set"));
  for (std::size_t i = 0; i < 23; ++i)
    CHECK(set.prompts[i].split == set.prompts[23 + i].split);
  for (std::size_t first = 0; first + 10 <= 23; ++first) {
    std::array<std::size_t, 3> dealt{};
    for (std::size_t i = first; i < first + 10; ++i)
      ++dealt[static_cast<std::size_t>(set.prompts[i].split)];
    CHECK(dealt == std::array<std::size_t, 3>{3, 2, 5});  // fit, calibration, test
  }
  const std::vector<std::size_t> choosing = set.of(prompt_label::harmful, prompt_split::calibration);
  REQUIRE_FALSE(choosing.empty());
  CHECK(choosing.front() < 4);
  check_refused([&] { deal_prompts(set, prompt_label::harmful, texts, code, 'c', "\"h.txt\""); },
                {"prompt \"harmful-3\" in \"h.txt\"", "token 99", "below 99"});
}

TEST_CASE("read_prompts: a prompt that chooses is never one that is reported") {
  refuses(with("[3]", "[0, 1]"), {"prompt \"c\"", "is prompt \"a\" of another split"});
  refuses(with("[0, 2]", "[0, 1]"), {"prompt \"b\"", "is prompt \"a\" of another split"});
  // The beginning of another one is another one.
  CHECK(read(with("[3]", "[0]")).prompts.size() == 5);
}

TEST_CASE("read_prompts: a damaged file is refused or read, and nothing else") {
  const scratch dir;
  const std::size_t taken = torment(std::string(valid), 400, [&](const std::string& bytes) {
    for (const prompt& p : read_prompts(dir.write("prompts.json", bytes), 10).prompts)
      for (const std::uint32_t token : p.tokens)
        CHECK(token < 10);
  });
  CHECK(taken > 0);
}

TEST_CASE("check_prompts: the same rules for prompts that come from no file") {
  const auto one = [](const std::string& id, prompt_split split, std::vector<std::uint32_t> tokens) {
    return prompt{.id = id, .split = split, .tokens = std::move(tokens)};
  };
  prompt_set set{.prompts = {one("a", prompt_split::fit, {1}), one("b", prompt_split::fit, {1})}};
  CHECK_NOTHROW(check_prompts(set, "the set"));
  set.prompts.push_back(one("c", prompt_split::test, {1}));
  check_refused([&] { check_prompts(set, "the set"); }, {"prompt \"c\" in the set is prompt \"a\" of another split"});
  set.prompts.back() = one("a", prompt_split::test, {2});
  check_refused([&] { check_prompts(set, "the set"); }, {"the set has two prompts with the id \"a\""});
}

}  // namespace alignment_prompts_test
