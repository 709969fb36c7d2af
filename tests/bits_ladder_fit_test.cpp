// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/ladder_fit.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace bits_ladder_fit_test {

using namespace qfa;
using qfa_test::numbers;

TEST_CASE("ladder_search: weighted fits agree with general least squares from many starts") {
  const json data = qfa_test::read_data("effective_bits.json");
  std::size_t ends = 0, planted = 0;
  for (const json& one : data.at("ladders")) {
    CAPTURE(one.dump());
    const ladder_search search(numbers(one.at("bits")));
    const ladder_fit got = search(numbers(one.at("log2_nu")), numbers(one.at("weights")));
    const double c = one.at("c").get<double>(), a = one.at("a").get<double>(), loss = one.at("loss").get<double>();
    // A search by values alone knows the place of a minimum to the root of what it knows of the value.
    CHECK(got.loss <= loss * (1.0 + 1e-9) + 1e-12);
    CHECK(got.loss >= loss * (1.0 - 1e-9) - 1e-12);
    CHECK(got.law.c == doctest::Approx(c).epsilon(3e-6));
    CHECK(got.law.a == doctest::Approx(a).epsilon(3e-6));
    if (c == 0.0 || a == 0.0) {
      ++ends;
      CHECK((c == 0.0 ? got.law.c : got.law.a) == 0.0);
    }
    if (one.at("planted").is_null()) continue;
    ++planted;
    CHECK(got.law.c == doctest::Approx(one.at("planted")[0].get<double>()).epsilon(1e-8));
    CHECK(got.law.a == doctest::Approx(one.at("planted")[1].get<double>()).epsilon(1e-8));
  }
  CHECK(ends == 5);
  CHECK(planted == 8);
}

TEST_CASE("ladder_search: crossings far outside the ladder are still told from the ends") {
  const ladder_search search({8.0, 7.0, 6.0, 5.0, 4.0, 3.0});
  for (const damage_law planted : {damage_law{.c = 1.0, .a = 1e3}, damage_law{.c = 1e6, .a = 1.0}}) {
    std::vector<double> y;
    for (const double b : search.bits())
      y.push_back(std::log2(planted(b)));
    const damage_law got = search(y, std::vector<double>(6, 25.0)).law;
    CHECK(got.c == doctest::Approx(planted.c).epsilon(1e-5));
    CHECK(got.a == doctest::Approx(planted.a).epsilon(1e-5));
  }
}

TEST_CASE("ladder_search: refuses one rung, a rung twice, one weight, and values that are not finite") {
  CHECK_THROWS_AS(ladder_search({4.0}), error);
  CHECK_THROWS_AS(ladder_search({4.0, 5.0, 4.0}), error);
  const ladder_search search({4.0, 5.0, 6.0});
  using values = std::vector<double>;
  CHECK_THROWS_AS(search(values{1.0, 2.0, 3.0}, values{0.0, 1.0, 0.0}), error);
  CHECK_THROWS_AS(search(values{1.0, qfa_test::infinity, 3.0}, values{1.0, 1.0, 1.0}), error);
  CHECK_THROWS_AS(search(values{1.0, 2.0, 3.0}, values{1.0, -1.0, 1.0}), error);
  CHECK_THROWS_AS(search(values{1.0, 2.0}, values{1.0, 1.0}), error);
  CHECK_NOTHROW(search(values{1.0, -qfa_test::infinity, 3.0}, values{1.0, 0.0, 1.0}));
}

}  // namespace bits_ladder_fit_test
