// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/stratified_overlap.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "controls_made_up.hpp"

namespace controls_stratified_overlap_test {

using namespace qfa;
using namespace qfa_test;

namespace {

/// Features of which those listed fail.
damage_sample failing(std::size_t width, const std::vector<std::size_t>& which) {
  damage_sample s;
  s.groups = 8;
  s.r.assign(width, 0.95);
  for (const std::size_t f : which)
    s.r[f] = 0.5;
  s.shift.assign(8 * width, 0.0f);
  return s;
}

std::vector<double> in_order(std::size_t width) {
  std::vector<double> out;
  for (std::size_t f = 0; f < width; ++f)
    out.push_back(static_cast<double>(f));
  return out;
}

}  // namespace

TEST_CASE("stratified_overlap: the sums of Mantel and Haenszel over deciles of four, worked by hand") {
  // Features 0 to 3: one fails under both, one under either, one under neither: 1 1 / 4 over 1 1 / 4.
  // Features 4 to 7: two fail under both, one more under b: 2 1 / 4 over 0.  All others survive.
  const damage_sample a = failing(40, {0, 1, 4, 5}), b = failing(40, {0, 2, 4, 5, 6});
  CHECK(compare_within_strata(a, b, in_order(40), {}, {}).odds_ratio.value == doctest::Approx(0.75 / 0.25));
  // Without strata 3 fail under both, 1 and 2 under one, 34 under neither.
  CHECK(compare_within_strata(a, b, in_order(40), {}, {}).odds_ratio.range.kind == interval_kind::refused);
  CHECK(std::isnan(compare_within_strata(a, b, in_order(40), {}, {}).null_odds_ratio));
  // Noise of b that fails what a does in the first stratum only: 2 2 / 4 over 0, and 0 over 2 3 / 4 in the second.
  damage_sample noise = failing(40, {0, 1, 7, 8, 9});
  const std::vector<damage_sample> of_b{noise};
  CHECK(compare_within_strata(a, b, in_order(40), {}, of_b).null_odds_ratio == doctest::Approx(1.0 / 0.5));
  const std::vector<damage_sample> twice{noise, b};
  CHECK(compare_within_strata(a, b, in_order(40), {}, twice).null_odds_ratio == doctest::Approx(std::sqrt(2.0 * 3.0)));
  // Noise of a that fails one of b's in the first stratum, and two in the second: 1 1 / 4 over 1 1 / 4, and 2 1 / 4
  // over 0.
  const std::vector<damage_sample> of_a{failing(40, {0, 1, 4, 5})};
  CHECK(compare_within_strata(a, b, in_order(40), of_a, {}).null_odds_ratio == doctest::Approx(3.0));
  CHECK(compare_within_strata(a, b, in_order(40), of_a, of_b).null_odds_ratio == doctest::Approx(std::sqrt(3.0 * 2.0)));
}

TEST_CASE("stratified_overlap: what the reference foretells explains an overlap that only weakness makes") {
  // Each feature fails with a chance that falls along the order, under both compressions by a draw of its own.
  constexpr std::size_t width = 2000;
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform;
  std::vector<std::size_t> fails_a, fails_b;
  for (std::size_t f = 0; f < width; ++f) {
    const double chance = 1.0 / (1.0 + std::exp(0.01 * static_cast<double>(f) - 6.0));
    if (uniform(random) < chance) fails_a.push_back(f);
    if (uniform(random) < chance) fails_b.push_back(f);
  }
  const damage_sample a = failing(width, fails_a), b = failing(width, fails_b);
  const double raw = odds_ratio(count_overlap(not_surviving(a.r, 0.9), not_surviving(b.r, 0.9)));
  CHECK(raw > 10.0);
  CHECK(std::fabs(std::log(compare_within_strata(a, b, in_order(width), {}, {}).odds_ratio.value)) < std::log(1.7));
}

TEST_CASE("stratified_overlap: an infinite ratio and a prediction that is missing have their reasons") {
  const damage_sample a = failing(40, {0, 1}), b = failing(40, {0});
  const estimate infinite = compare_within_strata(a, b, in_order(40), {}, {}).odds_ratio;
  CHECK(std::isinf(infinite.value));
  CHECK(infinite.range.reason.starts_with("infinite"));
  const estimate none = compare_within_strata(a, b, {}, {}, {}).odds_ratio;
  CHECK(std::isnan(none.value));
  CHECK(none.range.reason == "survival could be predicted under neither policy");
}

TEST_CASE("foretold_survival: the mean of both fits, or the one that there is") {
  controlled_prediction a, b;
  CHECK(foretold_survival(a, b).empty());
  b.fitted.emplace().log_odds = {1.0, -2.0};
  CHECK(foretold_survival(a, b) == std::vector<double>{1.0, -2.0});
  a.fitted.emplace().log_odds = {3.0, 0.0};
  CHECK(foretold_survival(a, b) == std::vector<double>{2.0, -1.0});
}

TEST_CASE("stratified_overlap: intervals leave out groups, with the strata as they are") {
  std::vector<float> loss;  // about the limit, which a loss of 0.65 reaches
  for (std::size_t f = 0; f < 120; ++f)
    loss.push_back(0.5f + 0.3f * static_cast<float>(f % 11) / 10.0f);
  const damage_sample a = lossy_sample(loss, 1), b = lossy_sample(loss, 2);
  std::vector<double> foretold;
  for (std::size_t f = 0; f < 120; ++f)
    foretold.push_back(static_cast<double>(f * 7 % 120));
  const estimate e = compare_within_strata(a, b, foretold, {}, {}).odds_ratio;
  const auto strata = deciles_of(foretold);
  const estimate expected =
      jackknife(e.value, 16,
                [&](std::size_t g) {
                  return mantel_haenszel_odds_ratio(count_overlap_by_stratum(
                      not_surviving(a.without(g), 0.9), not_surviving(b.without(g), 0.9), strata, 10));
                },
                {.scale = interval_scale::log});
  CHECK(e.value > 1.5);
  REQUIRE(e.range.kind == interval_kind::two_sided);
  CHECK(e.range.lower == expected.range.lower);
  CHECK(e.range.upper == expected.range.upper);
}

}  // namespace controls_stratified_overlap_test
