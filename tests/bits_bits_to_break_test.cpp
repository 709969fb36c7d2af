// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/bits_to_break.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace bits_bits_to_break_test {

using namespace qfa;
using qfa_test::close;
using qfa_test::infinity;

TEST_CASE("bits_to_break: where the law crosses tau, censored outside the ladder") {
  const json data = qfa_test::read_data("effective_bits.json");
  const ladder_range range{3.0, 8.0};
  int censored = 0;
  for (const json& one : data.at("breaking")) {
    CAPTURE(one.dump());
    const damage_law law{.c = one[0].get<double>(), .a = one[1].get<double>()};
    const double got = bits_to_break(law, one[2].get<double>());
    CHECK(close(got, one[3].get<double>(), 1e-12));
    CHECK(close(range.clamp(got), one[4].get<double>(), 1e-12));
    const int side = one[5].get<int>();
    CHECK(censor(range, got) == (side < 0 ? censoring::at_most : side > 0 ? censoring::at_least : censoring::none));
    censored += side != 0;
  }
  CHECK(censored >= 5);
  CHECK_THROWS_AS(bits_to_break(damage_law{.c = 1.0}, 1.0), error);
  CHECK_THROWS_AS(bits_to_break(damage_law{.c = 1.0}, 0.0), error);
}

TEST_CASE("bracket_of_break: from the last rung that fails up to the first from which all keep the feature") {
  const std::vector<double> bits{3.0, 4.0, 5.0, 6.0};
  const auto bracket = [&](std::vector<double> r) { return bracket_of_break(bits, r, 0.9); };
  CHECK(bracket({0.2, 0.8, 0.95, 0.99}) == censored_value{4.0, 5.0});
  CHECK(bracket({0.95, 0.8, 0.95, 0.99}) == censored_value{4.0, 5.0});
  CHECK(bracket({0.2, 0.8, 0.95, 0.9}) == censored_value{6.0, infinity});
  CHECK(bracket({0.91, 0.95, 0.95, 0.99}) == censored_value{-infinity, 3.0});
  CHECK(bracket({0.91, qfa_test::not_a_number, 0.95, 0.99}) == censored_value{4.0, 5.0});
  CHECK_THROWS_AS(bracket({0.91}), error);
}

}  // namespace bits_bits_to_break_test
