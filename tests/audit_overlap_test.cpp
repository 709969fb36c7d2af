// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/overlap.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "laws.hpp"

namespace audit_overlap_test {

using namespace qfa;

namespace {

/// A survey of which only what overlaps look at is set: r of 100 features, moved a little by leaving out each of 8
/// groups.
survey made_survey(const std::vector<double>& r, const protocol& rules = honest) {
  survey s;
  s.rules = rules;
  s.correlations.groups = 8;
  s.correlations.r = r;
  s.correlations.shift.assign(8 * r.size(), 0.0f);
  for (std::size_t i = 0; i < s.correlations.shift.size(); ++i)
    s.correlations.shift[i] = 1e-3f * static_cast<float>(static_cast<int>(i * 7919 % 13) - 6);
  for (std::uint32_t f = 0; f < r.size(); ++f) {
    s.counted.push_back(f);
    s.rates.push_back(0.01 * static_cast<double>(f * 37 % 100));
  }
  return s;
}

std::vector<double> ramp(double low, double high) {
  std::vector<double> r(100);
  for (std::size_t i = 0; i < r.size(); ++i)
    r[i] = low + (high - low) * static_cast<double>(i) / 99.0;
  return r;
}

}  // namespace

TEST_CASE("compare_damage: a condition compared with itself overlaps wholly, whatever its size") {
  const survey a = made_survey(ramp(0.3, 1.0));
  const damage_overlap o = compare_damage(a, a);
  CHECK(o.gap.features == 100);
  CHECK(o.not_survived.jaccard.value == 1.0);
  CHECK(o.not_survived.ceiling == 1.0);
  CHECK(o.not_survived.above_chance.value == doctest::Approx(1.0));
  CHECK(o.spearman.value == doctest::Approx(1.0));
  CHECK(o.kendall_tau_b.value == doctest::Approx(1.0));
  CHECK(o.rank_biased.value == doctest::Approx(1.0));
  CHECK(o.blurred.sizes.a + o.destroyed.sizes.a == o.not_survived.sizes.a);
}

TEST_CASE("compare_damage: a subset reaches its ceiling, and opposite damage has none in common") {
  const survey mild = made_survey(ramp(0.6, 1.2));
  const survey hard = made_survey(ramp(0.0, 1.0));
  const damage_overlap subset = compare_damage(mild, hard);
  CHECK(subset.not_survived.sizes.a < subset.not_survived.sizes.b);
  CHECK(subset.not_survived.jaccard.value == doctest::Approx(subset.not_survived.ceiling));
  CHECK(subset.not_survived.overlap_coefficient.value == 1.0);
  const damage_overlap opposite = compare_damage(made_survey(ramp(0.85, 0.95)), made_survey(ramp(0.95, 0.85)));
  CHECK(opposite.spearman.value == doctest::Approx(-1.0));
  CHECK(opposite.not_survived.jaccard.value < opposite.not_survived.chance);
  CHECK(opposite.rank_biased.value < 0.1);
}

TEST_CASE("compare_damage: every number that rows could have moved has its interval, on the scale that suits it") {
  std::vector<double> other = ramp(0.3, 1.0);
  for (std::size_t i = 0; i < other.size(); ++i)
    other[i] = 0.4 + 0.3 * static_cast<double>(i) / 99.0 + 0.28 * static_cast<double>(i * 37 % 100) / 99.0;
  const damage_overlap o = compare_damage(made_survey(ramp(0.3, 1.0)), made_survey(other));
  const auto stands = [](const estimate& e, interval_scale scale) {
    return e.range.kind == interval_kind::two_sided && e.range.scale == scale && e.range.lower < e.value &&
           e.value < e.range.upper;
  };
  CHECK(stands(o.not_survived.jaccard, interval_scale::logit));
  CHECK(stands(o.not_survived.above_chance, interval_scale::identity));
  CHECK(stands(o.not_survived.kappa, interval_scale::identity));
  CHECK(stands(o.kendall_tau_b, interval_scale::atanh));
  CHECK(stands(o.rank_biased, interval_scale::logit));
  CHECK(o.destroyed.odds_ratio.range.scale == interval_scale::log);
  CHECK(o.not_survived.overlap_coefficient.range.scale == interval_scale::logit);
}

TEST_CASE("compare_damage: smoothed indices are those of each set's own chances, whose interval the oracle has") {
  survey a = made_survey(ramp(0.3, 1.0)), b = made_survey(ramp(0.2, 0.97));
  for (survey* s : {&a, &b}) {
    s->correlations.ranges.resize(100);
    for (std::size_t f = 0; f < 100; ++f) {
      s->correlations.ranges[f].kind = interval_kind::two_sided;
      s->correlations.ranges[f].scale_error = 0.02 + 0.001 * static_cast<double>(f);
      s->correlations.ranges[f].dof = 6.0;
    }
  }
  const damage_overlap o = compare_damage(a, b);
  const countable of_a(a.correlations, a.counted), of_b(b.correlations, a.counted);
  const auto check = [&](const estimate& got, auto chance) {
    const estimate expected =
        count_over(of_a, of_b, chance, jaccard_of_chances).concluded({.scale = interval_scale::logit});
    REQUIRE(expected.range.kind == interval_kind::two_sided);
    CHECK(got.value == doctest::Approx(expected.value).epsilon(1e-12));
    CHECK(got.range.lower == doctest::Approx(expected.range.lower).epsilon(1e-12));
    CHECK(got.range.upper == doctest::Approx(expected.range.upper).epsilon(1e-12));
    CHECK(got.bias_corrected == doctest::Approx(expected.bias_corrected).epsilon(1e-12));
  };
  const outcome_chance survived(outcome::survived, {}), blurred(outcome::blurred, {});
  const outcome_chance destroyed(outcome::destroyed, {});
  check(o.not_survived.jaccard, [&](double r, double h) { return 1.0 - survived(r, h); });
  check(o.blurred.jaccard, blurred);
  check(o.destroyed.jaccard, destroyed);
}

TEST_CASE("compare_damage: what the firing rate alone decides is shared, but not among features of one rate") {
  // The forty rarest fail under both, the forty most frequent under neither; of twenty in between independent ones do.
  std::vector<double> a(100, 0.95), b(100, 0.95);
  for (std::size_t f = 0; f < 100; ++f) {
    const std::size_t place = f * 37 % 100;  // by rate
    const std::size_t in_decile = place % 10;
    const bool between = place >= 40 && place < 60;
    if (place < 40 || (between && in_decile < 5)) a[f] = 0.6;
    if (place < 40 || (between && (in_decile < 2 || in_decile >= 8))) b[f] = 0.6;
  }
  const set_overlap o = compare_damage(made_survey(a), made_survey(b)).not_survived;
  CHECK(o.odds_ratio.value == doctest::Approx(44.0 * 46.0 / 24.0));
  CHECK(o.stratified_odds_ratio.value == doctest::Approx(1.0));
  CHECK(o.stratified_odds_ratio.range.scale == interval_scale::log);
}

TEST_CASE("compare_damage: an undefined r is a feature lost, and in no correlation of damage") {
  std::vector<double> r = ramp(0.91, 0.99);
  const survey whole = made_survey(r);
  r[17] = std::nan("");
  const damage_overlap o = compare_damage(made_survey(r), whole);
  CHECK(o.undefined == 1);
  CHECK(o.not_survived.sizes.a == 1);
  CHECK(o.destroyed.sizes.a == 1);
  CHECK(o.spearman.value == doctest::Approx(1.0));
}

TEST_CASE("compare_damage: two empty sets have no Jaccard index, and ties are counted") {
  std::vector<double> r(100, 1.0);
  r[0] = 0.95;
  const damage_overlap o = compare_damage(made_survey(r), made_survey(r));
  CHECK(std::isnan(o.not_survived.jaccard.value));
  CHECK(o.tied_at_zero_a == 99);
  CHECK(o.tied_at_one_a == 0);
  CHECK_THROWS_AS(compare_damage(made_survey(r, published), made_survey(r, honest)), error);
}

}  // namespace audit_overlap_test
