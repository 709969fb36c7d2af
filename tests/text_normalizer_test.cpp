// SPDX-License-Identifier: Apache-2.0
#ifdef QFA_HAS_TEXT
#include "qfa/text/normalizer.hpp"

#include <string>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_normalizer_test {

using qfa_test::check_refused;

qfa::normalizer read(const std::string& described) { return {qfa::parse_json(described, "normalizer"), "\"t.json\""}; }

TEST_CASE("normalizer: each kind, and a sequence in its order") {
  CHECK(qfa::normalizer()("e\u0301 ") == "e\u0301 ");
  CHECK(qfa::normalizer().empty());
  CHECK(read(R"({"type": "NFC"})")("e\u0301") == "\u00e9");
  const auto prepend = read(R"({"type": "Prepend", "prepend": "_"})");
  CHECK(prepend("a") == "_a");
  CHECK(prepend("") == "");
  CHECK(prepend.prepends());
  const auto replace = read(R"({"type": "Replace", "pattern": {"String": "."}, "content": "$1"})");
  CHECK(replace("a.b..") == "a$1b$1$1");
  CHECK(!replace.prepends());
  CHECK(!replace.empty());
  CHECK(read(R"({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\n"})")("a  b   c d") == "a\nb\nc d");
  const std::string both =
      R"([{"type": "Prepend", "prepend": " "}, {"type": "Replace", "pattern": {"String": " "}, "content": "_"}])";
  CHECK(read(R"({"type": "Sequence", "normalizers": )" + both + "}")("a b") == "_a_b");
}

TEST_CASE("normalizer: other kinds and broken steps are refused by name") {
  check_refused([] { read(R"({"type": "Precompiled"})"); }, {"Precompiled", "t.json", "NFC"});
  check_refused([] { read(R"({"prepend": "_"})"); }, {"t.json", "type"});
  check_refused([] { read(R"({"type": "Sequence"})"); }, {"t.json", "list"});
  check_refused([] { read(R"({"type": "Replace", "content": ""})"); }, {"t.json", "pattern"});
  check_refused([] { read(R"({"type": "Replace", "pattern": {"Regex": "["}, "content": ""})"); }, {"t.json", "\"[\""});
}

}  // namespace text_normalizer_test
#endif
