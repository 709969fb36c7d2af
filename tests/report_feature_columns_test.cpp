// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/feature_columns.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "made_report.hpp"

namespace report_feature_columns_test {

using namespace qfa;

TEST_CASE("feature_columns: the reference's columns once, and each policy's under its name, whatever that holds") {
  const std::string hostile = "a,\"b\"\r\n</script>";
  const feature_columns table =
      read_feature_columns(qfa_test::made_features({"reference", "rtn:bits=4", hostile}), "t");
  CHECK(table.features == 12);
  REQUIRE(table.conditions.size() == 3);
  CHECK(table.conditions[0].policy == "reference");
  CHECK(table.conditions[2].policy == hostile);
  const feature_column* firings = table.conditions[0].find("reference_firings");
  REQUIRE(firings != nullptr);
  CHECK(firings->cells.size() == 12);
  CHECK(firings->cells[11] == 61.0);
  CHECK(table.conditions[1].find("reference_firings") == nullptr);
  const feature_column* r = table.conditions[1].find("r");
  REQUIRE(r != nullptr);
  CHECK(r->cells[0] == 0.95);
  CHECK(r->cells[1] == 0.25);
  const feature_column* band = table.conditions[2].find("honest_outcome");
  REQUIRE(band != nullptr);
  CHECK(band->words == std::vector<std::string>{"survived", "blurred", "unmeasured"});
  CHECK(band->cells[5] == 2.0);
  CHECK(std::isnan(table.conditions[1].find("r_lower")->cells[3]));
  CHECK(std::isnan(table.conditions[1].find("census")->cells[5]));
  CHECK(table.conditions[1].find("phi") == nullptr);
}

TEST_CASE("feature_columns: a count beyond what a float holds is exact, and a censored number keeps its word") {
  const std::string head = "policy,feature,active,reference_firings,effective_bits,effective_bits_censored\r\n";
  const feature_columns table = read_feature_columns(
      head + "reference,0,1,16777217,,\r\nreference,1,1,3,,\r\np,0,1,16777217,8,at_least\r\np,1,1,3,4.5,\r\n", "t");
  REQUIRE(table.conditions.size() == 2);
  CHECK(table.conditions[0].find("reference_firings")->cells[0] == 16777217.0);
  const feature_column* censored = table.conditions[1].find("effective_bits_censored");
  REQUIRE(censored != nullptr);
  CHECK(censored->kind == column_kind::word);
  CHECK(censored->words == std::vector<std::string>{"at_least"});
  CHECK(censored->cells[0] == 0.0);
  CHECK(std::isnan(censored->cells[1]));
}

TEST_CASE("feature_columns: refuses, by the line, what no audit wrote") {
  const std::string good = qfa_test::made_features({"reference", "p"}, 2);
  CHECK(read_feature_columns(good, "t").features == 2);
  CHECK(read_feature_columns(good.substr(0, good.size() - 2), "t").features == 2);  // the last line may end in nothing
  const auto refused = [&](std::string text, const std::string& what) {
    CHECK_THROWS_WITH_AS(read_feature_columns(text, "t"), doctest::Contains(what.c_str()), error);
  };
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.rfind(from), from.size(), to);
  };
  refused("", "t, line 0, begins with other columns");
  refused("a,b\n1,2\n", "line 1, begins with other columns");
  refused(changed("p,1,", "p,2,"), "line 6, is not that of feature 1");
  refused(changed("p,1,", "q,0,"), "line 6, comes before all features");
  refused(changed("p,1,", "reference,0,"), "line 6, comes before all features");
  refused(good.substr(0, good.rfind("p,1,")), "ends before all features came");
  refused(changed(",0.95", ",0.9x"), "line 5, has a cell in r that is no number");
  refused(changed("p,1,1,", "p,1,"), "line 6, has another number of cells");
  refused(changed("p,1,", "\"p,1,"), "line 6, opens a quote that is never closed");
  refused(changed("p,1,", "\"p\"x,1,"), "line 6, goes on after a closing quote");
  refused(good + "reference,0," + good.substr(good.find("1,", good.find("reference,0,"))), "came before");
}

TEST_CASE("feature_columns: the name of a condition is read without what keeps a spreadsheet from computing it") {
  const feature_columns read =
      read_feature_columns("policy,feature,r\nreference,0,1\n'=1+1,0,0.5\n\"'@a,b\",0,0.25\n''c,0,0.125\n", "t");
  REQUIRE(read.conditions.size() == 4);
  CHECK(read.conditions[1].policy == "=1+1");
  CHECK(read.conditions[2].policy == "@a,b");
  CHECK(read.conditions[3].policy == "'c");
}

TEST_CASE("feature_columns: a column holds 200 words, no more") {
  const auto table = [](std::size_t words) {
    std::string text = "policy,feature,census\n", reference, p;
    for (std::size_t f = 0; f < words; ++f) {
      reference += "reference," + std::to_string(f) + ",\n";
      p += "p," + std::to_string(f) + ",w" + std::to_string(f) + "\n";
    }
    return text + reference + p;
  };
  CHECK(read_feature_columns(table(200), "t").conditions[1].find("census")->words.size() == 200);
  CHECK_THROWS_WITH_AS(read_feature_columns(table(201), "t"),
                       doctest::Contains("line 403, has yet another word in census"), error);
}

}  // namespace report_feature_columns_test
