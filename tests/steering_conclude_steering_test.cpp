// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/conclude_steering.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

#include "made_up.hpp"

namespace steering_conclude_steering_test {

using namespace qfa;
using qfa_test::not_a_number;

namespace {

constexpr std::size_t groups = 16, features = 12;

/// Sums with a given fidelity and gain, a little otherwise in each group.
steering_sums sums_of(double fidelity, double gain, double shake) {
  steering_sums s;
  s.reference = 1.0;
  s.product = gain * (1.0 + shake);
  s.compressed = gain * gain / (fidelity * fidelity);
  s.reference_shift = 1.0;
  s.compressed_shift = gain;
  s.tokens = 1;
  return s;
}

/// Shifts grow as the doses do.
template <class Fidelity>
steering_record record_of(Fidelity fidelity, double gain, unsigned seed, std::span<const double> doses,
                          double noise = 0.01) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  steering_record out{features, doses.size(), groups, {}};
  out.sums.resize(features * doses.size() * groups);
  for (std::size_t v = 0; v < features; ++v)
    for (std::size_t d = 0; d < doses.size(); ++d)
      for (std::size_t g = 0; g < groups; ++g) {
        steering_sums s = sums_of(fidelity(v), gain, noise * normal(random));
        s.reference_shift *= doses[d];
        s.compressed_shift *= doses[d];
        out.at(v, d, g) = s;
      }
  return out;
}

leave_one_out correlations(const std::vector<double>& r, float shake = 0.001f) {
  leave_one_out out;
  out.groups = groups;
  out.r = r;
  for (std::size_t g = 0; g < groups; ++g)
    for (std::size_t f = 0; f < r.size(); ++f)
      out.shift.push_back((g + f) % 2 == 0 ? shake : -shake);
  return out;
}

/// r of features 0 to 11, of which the last four are not steered with: 0.05, 0.15, ...
std::vector<double> rising_r() {
  std::vector<double> r(features + 4);
  for (std::size_t f = 0; f < r.size(); ++f)
    r[f] = 0.35 + 0.05 * static_cast<double>(f);
  return r;
}

std::vector<std::uint32_t> first_features() {
  std::vector<std::uint32_t> out(features);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

const std::vector<double> doses{0.5, 1.0, 2.0};

steered_condition conclude_with(const leave_one_out& r, const steering_record& own, const steering_record& random) {
  std::vector<steering_vector> vectors(features);
  for (std::size_t v = 0; v < features; ++v)
    vectors[v] = {{3.0f, 4.0f}, v};
  return conclude_steering("made up", first_features(), vectors, r, correlation_bands{}, doses, own, random);
}

}  // namespace

TEST_CASE("conclude_steering: what r orders is found, in both directions, and chance is not") {
  const auto rising = [](std::size_t v) { return 0.5 + 0.03 * static_cast<double>(v); };
  const auto falling = [](std::size_t v) { return 0.9 - 0.03 * static_cast<double>(v); };
  const auto unrelated = [](std::size_t v) { return 0.6 + 0.05 * static_cast<double>(7 * v % 5); };
  const leave_one_out r = correlations(rising_r());
  const steering_record control =
      record_of([](std::size_t v) { return 0.8 + 0.01 * static_cast<double>(v % 3); }, 1.0, 2, doses);
  const steered_condition up = conclude_with(r, record_of(rising, 0.8, 1, doses), control);
  CHECK(up.predicted_by_r.value == 1.0);
  CHECK(up.over_features.value == 1.0);
  CHECK(up.predicted_beyond_length.value > 0.99);
  CHECK(up.r_predicts());
  const steered_condition down = conclude_with(r, record_of(falling, 0.8, 1, doses), control);
  CHECK(down.predicted_by_r.value == -1.0);
  CHECK(!down.r_predicts());
  const steered_condition chance = conclude_with(r, record_of(unrelated, 0.8, 1, doses), control);
  CHECK(std::fabs(chance.predicted_by_r.value) < 0.4);
  CHECK(!chance.r_predicts());
  CHECK(chance.over_features.range.lower < 0.0);
  CHECK(chance.over_features.range.upper > 0.0);
}

TEST_CASE("conclude_steering: fidelity that random vectors of the same length share is not r's") {
  const auto rising = [](std::size_t v) { return 0.5 + 0.03 * static_cast<double>(v); };
  const leave_one_out r = correlations(rising_r());
  // The same fidelity at random: nothing is left of r.
  const steered_condition c =
      conclude_with(r, record_of(rising, 1.0, 1, doses, 0.0), record_of(rising, 1.0, 2, doses, 0.0));
  CHECK(c.predicted_by_r.value == 1.0);
  CHECK(std::isnan(c.predicted_beyond_length.value));
  for (const dose_finding& d : c.doses)
    CHECK(std::fabs(d.excess.value) < 1e-12);
}

TEST_CASE("conclude_steering: medians, exchange rates and outcomes by hand") {
  const auto rising = [](std::size_t v) { return 0.5 + 0.03 * static_cast<double>(v); };
  const steering_record own = record_of(rising, 0.8, 1, doses, 0.0);
  const steering_record control = record_of([](std::size_t) { return 0.9; }, 0.5, 2, doses, 0.0);
  std::vector<double> r = rising_r();
  r[0] = not_a_number;  // silent on the compressed model
  const steered_condition c = conclude_with(correlations(r), own, control);
  REQUIRE(c.doses.size() == 3);
  CHECK(c.doses[1].dose == 1.0);
  CHECK(c.doses[1].gain.value == doctest::Approx(0.8));
  CHECK(c.doses[1].fidelity.value == doctest::Approx(rising(5)));  // the lower median of twelve
  CHECK(c.doses[1].random_gain.value == doctest::Approx(0.5));
  CHECK(c.doses[1].random_fidelity.value == doctest::Approx(0.9));
  CHECK(c.doses[1].excess.value == doctest::Approx(rising(5) - 0.9));
  CHECK(c.doses[0].exchange.value == doctest::Approx(1.25));  // 0.8 of the shift at each dose
  CHECK(c.doses[1].exchange.value == doctest::Approx(1.25));
  CHECK(c.doses[2].unreached == features);
  CHECK(c.doses[1].unreached == 0);
  // r = 0 and 0.4 to 0.45: destroyed; 0.5 to 0.9: blurred, 0.9 included.
  CHECK(c.bands[0].features == 0);
  CHECK(c.bands[1].features == 9);
  CHECK(c.bands[2].features == 3);
  CHECK(c.not_survived.features == 12);
  CHECK(c.bands[2].fidelity.value == doctest::Approx((rising(0) + rising(1) + rising(2)) / 3.0));
  CHECK(std::isnan(c.bands[0].fidelity.value));
  CHECK(c.features[0].r == 0.0);
  CHECK(c.features[0].band == outcome::destroyed);
  CHECK(c.features[3].length == 5.0);
  CHECK(c.features[3].target == 3);
  CHECK(c.features[3].own.fidelity[1] == doctest::Approx(rising(3)));
  CHECK(c.features[3].random.gain[1] == doctest::Approx(0.5));
}

TEST_CASE("conclude_steering: a group is left out of r and of fidelity alike") {
  // Fidelities as sure as can be, and an r whose neighbors change places without one group or another.
  const auto rising = [](std::size_t v) { return 0.5 + 0.03 * static_cast<double>(v); };
  const steering_record own = record_of(rising, 0.8, 1, doses, 0.0);
  const steered_condition c = conclude_with(correlations(rising_r(), 0.03f), own, own);
  CHECK(c.predicted_by_r.value == 1.0);
  CHECK(c.predicted_by_r.range.standard_error > 0.0);
  // The other way round: r as sure as can be.
  const steering_record noisy = record_of(rising, 0.8, 1, doses, 0.3);
  CHECK(conclude_with(correlations(rising_r(), 0.0f), noisy, own).predicted_by_r.range.standard_error > 0.0);
}

TEST_CASE("conclude_steering: the least faithful feature is chosen on the even groups, and measured on the odd ones") {
  steering_record own = record_of([](std::size_t) { return 0.8; }, 1.0, 1, doses, 0.001);
  for (std::size_t g = 0; g < groups; ++g) {
    own.at(5, 1, g).product *= g % 2 == 0 ? 0.5 : 1.0;
    own.at(6, 1, g).product *= g % 2 == 0 ? 1.0 : 0.25;
  }
  const steered_condition c = conclude_with(correlations(rising_r()), own, own);
  CHECK(c.least_faithful == 5);
  CHECK(c.least_fidelity.value == doctest::Approx(0.8).epsilon(0.01));
  CHECK(c.least_fidelity.range.dof == 7.0);
  CHECK(c.halves_of == 0);
}

TEST_CASE("conclude_steering: of half as many groups the least faithful feature is chosen and judged by all of them") {
  steering_record own = record_of([](std::size_t) { return 0.8; }, 1.0, 1, doses, 0.001);
  for (std::size_t g = 0; g < groups; g += 2)
    own.at(5, 1, g).product *= 0.5;
  std::vector<std::uint32_t> places;
  for (std::uint32_t g = 0; g < groups; ++g)
    places.push_back(g / 2);
  const steering_record half = own.joined(places);
  CHECK(half.groups == 8);
  CHECK(half.without(5, 1, 8).tokens == 16);
  CHECK(half.without(5, 1, 3).tokens == 14);
  CHECK(half.without(5, 1, 8).product == doctest::Approx(own.without(5, 1, 16).product));
  CHECK_THROWS_AS(half.joined(places), error);
  leave_one_out r = correlations(rising_r());
  r.groups = 8;
  r.shift.resize(8 * r.r.size());
  std::vector<steering_vector> vectors(features, {{3.0f, 4.0f}, 0});
  const auto conclude = [&](const steering_record* halves) {
    return conclude_steering("made up", first_features(), vectors, r, correlation_bands{}, doses, half, half, halves);
  };
  const steered_condition c = conclude(&own), without = conclude(nullptr);
  CHECK(c.halves_of == 16);
  CHECK(c.least_faithful == 5);
  CHECK(c.least_fidelity.value == doctest::Approx(0.8).epsilon(0.01));
  CHECK(c.least_fidelity.range.dof == 7.0);
  CHECK(c.least_fidelity.range.kind == interval_kind::two_sided);
  CHECK(c.doses[1].fidelity.range.dof == 7.0);  // of 8 groups
  CHECK(without.least_fidelity.range.kind == interval_kind::refused);
}

TEST_CASE("conclude_steering: groups without a steered row are none of the jackknife's") {
  const auto rising = [](std::size_t v) { return 0.5 + 0.03 * static_cast<double>(v); };
  const steering_record whole = record_of(rising, 0.8, 1, doses);
  leave_one_out r = correlations(rising_r(), 0.03f);  // which only the groups from nine on move
  std::fill_n(r.shift.begin(), 9 * r.r.size(), 0.0f);
  const auto with_groups = [&](std::size_t filled) {
    steering_record out = whole;
    for (std::size_t v = 0; v < features; ++v)
      for (std::size_t d = 0; d < doses.size(); ++d)
        for (std::size_t g = filled; g < groups; ++g)
          out.at(v, d, g) = {};
    return conclude_with(r, out, out);
  };
  const steered_condition nine = with_groups(9), seven = with_groups(7);
  for (const estimate* e : {&nine.doses[1].gain, &nine.doses[1].fidelity, &nine.doses[1].exchange,
                            &nine.not_survived.fidelity, &nine.predicted_by_r})
    CHECK(e->range.dof == 8.0);
  CHECK(nine.doses[1].gain.range.kind == interval_kind::two_sided);
  CHECK(nine.predicted_by_r.range.standard_error > 0.0);
  for (const estimate* e : {&seven.doses[1].gain, &seven.doses[1].fidelity, &seven.doses[1].exchange,
                            &seven.not_survived.fidelity, &seven.predicted_by_r})
    CHECK(e->range.reason == "fewer than 8 groups of rows");
  CHECK(nine.least_fidelity.range.dof == 3.0);  // odd groups among nine: 1, 3, 5, 7
}

TEST_CASE("conclude_steering: survivors' lead over the others") {
  std::vector<double> r(features, 0.95);
  r[2] = r[3] = 0.7;
  const auto fidelity = [](std::size_t v) { return v == 2 || v == 3 ? 0.75 : 0.875; };
  const steering_record own = record_of(fidelity, 1.0, 1, doses);
  const steered_condition c = conclude_with(correlations(r, 0.0f), own, record_of(fidelity, 1.0, 2, doses));
  CHECK(c.bands[0].features == 10);
  CHECK(c.not_survived.features == 2);
  CHECK(c.survivors_lead.value == doctest::Approx(0.125).epsilon(0.05));
  CHECK(c.survivors_lead.range.lower > 0.1);
}

TEST_CASE("conclude_steering: a feature to which a model does not respond is in no correlation") {
  steering_record own = record_of([](std::size_t v) { return 0.5 + 0.03 * static_cast<double>(v); }, 1.0, 1, doses);
  for (std::size_t d = 0; d < doses.size(); ++d)
    for (std::size_t g = 0; g < groups; ++g)
      own.at(4, d, g).compressed = own.at(4, d, g).product = own.at(4, d, g).compressed_shift = 0.0;
  const steering_record control = record_of([](std::size_t) { return 0.9; }, 1.0, 2, doses);
  const steered_condition c = conclude_with(correlations(rising_r()), own, control);
  CHECK(c.without_fidelity == 1);
  CHECK(c.predicted_by_r.value == 1.0);
  CHECK(std::isnan(c.features[4].own.fidelity[1]));
  std::vector<steering_vector> vectors(features, {{1.0f}, 0});
  const std::vector<double> other{0.5, 2.0};
  const steering_record two = record_of([](std::size_t) { return 0.9; }, 1.0, 2, other);
  CHECK_THROWS_WITH(conclude_steering("no dose 1", first_features(), vectors, correlations(rising_r()),
                                      correlation_bands{}, other, two, two),
                    doctest::Contains("dose 1"));
}

}  // namespace steering_conclude_steering_test
