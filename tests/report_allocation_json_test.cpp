// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/allocation_json.hpp"

#include <doctest/doctest.h>

#include "kept_json.hpp"
#include "made_up_allocation.hpp"

namespace report_allocation_json_test {

TEST_CASE("to_json: an allocation with its table, its plans and their differences") {
  const qfa::report_json out = qfa::to_json(qfa_test::made_allocation());
  qfa_test::keep_json("allocation", out);
  CHECK(out.at("format") == "qfa-allocation-1");
  CHECK(out.at("budget_bits") == 800);
  CHECK(out.at("uniform") == "rtn:bits=4");
  CHECK(out.at("fit").at("features") == 2);
  CHECK(out.at("held_out").at("features") == 100);
  CHECK(out.at("additivity").at("holds") == true);
  CHECK(out.at("additivity").at("licensed_within") == qfa::report_json({0.67, 1.5}));
  CHECK(out.at("plans").size() == 4);
  CHECK(out.at("plans")[1].at("policies") == qfa::report_json({"rtn:bits=4", "rtn:bits=3"}));
  CHECK(out.at("plans")[1].at("predicted").at("kl") == 0.1 + 0.2);
  CHECK(out.at("plans")[1].at("survived") == 80.0);
  CHECK(out.at("plans")[1].at("smoothed_survived") == 80.5);
  CHECK(out.at("plans")[3].at("smoothed_median_noise_to_signal") == 0.1 * 4.0);
  const qfa::report_json& gain = out.at("comparisons")[0];
  CHECK(gain.at("survived_more").at("value") == 10.0);
  CHECK(gain.at("smoothed_survived_more").at("value") == 10.25);
  CHECK(gain.at("smoothed_median_noise_to_signal_ratio").at("value") == 2.0);
  // Both have the spread of the smoothed counts, about their own values.
  CHECK(gain.at("survived_more").at("interval").at("standard_error") ==
        gain.at("smoothed_survived_more").at("interval").at("standard_error"));
  CHECK(out.at("comparisons")[0].at("survived_more").at("interval").at("lower") > 0.0);
  CHECK(out.at("comparisons")[3].at("against") == "KL");
  CHECK(out.at("comparisons")[3].at("kl_ratio").at("value") == 0.5);
  CHECK(out.at("matrices")[0].at("isolated")[0].at("objective") == 0.3);
  CHECK(out.at("matrices")[1].at("isolated")[1].at("bits") == 400);
  CHECK(out.at("held_out").at("group_halving").is_null());
  CHECK(out.at("fit").at("group_halving").is_null());
}

TEST_CASE("to_json: an allocation says that groups of held-out rows were joined, and why") {
  qfa::allocation_result a = qfa_test::made_allocation();
  a.halving = qfa::group_halving{
      .from = 40, .to = 10, .block_length = 3.5, .policy = "KL", .series = "excess loss", .for_halves = 20};
  const qfa::report_json out = qfa::to_json(a);
  qfa_test::keep_json("joined_allocation", out);
  CHECK(out.at("fit").at("group_halving").is_null());
  const qfa::report_json& joined = out.at("held_out").at("group_halving");
  CHECK(joined.at("groups_before") == 40);
  CHECK(joined.at("groups") == 10);
  CHECK(joined.at("policy") == "KL");
}

}  // namespace report_allocation_json_test
