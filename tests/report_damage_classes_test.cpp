// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/damage_classes.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "statistics_oracle.hpp"

namespace report_damage_classes_test {

using namespace qfa;

namespace {

/// The oracle's condition a, whose planted features survival/damage_class.hpp's test names.
condition_result planted() {
  const qfa_test::statistics_oracle oracle;
  const feature_table table = oracle.table("a");
  condition_result c;
  c.by_honest = take_survey(table, honest);
  for (std::size_t f = 0; f < table.width(); ++f)
    c.features.push_back(summarize(table, f));
  return c;
}

}  // namespace

TEST_CASE("damage classes: one for each feature that the honest protocol counts, none for the others") {
  const condition_result c = planted();
  const auto names = damage_classes_of(c);
  REQUIRE(names.size() == c.features.size());
  std::size_t named = 0;
  for (const std::string_view name : names)
    named += !name.empty();
  CHECK(named == c.by_honest.counted.size());
  CHECK(named < names.size());
  CHECK(names[1] == "attenuated");
  CHECK(names[3] == "dead");
  CHECK(names[12] == "amplified");
}

TEST_CASE("damage classes: counts add up to the counted features") {
  const condition_result c = planted();
  const auto counts = count_damage_classes(c);
  CHECK(std::accumulate(counts.begin(), counts.end(), std::size_t{0}) == c.by_honest.counted.size());
  CHECK(counts[static_cast<std::size_t>(damage_class::dead)] >= 1);
  CHECK(counts[static_cast<std::size_t>(damage_class::attenuated)] >= 1);
}

}  // namespace report_damage_classes_test
