// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/read_report.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace report_read_report_test {

using namespace qfa;
using qfa_test::check_refused;

TEST_CASE("read_report: a report with its keys in their order") {
  const qfa_test::scratch here;
  const auto file = here.write("report.json", R"({"z": 1, "conditions": [], "a": 2})");
  const report_json read = read_report(file, "conditions");
  std::vector<std::string> keys;
  for (const auto& item : read.items())
    keys.push_back(item.key());
  CHECK(keys == std::vector<std::string>{"z", "conditions", "a"});
}

TEST_CASE("read_report: what is no report of that kind is refused by its file's name") {
  const qfa_test::scratch here;
  for (const char* text : {"{}", "[]", "1", R"({"sweep": 1})", R"(["conditions"])"})
    check_refused([&] { read_report(here.write("report.json", text), "conditions"); },
                  {"report.json", "has no conditions", "expected a report of qfa"});
  check_refused([&] { read_report(here.write("report.json", R"({"conditions": 1, "conditions": 2})"), "conditions"); },
                {"report.json", "twice"});
  check_refused([&] { read_report(here.path() / "none.json", "sweep"); }, {"none.json"});
}

}  // namespace report_read_report_test
