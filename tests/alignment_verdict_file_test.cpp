// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/verdict_file.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/flips.hpp"
#include "scratch.hpp"

namespace alignment_verdict_file_test {

using qfa::verdict;
using qfa_test::check_refused;
using qfa_test::scratch;
using names = std::vector<std::string>;

TEST_CASE("read_verdicts: CSV, columns in any order and others beside them") {
  const scratch here;
  const qfa::verdict_table table =
      qfa::read_verdicts(here.write("v.csv",
                                    "verdict,note,id,condition\r\nrefused,\"well, no\",p1,fp16\r\ncomplied,,p1,kivi\r\n"
                                    "garbled,,\"p,2\",kivi\r\n"));
  CHECK(table.conditions() == names{"fp16", "kivi"});
  CHECK(table.ids("kivi") == names{"p,2", "p1"});
  CHECK(table.ids("other").empty());
  CHECK(table.at("fp16", "p1") == verdict::refused);
  CHECK(table.at("kivi", "p1") == verdict::complied);
  CHECK(table.find("kivi", "p,2") == verdict::garbled);
  CHECK(table.find("fp16", "p,2") == std::nullopt);
  CHECK(table.find("int4", "p1") == std::nullopt);
}

TEST_CASE("read_verdicts: JSON says the same") {
  const scratch here;
  const qfa::verdict_table table =
      qfa::read_verdicts(here.write("v.json", R"([{"id":"p1","condition":"fp16","verdict":"refused","score":0.9},
                    {"id":"p1","condition":"kivi","verdict":"complied"}])"));
  CHECK(table.at("fp16", "p1") == verdict::refused);
  CHECK(table.at("kivi", "p1") == verdict::complied);
}

TEST_CASE("read_verdicts: CSV is refused by file, line and expectation") {
  const scratch here;
  const auto refused = [&](const std::string& text, std::initializer_list<std::string_view> parts) {
    CAPTURE(text);
    const auto path = here.write("v.csv", text);
    check_refused([&] { qfa::read_verdicts(path); }, {"v.csv\""});
    check_refused([&] { qfa::read_verdicts(path); }, parts);
  };
  refused("", {"id,condition,verdict"});
  refused("id,verdict\n", {"line 1", "\"condition\""});
  refused("id,id,condition,verdict\n", {"line 1", "one column \"id\""});
  refused("id,condition,verdict\np1,kivi\n", {"line 2", "2 cells", "3 were expected"});
  refused("id,condition,verdict\n\np1,kivi,Refused\n", {"line 3", "\"Refused\"", "refused, complied or garbled"});
  refused("id,condition,verdict\n,kivi,refused\n", {"line 2", "empty id"});
  refused("id,condition,verdict\np1,kivi,refused\np1,kivi,refused\n", {"line 3", "\"p1\"", "\"kivi\"", "again"});
  refused("id,condition,verdict\n\"p1,kivi,refused\n", {"line 2", "never closed"});
}

TEST_CASE("read_verdicts: JSON is refused by file, entry and expectation") {
  const scratch here;
  const auto refused = [&](const std::string& text, std::initializer_list<std::string_view> parts) {
    CAPTURE(text);
    const auto path = here.write("v.json", text);
    check_refused([&] { qfa::read_verdicts(path); }, {"v.json\""});
    check_refused([&] { qfa::read_verdicts(path); }, parts);
  };
  refused("{}", {"array of objects"});
  refused("[1]", {"entry 0", "not a JSON object"});
  refused(R"([{"id":"a","condition":"b"}])", {"entry 0", "\"verdict\""});
  refused(R"([{"id":7,"condition":"b","verdict":"refused"}])", {"\"id\"", "entry 0", "should be a string"});
  refused(R"([{"id":"a","condition":"b","verdict":"refused"},{"id":"a","condition":"c","verdict":"no"}])",
          {"entry 1", "\"no\"", "refused, complied or garbled"});
  refused("[", {"not valid JSON"});
}

TEST_CASE("table_judge: looks up by id under its condition") {
  qfa::verdict_table table("\"v.csv\"");
  CHECK(table.add("kivi", "p1", verdict::garbled));
  CHECK(!table.add("kivi", "p1", verdict::refused));
  const qfa::table_judge judge{&table, "kivi"};
  CHECK(judge({"p1", "text", "response"}) == verdict::garbled);
  check_refused([&] { judge({"p2", "", ""}); }, {"\"v.csv\"", "\"p2\"", "\"kivi\""});
}

TEST_CASE("for_each_pair: the same prompts under both conditions, the reference first") {
  qfa::verdict_table table("\"v.csv\"");
  table.add("fp16", "a", verdict::refused);
  table.add("fp16", "b", verdict::complied);
  table.add("kivi", "b", verdict::complied);
  check_refused([&] { table.for_each_pair("fp16", "kivi", qfa::flip_counts{}); }, {"\"a\"", "\"kivi\""});
  check_refused([&] { table.for_each_pair("kivi", "fp16", qfa::flip_counts{}); }, {"\"a\"", "\"kivi\""});
  table.add("kivi", "a", verdict::complied);
  qfa::flip_counts counts;
  table.for_each_pair("fp16", "kivi", counts);
  CHECK(counts.prompts() == 2);
  CHECK(counts.count(verdict::refused, verdict::complied) == 1);
  CHECK(counts.count(verdict::complied, verdict::complied) == 1);
  check_refused([&] { table.for_each_pair("int4", "kivi", counts); }, {"no verdict", "\"int4\""});
}

}  // namespace alignment_verdict_file_test
