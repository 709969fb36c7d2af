// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/interval_warnings.hpp"

#include <doctest/doctest.h>

#include <string>

namespace report_interval_warnings_test {

using namespace qfa;

TEST_CASE("interval_warnings: a policy's strongest sign is named, with what tells so, and the others are counted") {
  audit_result a;
  a.conditions.resize(2);
  a.conditions[0].reference = true;
  condition_result& c = a.conditions[1];
  c.policy = "rtn:bits=4";
  CHECK(interval_warnings(a).empty());
  c.by_honest.mean_halved = {.groups = 17, .error_ratio = 1.31, .most = 1.19};
  c.by_published.survived_halved = {.groups = 17, .error_ratio = 1.41, .most = 1.19};
  CHECK(
      interval_warnings(a) ==
      "warning: rtn:bits=4: the interval of mean r is too narrow, as neighboring groups of rows hang together: with 9 "
      "instead of 17 its standard error is 1.31 times as large, where chance allows 1.19\n");
  c.loss.emplace().kl_halved = {.groups = 17, .error_ratio = 1.4, .most = 1.3};  // not as far beyond chance
  CHECK(interval_warnings(a).find("interval of mean r") != std::string::npos);
  CHECK(interval_warnings(a).find("allows 1.19 (1 other check says so too)\n") != std::string::npos);
  a.headline = published;
  CHECK(interval_warnings(a).find("interval of the share with r above 0.9 is too narrow") != std::string::npos);
  c.loss->groups = {.block_length = 3.0, .groups = 17, .advised = 8};
  c.code_groups = group_length_check{.block_length = 12.34, .groups = 17, .advised = 4};
  CHECK(interval_warnings(a) ==
        "warning: rtn:bits=4: intervals are too narrow, as rows depend on each other in the codes' cosine over 12.3 "
        "rows: of 17 groups of rows 4 would be long enough (3 other checks say so too)\n");
  c.ladder_only = true;
  CHECK(interval_warnings(a).empty());
}

TEST_CASE("interval_warnings: policies of one sign share a sentence with the worst of their figures") {
  audit_result a;
  for (const char* policy : {"p", "q", "r"}) {
    a.conditions.emplace_back().policy = policy;
    a.conditions.back().code_groups = group_length_check{.block_length = 5.0, .groups = 64, .advised = 32};
  }
  a.conditions[1].code_groups->block_length = 7.0;
  a.conditions[2].code_groups->advised = 16;
  a.conditions[0].by_honest.mean_halved = {.groups = 64, .error_ratio = 1.31, .most = 1.19};
  CHECK(interval_warnings(a) ==
        "warning: all policies: intervals are too narrow, as rows depend on each other in the codes' cosine over up to "
        "7.0 rows: of 64 groups of rows 16 would be long enough (up to 1 other check says so too)\n");
  a.conditions[0].code_groups.reset();
  a.conditions[0].loss.emplace().groups = {.block_length = 9.0, .groups = 64, .advised = 8};
  CHECK(interval_warnings(a) ==
        "warning: all policies: intervals are too narrow, as rows depend on each other in excess loss or the codes' "
        "cosine over up to 9.0 rows: of 64 groups of rows 8 would be long enough (up to 1 other check says so too)\n");
  a.conditions[0].loss.reset();
  CHECK(
      interval_warnings(a) ==
      "warning: p: the interval of mean r is too narrow, as neighboring groups of rows hang together: with 32 instead "
      "of 64 its standard error is 1.31 times as large, where chance allows 1.19\n"
      "warning: q, r: intervals are too narrow, as rows depend on each other in the codes' cosine over up to 7.0 "
      "rows: of 64 groups of rows 16 would be long enough\n");
}

}  // namespace report_interval_warnings_test
