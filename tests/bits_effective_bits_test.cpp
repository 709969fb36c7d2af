// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/effective_bits.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace bits_effective_bits_test {

using namespace qfa;
using qfa_test::close;
using qfa_test::infinity;
using qfa_test::not_a_number;

TEST_CASE("effective_bits: the closed form is where a search finds the law to say nu") {
  const json data = qfa_test::read_data("effective_bits.json");
  for (const json& one : data.at("effective")) {
    CAPTURE(one.dump());
    const damage_law law{.c = one[0].get<double>(), .a = one[1].get<double>()};
    CHECK(close(effective_bits(law, one[2].get<double>()), one[3].get<double>(), 1e-12));
  }
}

TEST_CASE("effective_bits: no noise is worth any number of bits, no signal none, and a law of no damage nothing") {
  const damage_law law{.c = 3.0, .a = 1.0};
  CHECK(effective_bits(law, 0.0) == infinity);
  CHECK(effective_bits(law, infinity) == -infinity);
  CHECK(effective_bits(damage_law{.a = 1.0}, infinity) == -infinity);
  CHECK(std::isnan(effective_bits(damage_law{}, 1.0)));
  CHECK(effective_bits(damage_law{.c = 3.0}, 0.0) == infinity);
  CHECK(std::isnan(effective_bits(law, not_a_number)));
  CHECK(std::isnan(effective_bits(damage_law{.c = not_a_number, .a = not_a_number}, 1.0)));
}

TEST_CASE("effective_bits of a scale: the law down to its knee, then the line to the lowest rung") {
  const damage_law law{.c = 16.0, .a = 2.0};
  const double at_knee = std::log2(law(4.0));
  const bits_scale scale{.law = law, .log2_nu_at_low = at_knee + 3.0};
  CHECK(effective_bits(scale, law(5.5)) == effective_bits(law, law(5.5)));
  CHECK(close(effective_bits(scale, law(4.0)), 4.0, 1e-12));
  CHECK(close(effective_bits(scale, std::exp2(at_knee + 1.5)), 3.5, 1e-12));
  CHECK(close(effective_bits(scale, std::exp2(at_knee + 3.0)), 3.0, 1e-12));
  CHECK(close(effective_bits(scale, std::exp2(at_knee + 6.0)), 2.0, 1e-12));
  CHECK(effective_bits(scale, infinity) == -infinity);
  CHECK(effective_bits(scale, 0.0) == infinity);
  for (const double unusable :
       {infinity, not_a_number, at_knee})  // gone there, no rung, or no more noise than at the knee
    CHECK(close(effective_bits(bits_scale{.law = law, .log2_nu_at_low = unusable}, law(3.25)), 3.25, 1e-12));
}

TEST_CASE("within_ladder: values and intervals are cut at the ends of the ladder and say so") {
  const ladder_range range{3.0, 8.0};
  const auto made = [](double value, double lower, double upper) {
    return estimate{value, value, {.lower = lower, .upper = upper, .kind = interval_kind::two_sided}};
  };
  const ladder_bits inside = within_ladder(range, made(5.0, 4.0, 6.0));
  CHECK(inside.censored == censoring::none);
  CHECK(inside.bits.range.kind == interval_kind::two_sided);
  CHECK(inside.bits.value == 5.0);
  const ladder_bits reaching = within_ladder(range, made(7.5, 7.0, 8.5));
  CHECK(reaching.censored == censoring::none);
  CHECK(reaching.bits.range.kind == interval_kind::at_least);
  CHECK(reaching.bits.range.lower == 7.0);
  CHECK(reaching.bits.range.upper == 8.0);
  const ladder_bits above = within_ladder(range, made(9.0, 7.9, 10.0));
  CHECK(above.censored == censoring::at_least);
  CHECK(above.bits.value == 8.0);
  CHECK(above.bits.range.lower == 7.9);
  const ladder_bits below = within_ladder(range, made(2.0, 1.0, 3.5));
  CHECK(below.censored == censoring::at_most);
  CHECK(below.bits.value == 3.0);
  CHECK(below.bits.range.kind == interval_kind::at_most);
  CHECK(below.bits.range.upper == 3.5);
  const ladder_bits infinite = within_ladder(range, {infinity, not_a_number, {}});
  CHECK(infinite.bits.value == 8.0);
  CHECK(infinite.bits.range.kind == interval_kind::refused);
  CHECK_FALSE(infinite.bits.range.reason.empty());
  CHECK(std::isnan(within_ladder(range, {not_a_number, not_a_number, {}}).bits.value));
  CHECK(censor(range, 3.0) == censoring::none);
  CHECK(censor(range, 8.0) == censoring::none);
}

TEST_CASE("quantiles of bits: values that are there, from the bad side on, infinite ones in their places") {
  const std::vector<double> bits{infinity, 4.0, 1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 5.0, 6.0, -infinity};
  CHECK(middle_of(bits) == 5.0);
  CHECK(worst_decile_of_effective(bits) == 1.0);
  CHECK(worst_decile_of_needed(bits) == 9.0);
  CHECK(middle_of({2.0, 1.0}) == 1.0);
  CHECK(std::isnan(middle_of({})));
}

}  // namespace bits_effective_bits_test
