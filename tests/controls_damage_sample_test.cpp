// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/damage_sample.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "controls_made_up.hpp"

namespace controls_damage_sample_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("damage_sample: r whole, on halves, and without any group, is that of the table's own cells") {
  const std::vector<float> loss{0.0f, 0.3f, 1.0f, 20.0f};
  const feature_table table = lossy_table(loss, 1);
  const std::vector<std::uint32_t> chosen{1, 2};
  const damage_sample s = sample_of(table, chosen, "some", true);
  REQUIRE(s.groups == 16);
  const auto r_of = [&](std::uint32_t f, auto keeps) {
    comoments all;
    std::uint64_t tokens = 0;
    for (std::size_t g = 0; g < 16; ++g)
      if (keeps(g)) all += table.cell(f, g).either, tokens += table.tokens(g);
    all.add_zeros(tokens - all.count);
    return pearson(all);
  };
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(s.r[i] == doctest::Approx(r_of(chosen[i], [](std::size_t) { return true; })).epsilon(1e-12));
    CHECK(s.even[i] == doctest::Approx(r_of(chosen[i], [](std::size_t g) { return g % 2 == 0; })).epsilon(1e-12));
    for (const std::size_t left : {3U, 4U}) {
      CHECK(s.without(left)[i] ==
            doctest::Approx(r_of(chosen[i], [&](std::size_t g) { return g != left; })).epsilon(1e-7));
      const bool odd = left % 2 == 1;
      CHECK(s.half_without(odd, left)[i] == doctest::Approx(r_of(chosen[i], [&](std::size_t g) {
                                              return g != left && (g % 2 == 1) == odd;
                                            })).epsilon(1e-7));
      CHECK(s.half_without(!odd, left) == (odd ? s.even : s.odd));
    }
  }
  CHECK(s.without(16) == s.r);
}

TEST_CASE("damage_sample: what is the same to the bit is counted unchanged, and silence is r = 0") {
  CHECK(lossy_sample({0.0f, 0.0f, 0.5f}, 2).changed == 1);
  CHECK(std::isnan(lossy_sample({0.0f}, 2).flip_share));
  feature_table silent(1, 16);
  for (std::uint32_t g = 0; g < 16; ++g) {
    sparse_codes x(1), y(1);
    x.push(0, 1.0f);
    for (sparse_codes* c : {&x, &y}) {
      c->end_token();
      c->end_token();
    }
    silent(x, y, std::vector<std::uint32_t>(2, g));
  }
  const damage_sample s = sample_of(silent, all_features(1), "silent");
  CHECK(s.r == std::vector<double>{0.0});
  CHECK(s.flip_share == 1.0);
  CHECK_THROWS_AS(s.half_without(false, 0), error);
}

TEST_CASE("damage_sample: the worst features are those of least r, the first of equal ones") {
  const std::vector<double> r{0.9, 0.2, 0.95, 0.2, 0.5};
  CHECK(least_correlated(r, 1) == std::vector<std::uint8_t>{0, 1, 0, 0, 0});
  CHECK(least_correlated(r, 3) == std::vector<std::uint8_t>{0, 1, 0, 1, 1});
  CHECK(not_surviving(r, 0.9) == std::vector<std::uint8_t>{1, 1, 0, 1, 1});
  CHECK(surviving_share(r, 0.9) == 0.2);
}

}  // namespace controls_damage_sample_test
