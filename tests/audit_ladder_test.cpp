// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/ladder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "made_up_ladder_audit.hpp"

namespace audit_ladder_test {

using namespace qfa;
using qfa_test::made_ladder_audit;

TEST_CASE("rung_of: bits and the rest of the spec string, and nothing for other policies") {
  CHECK(rung_of("rtn:bits=4")->bits == 4);
  CHECK(rung_of("rtn:bits=4")->family == "rtn");
  CHECK(rung_of("rtn:bits=8,per=tensor")->family == "rtn:per=tensor");
  CHECK(rung_of("rtn:per=group,bits=3,group=64")->family == "rtn:per=group,group=64");
  for (const char* other :
       {"rtn:bits=2", "rtn:bits=9", "rtn:bits=", "rtn:bits=4x", "rtn:per=tensor", "rtn", "gptq:bits=4",
        "rtn:bits=4+act:bits=8", "rtn:bits=4 & kivi:bits=2", "noise:match=(rtn:bits=6),seed=1", ""})
    CHECK_FALSE(rung_of(other).has_value());
}

TEST_CASE("missing_rungs: those from 3 to 8 bits that are not there") {
  const std::vector<std::string> known{"rtn:bits=4", "rtn:bits=8", "rtn:bits=5,per=tensor"};
  std::vector<int> bits;
  for (const rtn& rung : missing_rungs(known))
    bits.push_back(rung.bits);
  CHECK(bits == std::vector<int>{3, 5, 6, 7});
}

TEST_CASE("find_ladder: three rungs of a family, the plain one first, else the longest") {
  const auto family = [](const std::vector<std::string>& names) {
    std::vector<condition_result> conditions;
    for (const std::string& name : names)
      conditions.emplace_back().policy = name;
    const auto found = find_ladder(conditions);
    return found ? found->family + " " + std::to_string(found->conditions.size()) + " from " +
                       std::to_string(found->conditions[0])
                 : "none";
  };
  CHECK(family({"rtn:bits=8", "rtn:bits=4", "rtn:bits=5,per=tensor"}) == "none");
  CHECK(family({"rtn:bits=8", "rtn:bits=4", "rtn:bits=3"}) == "none");  // two from 4 bits on
  CHECK(family({"rtn:bits=8", "rtn:bits=4", "rtn:bits=5"}) == "rtn 3 from 1");
  const std::string tensor = ",per=tensor", group = ",per=group";
  CHECK(family({"rtn:bits=8" + tensor, "rtn:bits=6" + tensor, "rtn:bits=7" + tensor, "rtn:bits=5" + tensor,
                "rtn:bits=8", "rtn:bits=4", "rtn:bits=5"}) == "rtn 3 from 5");
  CHECK(family({"rtn:bits=8" + tensor, "rtn:bits=6" + tensor, "rtn:bits=7" + tensor, "rtn:bits=8" + group,
                "rtn:bits=7" + group, "rtn:bits=6" + group, "rtn:bits=4" + group}) == "rtn:per=group 4 from 6");
  CHECK(family({"rtn:bits=8" + tensor, "rtn:bits=6" + tensor, "rtn:bits=7" + tensor, "rtn:bits=8" + group,
                "rtn:bits=7" + group, "rtn:bits=6" + group}) == "rtn:per=tensor 3 from 1");
}

TEST_CASE("measure_by_ladder: every condition but the reference has its bits, over counted features") {
  audit_result audit = made_ladder_audit();
  measure_by_ladder(audit);
  REQUIRE(audit.ladder.has_value());
  CHECK(audit.ladder->family == "rtn");
  CHECK(audit.ladder->rungs == std::vector<std::size_t>{6, 5, 4, 3, 2, 1});
  CHECK(audit.ladder->survey.bits.front() == 3.0);
  CHECK(audit.ladder->survey.features.size() == 39);
  CHECK(audit.ladder->survey.features.front() == 1);  // feature 0 is not counted
  CHECK_FALSE(audit.conditions[0].effective.has_value());
  for (std::size_t i = 1; i < 7; ++i)
    CHECK(audit.conditions[i].effective->median.bits.value ==
          doctest::Approx(9.0 - static_cast<double>(i)).epsilon(1e-6));
  CHECK(audit.conditions[7].effective->median.bits.value == doctest::Approx(5.25).epsilon(1e-6));
  CHECK(audit.ladder->survey.curves[0].quarters[3].features == 9);
  // Rare features are rare by the profiles of the counted ones: the first quarter of rarity holds the first features.
  CHECK(audit.ladder->survey.curves[0].quarters[0].lowest == doctest::Approx(-std::log(0.25)));
}

TEST_CASE("measure_by_ladder: families of the dictionary are the clusters of what is said of bands over bits") {
  audit_result alone = made_ladder_audit(), together = made_ladder_audit();
  std::vector<std::uint32_t> families;
  for (std::uint32_t f = 0; f < 40; ++f)
    families.push_back(f == 0 ? 39 : f / 2);  // feature 0, which is not counted, moves nothing
  measure_by_ladder(alone);
  measure_by_ladder(together, families);
  const bands_over_bits &single = alone.ladder->survey.bands, &paired = together.ladder->survey.bands;
  REQUIRE(single.model.has_value());
  CHECK_FALSE(single.by_family);
  CHECK(single.clusters == 39);
  CHECK(paired.by_family);
  CHECK(paired.clusters == 20);  // 1 alone, 2 with 3, ..., 38 with 39
  CHECK(paired.per_bit.log_odds == single.per_bit.log_odds);
  CHECK(paired.per_bit.error != single.per_bit.error);
}

TEST_CASE("measure_by_ladder: without a ladder nothing changes") {
  audit_result audit = made_ladder_audit();
  audit.conditions.erase(audit.conditions.begin() + 1, audit.conditions.begin() + 5);
  measure_by_ladder(audit);
  CHECK_FALSE(audit.ladder.has_value());
  for (const condition_result& c : audit.conditions)
    CHECK_FALSE(c.effective.has_value());
}

TEST_CASE("conclude_together: rungs that nobody asked for are marked and compared with nothing") {
  audit_result audit = made_ladder_audit();
  const std::vector<std::string> rungs{"rtn:bits=8", "rtn:bits=7", "rtn:bits=6",
                                       "rtn:bits=5", "rtn:bits=4", "rtn:bits=3"};
  conclude_together(audit, rungs);
  CHECK(audit.ladder.has_value());
  CHECK(audit.honest_overlaps.empty());
  CHECK(std::ranges::count(audit.conditions, true, &condition_result::ladder_only) == 6);
  CHECK_FALSE(audit.conditions[7].ladder_only);
}

}  // namespace audit_ladder_test
