// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/ladder_survey.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "made_up_ladder.hpp"

namespace bits_ladder_survey_test {

using namespace qfa;
using qfa_test::made_ladder;

namespace {

std::vector<firing_profile> profiles(std::size_t n) {
  std::vector<firing_profile> out;
  for (std::size_t f = 0; f < n; ++f)
    out.push_back(
        {0.01 * static_cast<double>(f + 1), 0.02 * static_cast<double>(f % 5 + 1), 1.0 + static_cast<double>(f % 3)});
  return out;
}

}  // namespace

TEST_CASE("spread_of: the middle and nine tenths of the values that there are") {
  std::vector<double> values{std::numeric_limits<double>::quiet_NaN()};
  for (int i = 0; i <= 100; ++i)
    values.push_back(i);
  const feature_spread s = spread_of(values);
  CHECK(s.median == 50.0);
  CHECK(s.low == 5.0);
  CHECK(s.high == 95.0);
}

TEST_CASE("take_ladder_survey: laws, slopes, what features need, curves and bands of planted features") {
  made_ladder made(40);
  const std::size_t lost = 7;
  for (leave_one_out& r : made.correlations) {
    r.r[lost] = -0.2;
    for (std::size_t g = 0; g < r.groups; ++g)
      r.shift[g * 40 + lost] = 0.0f;
  }
  const leave_one_out condition = qfa_test::made_correlations(made.at(6.5), 0.2, 31);
  const std::vector<const leave_one_out*> conditions{&condition};
  const ladder_survey got = take_ladder_survey(made.rungs(), conditions, made.features, profiles(40));
  CHECK(got.counted.size() == 40);
  CHECK(got.features.size() == 39);
  CHECK(got.verdicts[lost] == law_verdict::gone);
  CHECK(got.count(law_verdict::gone) == 1);
  CHECK(got.features[lost] == lost + 1);
  CHECK(got.scales[lost].law.c == doctest::Approx(made.laws[lost + 1].c).epsilon(1e-6));
  CHECK(got.misfit.high < 1e-6);
  CHECK(got.slope.low > -2.0);
  CHECK(got.slope.high < -1.0);
  REQUIRE(got.rungs.size() == 6);
  CHECK(got.rungs[1].median.bits.value == doctest::Approx(4.0).epsilon(1e-6));
  REQUIRE(got.conditions.size() == 1);
  CHECK(got.conditions[0].median.bits.value == doctest::Approx(6.5).epsilon(1e-6));
  CHECK(got.destroys.bits[0] < got.breaks.bits[0]);
  CHECK(got.breaks.bits[0] == bits_to_break(got.scales[0], 0.9));
  CHECK(got.range.lowest == 3.0);

  // A curve counts every feature, with a law or without: the lost one never survives, and no other is lost to more
  // bits.
  for (std::size_t rung = 0; rung < 6; ++rung) {
    double survive = 0.0;
    for (const survival_quartile& q : got.curves[0].quarters)
      survive += q.survive[rung].value * static_cast<double>(q.features);
    std::size_t expected = 0;
    for (std::size_t f = 0; f < 40; ++f)
      expected += made.correlations[rung].r[f] > 0.9;
    CHECK(survive == doctest::Approx(static_cast<double>(expected)));
    CHECK(expected < 40);
  }
  CHECK(got.curves.size() == published_predictors.size());
  CHECK(got.bands.rows == 240);
  REQUIRE(got.bands.model.has_value());
  CHECK(got.bands.per_bit.ratio() > 2.0);
  CHECK_THROWS_AS(take_ladder_survey(made.rungs(), conditions, made.features, profiles(3)), error);
}

TEST_CASE("take_ladder_survey: the misfit is the weighted root mean square of log2 nu about the laws") {
  made_ladder made(40);
  for (std::size_t f = 0; f < 40; ++f)
    made.correlations[2].r[f] *= 1.0 - 1e-3 * static_cast<double>(f + 1);
  const feature_ladder ladder(made.rungs(), made.features);
  std::vector<double> expected;
  for (const std::uint32_t i : ladder.fitted()) {
    double sum = 0.0, weight = 0.0;
    for (std::size_t k = 0; k < 6; ++k) {
      const double w = ladder.weights(i)[k];
      if (w == 0.0) continue;
      const double gap = ladder.log2_nu(i)[k] - std::log2(ladder.fit(i).law(ladder.bits()[k]));
      sum += w * gap * gap;
      weight += w;
    }
    expected.push_back(std::sqrt(sum / weight));
  }
  const feature_spread right = spread_of(expected),
                       got = take_ladder_survey(made.rungs(), {}, made.features, profiles(40)).misfit;
  CHECK(right.low > 1e-4);
  CHECK(got.low == doctest::Approx(right.low).epsilon(1e-9));
  CHECK(got.median == doctest::Approx(right.median).epsilon(1e-9));
  CHECK(got.high == doctest::Approx(right.high).epsilon(1e-9));
}

}  // namespace bits_ladder_survey_test
