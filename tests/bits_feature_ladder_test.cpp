// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/feature_ladder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include "made_up_ladder.hpp"

namespace bits_feature_ladder_test {

using namespace qfa;
using qfa_test::made_ladder;

TEST_CASE("feature_ladder: planted laws are found, whatever the order of the rungs") {
  const made_ladder made(40);
  const feature_ladder ladder(made.rungs(), made.features);
  CHECK(ladder.bits().front() == 3.0);
  CHECK(ladder.range().highest == 8.0);
  CHECK(ladder.count(law_verdict::fitted) == 40);
  const std::vector<bits_scale> scales = ladder.scales();
  for (std::size_t f = 0; f < 40; ++f) {
    CAPTURE(f);
    CHECK(scales[f].law.c == doctest::Approx(made.laws[f].c).epsilon(1e-6));
    CHECK(scales[f].law.a == doctest::Approx(made.laws[f].a).epsilon(1e-6));
    CHECK(scales[f].low == 3.0);
    CHECK(scales[f].knee == 4.0);
    CHECK(scales[f].log2_nu_at_low == ladder.log2_nu(f)[0]);
    CHECK(ladder.log2_nu(f)[0] == doctest::Approx(std::log2(made.laws[f](3.0))).epsilon(1e-12));
  }
}

TEST_CASE("feature_ladder: a rung weighs one over the jackknife's variance of log2 nu") {
  const made_ladder made(3);
  const feature_ladder ladder(made.rungs(), made.features);
  for (std::size_t f = 0; f < 3; ++f)
    for (std::size_t s = 0; s < 6; ++s) {
      if (s == 0) {  // below 4 bits the law is not fitted
        CHECK(ladder.weights(f)[s] == 0.0);
        continue;
      }
      const leave_one_out& r = made.correlations[s];
      double squares = 0.0;
      for (std::size_t g = 0; g < r.groups; ++g) {
        const double gap = std::log2(noise_left(r.without(g, f))) - std::log2(noise_left(r.r[f]));
        squares += gap * gap;
      }
      CHECK(ladder.weights(f)[s] == doctest::Approx(1.0 / (15.0 / 16.0 * squares)).epsilon(1e-9));
    }
}

TEST_CASE("feature_ladder: without a group the laws are those of the rungs without it, under the same weights") {
  const made_ladder made(5);
  const feature_ladder ladder(made.rungs(), made.features);
  const std::vector<bits_scale> got = ladder.scales(7);
  const ladder_search search({3.0, 4.0, 5.0, 6.0, 7.0, 8.0});
  for (std::size_t f = 0; f < 5; ++f) {
    std::vector<double> y;
    for (const leave_one_out& r : made.correlations)
      y.push_back(std::log2(noise_left(r.without(7, f))));
    CHECK(got[f].log2_nu_at_low == y[0]);
    CHECK(got[f].law == search(y, ladder.weights(f)).law);
    CHECK_FALSE(got[f].law == ladder.fit(f).law);
  }
}

TEST_CASE("feature_ladder: features without three usable rungs are counted by what became of them, none is lost") {
  made_ladder made(8);
  const auto set = [&](std::size_t rung, std::size_t feature, double r) {
    made.correlations[rung].r[feature] = r;
    for (std::size_t g = 0; g < qfa_test::ladder_groups; ++g)
      made.correlations[rung].shift[g * 8 + feature] = 0.0f;
  };
  for (std::size_t s = 0; s < 6; ++s) {
    set(s, 1, 1.0);                                    // nothing happened
    set(s, 2, s < 4 ? -0.3 : 0.5);                     // gone at most rungs
    set(s, 3, s < 4 ? 1.0 : 0.0);                      // mostly unmoved
    set(s, 4, 0.7);                                    // no group moves it: no interval
    if (s < 3) set(s, 5, -0.1);                        // three usable rungs are left
    made.correlations[s].evidence[6].effective = 4.9;  // too little evidence
  }
  const feature_ladder ladder(made.rungs(), made.features);
  CHECK(ladder.verdict(0) == law_verdict::fitted);
  CHECK(ladder.verdict(1) == law_verdict::unmoved);
  CHECK(ladder.verdict(2) == law_verdict::gone);
  CHECK(ladder.verdict(3) == law_verdict::unmoved);
  CHECK(ladder.verdict(4) == law_verdict::unsure);
  CHECK(ladder.verdict(5) == law_verdict::fitted);
  CHECK(ladder.verdict(6) == law_verdict::unsure);
  CHECK(std::vector<std::uint32_t>(ladder.fitted().begin(), ladder.fitted().end()) ==
        std::vector<std::uint32_t>{0, 5, 7});
  CHECK(ladder.weights(5)[2] == 0.0);
  CHECK(ladder.fit(5).law.c == doctest::Approx(made.laws[5].c).epsilon(1e-6));
  std::size_t all = 0;
  for (std::size_t v = 0; v < law_verdict_names.size(); ++v)
    all += ladder.count(static_cast<law_verdict>(v));
  CHECK(all == 8);
}

TEST_CASE("feature_ladder: a group without which nothing is damaged leaves that rung out, or the law as it is") {
  made_ladder made(2);
  for (std::size_t s = 2; s < 6; ++s)  // without group 3, r is 1 at five bits and more
    made.correlations[s].shift[3 * 2] = 1.0f;
  const feature_ladder ladder(made.rungs(), made.features);
  REQUIRE(ladder.verdict(0) == law_verdict::fitted);
  CHECK(ladder.scales(3)[0].law == ladder.fit(0).law);
  made.correlations[2].shift[3 * 2] = made.correlations[3].shift[3 * 2] = 0.0f;
  const feature_ladder longer(made.rungs(), made.features);
  CHECK_FALSE(longer.scales(3)[0].law == longer.fit(0).law);
}

TEST_CASE("feature_ladder: refuses two rungs from four bits on, a rung twice, and rungs of other rows") {
  made_ladder made(2);
  std::vector<ladder_rung> two = made.rungs();  // of 8 and 7 bits, and of 3
  two.erase(two.begin() + 2, two.begin() + 5);
  CHECK_THROWS_AS(feature_ladder(two, made.features), error);
  std::vector<ladder_rung> twice = made.rungs();
  twice[1].bits = twice[0].bits;
  CHECK_THROWS_AS(feature_ladder(twice, made.features), error);
  leave_one_out other = made.correlations[0];
  other.groups = 15;
  std::vector<ladder_rung> mixed = made.rungs();
  mixed[2].correlations = &other;
  CHECK_THROWS_AS(feature_ladder(mixed, made.features), error);
}

TEST_CASE(
    "feature_ladder: a rung below four bits that no law could follow does not bend the law, and is read as itself") {
  made_ladder made(10);
  std::vector<double> steep = made.at(3.0);
  for (double& nu : steep)
    nu *= 4.0;
  made.correlations[0] = qfa_test::made_correlations(steep, 0.2, 3);
  const feature_ladder ladder(made.rungs(), made.features);
  const std::vector<bits_scale> scales = ladder.scales();
  for (std::size_t f = 0; f < 10; ++f) {
    CHECK(scales[f].law.c == doctest::Approx(made.laws[f].c).epsilon(1e-6));
    CHECK(effective_bits(scales[f], steep[f]) == doctest::Approx(3.0).epsilon(1e-6));
  }
  std::vector<ladder_rung> from_four = made.rungs();
  from_four.pop_back();
  const feature_ladder shorter(from_four, made.features);
  CHECK(shorter.range().lowest == 4.0);
  CHECK(std::isnan(shorter.scales()[0].log2_nu_at_low));
}

TEST_CASE("slope_per_bit: plain least squares over rungs of four bits and more") {
  const std::vector<double> bits{3.0, 4.0, 5.0, 6.0, 7.0, 8.0};
  CHECK(slope_per_bit(bits, std::vector<double>{99.0, 1.0, -1.0, -3.0, -5.0, -7.0}) == doctest::Approx(-2.0));
  // Deviations -2 .. 2 of the bits against 0, 0, 0, 0, 5: 10 / 10.
  CHECK(slope_per_bit(bits, std::vector<double>{99.0, 0.0, 0.0, 0.0, 0.0, 5.0}) == doctest::Approx(1.0));
  constexpr double none = -std::numeric_limits<double>::infinity();
  CHECK(slope_per_bit(bits, std::vector<double>{0.0, 4.0, none, none, 1.0, none}) == doctest::Approx(-1.0));
  CHECK(std::isnan(slope_per_bit(bits, std::vector<double>{0.0, 4.0, none, none, none, none})));
}

}  // namespace bits_feature_ladder_test
