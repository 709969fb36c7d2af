// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/reported_rows.hpp"

#include <doctest/doctest.h>

#include <utility>

namespace audit_reported_rows_test {

using namespace qfa;

namespace {

json file(const char* role, const char* crc, int bytes = 7) {
  return {{"path", "somewhere"}, {"role", role}, {"bytes", bytes}, {"crc32", crc}};
}

/// Of a model and two files of tokens.
json made() {
  return {{"protocol",
           {{"source", "model"},
            {"rows", 64},
            {"context", 128},
            {"skip_positions", 0},
            {"prepend_bos", true},
            {"groups", 8},
            {"inputs", json::array({file("model", "m"), file("tokens", "1"), file("tokens", "2")})}}}};
}

bool same(const json& a, const json& b) { return same_rows(rows_of_report(a), rows_of_report(b)); }

}  // namespace

TEST_CASE("reported_rows: the same rows are as many of files of the same bytes, in order, wherever they lie") {
  const json report = made();
  json other = report;
  other["protocol"]["inputs"][1]["path"] = "elsewhere";
  other["protocol"]["inputs"][0]["crc32"] = "another model";
  other["protocol"]["groups"] = 4;
  CHECK(same(report, other));
  other["protocol"]["inputs"][1]["bytes"] = 8;
  CHECK_FALSE(same(report, other));
  other = report;
  std::swap(other["protocol"]["inputs"][1], other["protocol"]["inputs"][2]);
  CHECK_FALSE(same(report, other));
  for (const char* key : {"rows", "context", "skip_positions", "prepend_bos"}) {
    CAPTURE(key);
    other = report;
    other["protocol"].erase(key);
    CHECK_FALSE(same(report, other));
  }
}

TEST_CASE("reported_rows: text is known by its file and by how it was cut, not by where a tokenizer lay") {
  json report = made();
  report["protocol"]["inputs"] = json::array({file("text", "t")});
  report["protocol"]["text"] = {{"tokenizer", "m/tokenizer.json"}, {"crc32", "1"}};
  json other = report;
  other["protocol"]["text"]["tokenizer"] = "/home/m/tokenizer.json";
  CHECK(rows_of_report(report).source == "text");
  CHECK(same(report, other));
  other["protocol"]["inputs"].push_back(file("text", "1"));  // outside the model's directory it is a file of its own
  CHECK(same(report, other));
  other["protocol"]["text"]["crc32"] = other["protocol"]["inputs"][1]["crc32"] = "2";
  CHECK(why_other_tokens(rows_of_report(report), rows_of_report(other)) ==
        "the audits do not make the same tokens of their text");
}

TEST_CASE("reported_rows: dumped activations are rows of their own files, and not of compressed ones") {
  json report = made();
  report["protocol"]["source"] = "activations";
  report["protocol"]["inputs"] = json::array({file("activations", "a"), file("compressed activations", "b")});
  json other = report;
  other["protocol"]["inputs"][1]["crc32"] = "c";
  CHECK(same(report, other));
  other["protocol"]["inputs"][0]["crc32"] = "c";
  CHECK(why_other_tokens(rows_of_report(report), rows_of_report(other)) ==
        "the audits do not come from the same activations");
}

TEST_CASE("reported_rows: what names no files, or is no report of ours, is not known to be of the same rows") {
  for (const char* text :
       {"{}", "[]", R"({"protocol": 3})", R"({"protocol": {"inputs": ["a", {"role": 1}], "text": 2}})"}) {
    CAPTURE(text);
    const json report = json::parse(text);
    CHECK_FALSE(same(report, report));
  }
}

TEST_CASE("reported_rows: the first difference is named with both values") {
  const json report = made();
  json other = report;
  other["protocol"]["rows"] = 63;
  other["protocol"].erase("groups");
  const reported_rows a = rows_of_report(report), b = rows_of_report(other);
  CHECK(why_other_protocol(a, b, {"context", "rows", "groups"}) == "their protocols differ in rows (64 and 63)");
  CHECK(why_other_protocol(a, b, {"groups"}) == "their protocols differ in groups (8 and nothing)");
  CHECK(why_other_protocol(a, b, {"context"}).empty());
}

}  // namespace audit_reported_rows_test
