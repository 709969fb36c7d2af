// SPDX-License-Identifier: Apache-2.0
#ifdef QFA_HAS_TEXT
#include "qfa/text/pre_tokenizer.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_pre_tokenizer_test {

using qfa_test::check_refused;
using list = std::vector<std::string>;

qfa::pre_tokenizer read(const std::string& described) { return {qfa::parse_json(described, "steps"), "\"t.json\""}; }

list pieces(const qfa::pre_tokenizer& cut, std::string_view text, bool first = true) {
  list out;
  cut(text, first, [&](std::string_view piece) { out.emplace_back(piece); });
  return out;
}

/// "the-final--countdown", as the documentation of Hugging Face's tokenizers cuts it.
list at_dashes(const std::string& behavior, const std::string& invert = "false") {
  return pieces(read(R"({"type": "Split", "pattern": {"String": "-"}, "behavior": ")" + behavior + R"(", "invert": )" +
                     invert + "}"),
                "the-final--countdown");
}

TEST_CASE("pre_tokenizer: what becomes of the places where a Split cuts") {
  CHECK(at_dashes("Removed") == list{"the", "final", "countdown"});
  CHECK(at_dashes("Isolated") == list{"the", "-", "final", "-", "-", "countdown"});
  CHECK(at_dashes("MergedWithPrevious") == list{"the-", "final-", "-", "countdown"});
  CHECK(at_dashes("MergedWithNext") == list{"the", "-final", "-", "-countdown"});
  CHECK(at_dashes("Contiguous") == list{"the", "-", "final", "--", "countdown"});
  CHECK(at_dashes("Removed", "true") == list{"-", "-", "-"});
}

TEST_CASE("pre_tokenizer: GPT-2's pattern, with and without a space before the text") {
  const auto plain = read(R"({"type": "ByteLevel", "add_prefix_space": false})");
  CHECK(plain.byte_level());
  CHECK(!plain.prepends());
  CHECK(pieces(plain, "I'm  here\n\n1st ''s!") ==
        list{"I", "'m", " ", " here", "\n", "\n", "1", "st", " ''", "s", "!"});
  CHECK(pieces(plain, "").empty());
  const auto spaced = read(R"({"type": "ByteLevel"})");
  CHECK(spaced.prepends());
  CHECK(pieces(spaced, "a b") == list{" a", " b"});
  CHECK(pieces(spaced, " a") == list{" a"});
  CHECK(pieces(spaced, "\na") == list{" ", "\n", "a"});
  CHECK(pieces(read(R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})"), "a b") == list{"a b"});
}

TEST_CASE("pre_tokenizer: digits alone or together, and steps in a row") {
  CHECK(pieces(read(R"({"type": "Digits", "individual_digits": true})"), "a12\u00bd") == list{"a", "1", "2", "\u00bd"});
  CHECK(pieces(read(R"({"type": "Digits"})"), "a12b") == list{"a", "12", "b"});
  CHECK(pieces(read(R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true},
    {"type": "ByteLevel", "add_prefix_space": true}]})"),
               "a1 b") == list{" a", " 1", " b"});
}

TEST_CASE("pre_tokenizer: a mark for spaces, and where it is put before a text") {
  const std::string mark = R"({"type": "Metaspace", "replacement": "_", )";
  CHECK(pieces(read(mark + R"("prepend_scheme": "always"})"), "a  b", false) == list{"_a", "_", "_b"});
  CHECK(pieces(read(mark + R"("prepend_scheme": "first", "split": false})"), "a b") == list{"_a_b"});
  CHECK(pieces(read(mark + R"("prepend_scheme": "first", "split": false})"), "a b", false) == list{"a_b"});
  CHECK(pieces(read(mark + R"("prepend_scheme": "always", "split": false})"), " a") == list{"_a"});
  CHECK(pieces(read(mark + R"("prepend_scheme": "never", "split": false})"), "a") == list{"a"});
  CHECK(pieces(read(mark + R"("add_prefix_space": false})"), "a b") == list{"a", "_b"});
  // Only the piece at the beginning of the whole text is the first.
  CHECK(pieces(read(R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"String": ";"},
    "behavior": "Isolated"}, {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": false}]})"),
               "a;b") == list{"_a", ";", "b"});
  CHECK(pieces(read(R"({"type": "Metaspace"})"), "a b") == list{"\u2581"
                                                                "a",
                                                                "\u2581"
                                                                "b"});
  CHECK(read(mark + R"("prepend_scheme": "first"})").prepends());
  CHECK(!read(mark + R"("prepend_scheme": "never"})").prepends());
}

TEST_CASE("pre_tokenizer: other kinds and broken steps are refused by name") {
  check_refused([] { read(R"({"type": "BertPreTokenizer"})"); }, {"BertPreTokenizer", "t.json", "ByteLevel"});
  check_refused([] { read(R"({"type": "Split", "pattern": {"String": "-"}, "behavior": "Lost"})"); },
                {"Lost", "t.json"});
  check_refused([] { read(R"({"type": "Split", "behavior": "Removed"})"); }, {"pattern", "t.json"});
  check_refused([] { read(R"({"type": "Sequence"})"); }, {"list", "t.json"});
  check_refused([] { read(R"({"type": "Metaspace", "prepend_scheme": "last"})"); }, {"last", "t.json"});
  check_refused([] { read(R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]})"); },
                {"Digits", "behind ByteLevel", "t.json"});
}

}  // namespace text_pre_tokenizer_test
#endif
