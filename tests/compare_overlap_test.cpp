// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/overlap.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace compare_overlap_test {

using qfa::set_sizes;
using qfa_test::close;

namespace {

/// Equal to as many decimals as a table prints.
bool prints_as(double value, double printed, int decimals) {
  return std::fabs(value - printed) <= 0.5000001 * std::pow(10.0, -decimals);
}

}  // namespace

TEST_CASE("overlap: the published sets of features that did not survive, Pythia-70M") {
  const set_sizes s{.a = 2139, .b = 2220, .both = 2016, .population = 5688};
  CHECK(s.either() == 2343);
  CHECK(s.a - s.both == 123);
  CHECK(s.b - s.both == 204);
  CHECK(prints_as(qfa::jaccard(s), 0.860435, 6));
  CHECK(prints_as(qfa::expected_jaccard(s), 0.237, 3));
  CHECK(prints_as(qfa::plug_in_expected_jaccard(s), 0.237, 3));
  CHECK(prints_as(qfa::jaccard_ceiling(s), 0.964, 3));
  CHECK(prints_as(qfa::overlap_coefficient(s), 0.942, 3));
  CHECK(prints_as(qfa::cohen_kappa(s), 0.878, 3));
}

TEST_CASE("overlap: the published sets of features that did not survive, Gemma-2-2B") {
  const set_sizes s{.a = 3479, .b = 4388, .both = 3478, .population = 7144};
  CHECK(s.either() == 4389);
  CHECK(s.a - s.both == 1);
  CHECK(s.b - s.both == 910);
  CHECK(prints_as(qfa::jaccard(s), 0.792436, 6));
  CHECK(prints_as(qfa::expected_jaccard(s), 0.373, 3));
  CHECK(prints_as(qfa::plug_in_expected_jaccard(s), 0.373, 3));
  CHECK(prints_as(qfa::jaccard_ceiling(s), 0.7928, 4));
  CHECK(prints_as(qfa::overlap_coefficient(s), 0.9997, 4));
  CHECK(prints_as(qfa::cohen_kappa(s), 0.746, 3));
  // The sets overlap almost as far as their sizes allow, which the plain index hides.
  CHECK(qfa::jaccard_above_chance(s) > 0.999);
  CHECK(qfa::jaccard_above_chance(s) < 1.0);
}

TEST_CASE("overlap: the published sets of damaged and of degraded features") {
  CHECK(prints_as(qfa::jaccard({.a = 58, .b = 17, .both = 13, .population = 5688}), 0.209677, 6));
  CHECK(set_sizes{58, 17, 13, 5688}.either() == 62);
  CHECK(qfa::jaccard({.a = 0, .b = 17, .both = 0, .population = 7144}) == 0.0);
  CHECK(prints_as(qfa::jaccard({.a = 2081, .b = 2203, .both = 1954, .population = 5688}), 0.838627, 6));
  CHECK(set_sizes{2081, 2203, 1954, 5688}.either() == 2330);
  CHECK(prints_as(qfa::jaccard({.a = 3479, .b = 4371, .both = 3461, .population = 7144}), 0.788562, 6));
  CHECK(set_sizes{3479, 4371, 3461, 7144}.either() == 4389);
}

TEST_CASE("overlap: agrees with scipy and scikit-learn") {
  const qfa::json stored = qfa_test::read_data("compare.json").at("overlaps");
  for (const auto& o : stored) {
    const set_sizes s{o.at("a").get<std::size_t>(), o.at("b").get<std::size_t>(), o.at("shared").get<std::size_t>(),
                      o.at("universe").get<std::size_t>()};
    CAPTURE(s.a);
    CAPTURE(s.b);
    CHECK(close(qfa::jaccard(s), qfa_test::number(o.at("jaccard")), 1e-15));
    CHECK(close(qfa::expected_jaccard(s), qfa_test::number(o.at("expected")), 1e-11));
    CHECK(close(qfa::jaccard_ceiling(s), qfa_test::number(o.at("ceiling")), 1e-15));
    CHECK(close(qfa::overlap_coefficient(s), qfa_test::number(o.at("overlap_coefficient")), 1e-15));
    CHECK(close(qfa::cohen_kappa(s), qfa_test::number(o.at("kappa")), 1e-13));
  }
}

TEST_CASE("expected_jaccard: the mean over every pair of sets of these sizes, for all sizes up to six") {
  for (unsigned n = 1; n <= 6; ++n)
    for (unsigned a = 0; a <= n; ++a)
      for (unsigned b = 0; b <= n; ++b) {
        double sum = 0.0;
        double sets = 0.0;
        for (unsigned first = 0; first < (1U << n); ++first)
          for (unsigned second = 0; second < (1U << n); ++second) {
            if (static_cast<unsigned>(__builtin_popcount(first)) != a) continue;
            if (static_cast<unsigned>(__builtin_popcount(second)) != b) continue;
            sets += 1.0;
            if ((first | second) != 0)
              sum += static_cast<double>(__builtin_popcount(first & second)) / __builtin_popcount(first | second);
          }
        const double expected =
            qfa::expected_jaccard({.a = a, .b = b, .both = 0 + (a + b > n ? a + b - n : 0U), .population = n});
        CAPTURE(n);
        CAPTURE(a);
        CAPTURE(b);
        if (a + b == 0) {
          CHECK(std::isnan(expected));
        } else {
          CHECK(close(expected, sum / sets, 1e-14));
        }
      }
}

TEST_CASE("expected_jaccard: large populations neither overflow nor starve") {
  const set_sizes half{.a = 5'000'000, .b = 5'000'000, .both = 2'500'000, .population = 10'000'000};
  CHECK(close(qfa::expected_jaccard(half), 1.0 / 3.0, 1e-6));
  const set_sizes rare{.a = 10, .b = 10, .both = 0, .population = 10'000'000};
  CHECK(qfa::expected_jaccard(rare) == doctest::Approx(1e-5 / 19.0).epsilon(1e-4));
  // Only one outcome is possible: everything in both.
  CHECK(qfa::expected_jaccard({.a = 7, .b = 7, .both = 7, .population = 7}) == 1.0);
}

TEST_CASE("jaccard: two empty sets have no overlap to speak of, unless asked as published") {
  const set_sizes empty{.population = 10};
  CHECK(std::isnan(qfa::jaccard(empty)));
  CHECK(qfa::jaccard(empty, qfa::empty_sets_agree) == 1.0);
  CHECK(std::isnan(qfa::jaccard_ceiling(empty)));
  CHECK(std::isnan(qfa::expected_jaccard(empty)));
  CHECK(std::isnan(qfa::plug_in_expected_jaccard(empty)));
  CHECK(std::isnan(qfa::jaccard_above_chance(empty)));
  CHECK(std::isnan(qfa::overlap_coefficient(empty)));
  CHECK(std::isnan(qfa::cohen_kappa(empty)));
  CHECK(std::isnan(qfa::odds_ratio(empty)));
  CHECK(std::isnan(qfa::jaccard(set_sizes{})));
  CHECK(qfa::jaccard({.a = 1, .b = 0, .both = 0, .population = 2}, qfa::empty_sets_agree) == 0.0);
}

TEST_CASE("jaccard_above_chance: 0 at chance, 1 at the ceiling, nothing where they meet") {
  const set_sizes apart{.a = 10, .b = 20, .both = 0, .population = 100};
  const double chance = qfa::expected_jaccard(apart);
  CHECK(close(qfa::jaccard_above_chance(apart), -chance / (0.5 - chance), 1e-14));
  CHECK(close(qfa::jaccard_above_chance({.a = 10, .b = 20, .both = 10, .population = 100}), 1.0, 1e-14));
  CHECK(std::isnan(qfa::jaccard_above_chance({.a = 100, .b = 20, .both = 20, .population = 100})));
  CHECK(std::isnan(qfa::jaccard_above_chance({.a = 0, .b = 20, .both = 0, .population = 100})));
}

TEST_CASE("cohen_kappa: observed agreement beyond the agreement of chance") {
  // 60 of 100 agree (10 in both, 50 in neither); by chance .3 .3 + .7 .7 = .58.
  const set_sizes s{.a = 30, .b = 30, .both = 10, .population = 100};
  CHECK(close(qfa::cohen_kappa(s), (0.60 - 0.58) / (1.0 - 0.58), 1e-14));
  CHECK(qfa::cohen_kappa({.a = 5, .b = 5, .both = 5, .population = 9}) == 1.0);
  CHECK(std::isnan(qfa::cohen_kappa({.a = 9, .b = 9, .both = 9, .population = 9})));
}

TEST_CASE("odds_ratio: the product of agreements over the product of differences") {
  CHECK(close(qfa::odds_ratio({.a = 30, .b = 25, .both = 20, .population = 100}), 20.0 * 65.0 / (10.0 * 5.0), 1e-14));
  CHECK(close(qfa::odds_ratio({.a = 20, .b = 50, .both = 10, .population = 100}), 1.0, 1e-14));
  CHECK(qfa::odds_ratio({.a = 5, .b = 9, .both = 5, .population = 100}) == qfa_test::infinity);
  CHECK(std::isnan(qfa::odds_ratio({.a = 0, .b = 9, .both = 0, .population = 100})));
}

TEST_CASE("overlap: sizes that no two sets have are refused") {
  CHECK_THROWS_AS(qfa::jaccard({.a = 1, .b = 5, .both = 2, .population = 10}), qfa::error);
  CHECK_THROWS_AS(qfa::jaccard({.a = 6, .b = 6, .both = 1, .population = 10}), qfa::error);
  CHECK_THROWS_AS(qfa::expected_jaccard({.a = 11, .b = 0, .both = 0, .population = 10}), qfa::error);
  CHECK_NOTHROW(qfa::jaccard({.a = 6, .b = 6, .both = 2, .population = 10}));
}

TEST_CASE("count_overlap: any value but 0 means membership") {
  const std::vector<std::uint8_t> a{1, 0, 2, 4, 0, 0};
  const std::vector<std::uint8_t> b{1, 1, 0, 3, 0, 0};
  const set_sizes s = qfa::count_overlap(a, b);
  CHECK(s == set_sizes{.a = 3, .b = 3, .both = 2, .population = 6});
  CHECK(qfa::count_overlap_by_stratum(a, b, std::vector<std::uint32_t>(6), 1)[0] == s);
  CHECK(s.neither() == 2);
  CHECK_THROWS_AS(qfa::count_overlap(a, std::vector<std::uint8_t>{1}), qfa::error);
}

TEST_CASE("count_overlap_by_stratum: strata add up to the whole") {
  const std::vector<std::uint8_t> a = qfa_test::draw_labels(200, 1, 0.3);
  const std::vector<std::uint8_t> b = qfa_test::draw_labels(200, 2, 0.6);
  std::vector<std::uint32_t> stratum(200);
  for (std::uint32_t i = 0; i < 200; ++i)
    stratum[i] = i % 7;
  set_sizes sum;
  for (const set_sizes& s : qfa::count_overlap_by_stratum(a, b, stratum, 8)) {
    sum.a += s.a;
    sum.b += s.b;
    sum.both += s.both;
    sum.population += s.population;
  }
  CHECK(sum == qfa::count_overlap(a, b));
  CHECK(qfa::count_overlap_by_stratum(a, b, stratum, 8)[7] == set_sizes{});
  CHECK_THROWS_AS(qfa::count_overlap_by_stratum(a, b, stratum, 6), qfa::error);
}

TEST_CASE("mantel_haenszel_odds_ratio: one stratum gives the plain odds ratio") {
  const set_sizes s{.a = 30, .b = 25, .both = 20, .population = 100};
  CHECK(close(qfa::mantel_haenszel_odds_ratio(std::vector{s}), qfa::odds_ratio(s), 1e-14));
  CHECK(close(qfa::mantel_haenszel_odds_ratio(std::vector{s, set_sizes{}, s}), qfa::odds_ratio(s), 1e-14));
}

TEST_CASE("mantel_haenszel_odds_ratio: sets that only the stratum ties together are independent within it") {
  // Stratum one holds most of both sets, stratum two little; within each they are independent.
  const set_sizes weak{.a = 80, .b = 50, .both = 40, .population = 100};
  const set_sizes strong{.a = 10, .b = 20, .both = 2, .population = 100};
  const set_sizes all{.a = 90, .b = 70, .both = 42, .population = 200};
  CHECK(qfa::odds_ratio(all) > 2.0);
  CHECK(close(qfa::mantel_haenszel_odds_ratio(std::vector{weak, strong}), 1.0, 1e-14));
}

TEST_CASE("mantel_haenszel_odds_ratio: weights each stratum by its own size") {
  const set_sizes one{.a = 6, .b = 5, .both = 4, .population = 10};
  const set_sizes two{.a = 30, .b = 40, .both = 25, .population = 100};
  const double expected = (4.0 * 3.0 / 10.0 + 25.0 * 55.0 / 100.0) / (2.0 * 1.0 / 10.0 + 5.0 * 15.0 / 100.0);
  CHECK(close(qfa::mantel_haenszel_odds_ratio(std::vector{one, two}), expected, 1e-14));
  CHECK(std::isnan(qfa::mantel_haenszel_odds_ratio(std::vector<set_sizes>{})));
  CHECK(qfa::mantel_haenszel_odds_ratio(std::vector<set_sizes>{{2, 2, 2, 5}}) == qfa_test::infinity);
}

}  // namespace compare_overlap_test
