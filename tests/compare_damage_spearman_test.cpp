// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/damage_spearman.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "statistics_oracle.hpp"

namespace compare_damage_spearman_test {

using doctest::Approx;

TEST_CASE("damage_spearman: value, correction and interval agree with the oracle") {
  const qfa_test::statistics_oracle oracle;
  const auto honest = [&](const std::string& side) {
    return qfa::leave_groups_out(oracle.table(side), [](const qfa::comoments& c) { return qfa::pearson(c); });
  };
  const qfa::leave_one_out a = honest("a"), b = honest("b");
  std::vector<std::uint32_t> features = oracle.chosen("measured_and_defined");
  std::erase_if(features, [&](std::uint32_t f) { return a.evidence[f].effective < 5.0; });
  const qfa::estimate e = qfa::damage_spearman(a, b, features);
  const std::vector<double> expected = oracle.doubles("honest.damage_spearman");
  CHECK(e.value == Approx(expected[0]).epsilon(1e-12));
  // The oracle has smoothed grades without a table, whose places are .004 of z apart here.
  CHECK(e.bias_corrected == Approx(expected[1]).epsilon(4e-4));
  CHECK(e.range.lower == Approx(expected[2]).epsilon(4e-4));
  CHECK(e.range.upper == Approx(expected[3]).epsilon(4e-4));
  CHECK(e.bias_corrected > e.value);
}

TEST_CASE("damage_spearman: a condition agrees with itself wholly, and features without r are left out") {
  const qfa_test::statistics_oracle oracle;
  qfa::leave_one_out a =
      qfa::leave_groups_out(oracle.table("a"), [](const qfa::comoments& c) { return qfa::pearson(c); });
  std::vector<std::uint32_t> features = oracle.chosen("measured_and_defined");
  const qfa::estimate same = qfa::damage_spearman(a, a, features);
  CHECK(same.value == 1.0);
  CHECK(same.range.kind == qfa::interval_kind::at_least);
  CHECK(std::isnan(same.bias_corrected));  // none of grades was found, and that of ranks is full of steps
  qfa::leave_one_out b =
      qfa::leave_groups_out(oracle.table("b"), [](const qfa::comoments& c) { return qfa::pearson(c); });
  const std::uint32_t gone = features[5];
  std::vector<std::uint32_t> fewer = features;
  fewer.erase(fewer.begin() + 5);
  const qfa::estimate without = qfa::damage_spearman(a, b, fewer);
  b.r[gone] = std::numeric_limits<double>::quiet_NaN();
  const qfa::estimate skipped = qfa::damage_spearman(a, b, features);
  CHECK(skipped.value == without.value);
  CHECK(skipped.range.lower == without.range.lower);
}

}  // namespace compare_damage_spearman_test
