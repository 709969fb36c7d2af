// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/json.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "scratch.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define QFA_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define QFA_SANITIZED
#endif
#endif

namespace io_json_test {

using qfa_test::check_refused;

namespace {

qfa::json parse(std::string_view text, qfa::json_limits limits = {}) {
  return qfa::parse_json(text, "\"x.json\"", limits);
}

constexpr std::string_view document =
    R"({"a": [1, -2, 3.5, true, false, null, "text", {"b": {}}, []], )"
    R"("c": {"a": 18446744073709551615, "\u00e9\n": "\ud83d\ude00"}})";

}  // namespace

TEST_CASE("parse_json: the same value as the library's own parser") {
  for (const std::string_view text :
       {document, std::string_view("1"), std::string_view("[]"), std::string_view(" null ")})
    CHECK(parse(text) == qfa::json::parse(text));
}

TEST_CASE("parse_json: integers keep their kind") {
  CHECK(parse("7").is_number_unsigned());
  CHECK(parse("-7").is_number_integer());
  CHECK(!parse("-7").is_number_unsigned());
  CHECK(parse("7.0").is_number_float());
  CHECK(parse("18446744073709551616").is_number_float());
}

TEST_CASE("parse_json: what is not JSON is refused with its name and place") {
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "nul", "NaN", "Infinity", "1e999", "01", "'a'",
                           "\"\n\"", "{} {}", "1 2", "[1}", "\"\\x\"", "\"\\ud800\"", "// x\n1"}) {
    CAPTURE(text);
    check_refused([&] { parse(text); }, {"x.json", "not valid JSON"});
  }
  check_refused([] { parse("[1, 2, x]"); }, {"byte 8"});
}

TEST_CASE("parse_json: invalid UTF-8 is refused") {
  for (const char* text :
       {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\"", "\"\xf5\x80\x80\x80\"", "\xff"})
    check_refused([&] { parse(text); }, {"x.json", "not valid JSON"});
}

TEST_CASE("parse_json: a zero byte does not end the text unseen") {
  check_refused([] { parse(std::string_view("{}\0garbage", 10)); }, {"x.json", "zero byte"});
}

TEST_CASE("parse_json: a name twice in one object is refused, in two objects not") {
  check_refused([] { parse(R"({"a": 1, "b": 2, "a": 1})"); }, {"x.json", "\"a\" twice"});
  check_refused([] { parse(R"([{"a": {"b": 1, "b": 2}}])"); }, {"\"b\" twice"});
  CHECK(parse(R"([{"a": 1}, {"a": {"a": 2}}])").size() == 2);
}

TEST_CASE("parse_json: depth is bounded, and the bound is exact") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse(nested(64)).is_array());
  check_refused([&] { parse(nested(65)); }, {"x.json", "64 levels"});
  check_refused([&] { parse(std::string(1'000'000, '[')); }, {"64 levels"});
  std::string objects;
  for (int i = 0; i < 100'000; ++i)
    objects += "{\"a\":";
  check_refused([&] { parse(objects); }, {"64 levels"});
}

TEST_CASE("parse_json: the number of values is bounded, and the bound is exact") {
  CHECK(parse("[1,2,3]", {.values = 4}).size() == 3);
  check_refused([] { parse("[1,2,3]", {.values = 3}); }, {"3 values"});
}

TEST_CASE("parse_json: ten million values are read, and one more is refused") {
#ifdef QFA_SANITIZED
  return;  // minutes there, and the cases above do the same
#endif
  std::string text = "[";
  for (int i = 1; i < 10'000'000; ++i)
    text += "0,";
  text.back() = ']';
  CHECK(parse(text).size() == 9'999'999);  // and the array itself
  text.back() = ',';
  text += "0]";
  check_refused([&] { parse(text); }, {"x.json", "more than 10000000 values"});
}

TEST_CASE("read_json: a file in both access modes, a missing one by its name") {
  const qfa_test::scratch here;
  const auto path = here.write("config.json", document);
  CHECK(qfa::read_json(path, qfa::file_access::mapped) == qfa::json::parse(document));
  CHECK(qfa::read_json(path, qfa::file_access::read) == qfa::json::parse(document));
  check_refused([&] { qfa::read_json(here.path() / "other.json"); }, {"other.json"});
  const auto bad = here.write("bad.json", "{");
  check_refused([&] { qfa::read_json(bad); }, {"bad.json", "not valid JSON"});
}

TEST_CASE("parse_json: cut anywhere or changed anywhere, it reads or refuses") {
  const std::size_t taken =
      qfa_test::torment(std::string(document), 5000, [](const std::string& text) { parse(text); });
  CHECK(taken > 20);  // a byte of a string or a digit may change
  CHECK(taken < 4000);
}

}  // namespace io_json_test
