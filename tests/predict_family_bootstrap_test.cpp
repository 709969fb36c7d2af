// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/family_bootstrap.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "laws.hpp"
#include "qfa/compare/auc.hpp"

namespace predict_family_bootstrap_test {

using namespace qfa;

namespace {

/// `families` families of `members` features with one score and one fate each.
struct drawn {
  std::vector<scored_features> ways{2};
  std::vector<std::uint32_t> family_of;

  drawn(std::size_t families, std::size_t members, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    for (std::size_t k = 0; k < families; ++k) {
      const double truth = normal(random);
      for (scored_features& way : ways) {
        const double score = truth + normal(random);
        const bool positive = truth + normal(random) > 0.0;
        for (std::size_t m = 0; m < members; ++m) {
          way.scores.push_back(score);
          way.positive.push_back(positive ? 1 : 0);
        }
      }
      family_of.insert(family_of.end(), members, static_cast<std::uint32_t>(1000 - 3 * k));
    }
  }
};

double width(const estimate& e) { return e.range.upper - e.range.lower; }

}  // namespace

TEST_CASE("bootstrap_families: each replicate is the AUC of the families drawn, as often as they are") {
  const drawn d(60, 2, 1);
  const estimate e = bootstrap_families(d.ways, d.family_of, 7);
  CHECK(qfa_test::close(
      e.value, 0.5 * (auc(d.ways[0].scores, d.ways[0].positive) + auc(d.ways[1].scores, d.ways[1].positive)), 1e-13));
  // Families in the order of their numbers, which fall along the features here.
  const estimate by_hand = poisson_bootstrap(e.value, 60,
                                             [&](std::span<const std::uint32_t> weights) {
                                               double sum = 0.0;
                                               for (const scored_features& way : d.ways) {
                                                 std::vector<double> scores;
                                                 std::vector<std::uint8_t> positive;
                                                 for (std::size_t f = 0; f < way.scores.size(); ++f)
                                                   for (std::uint32_t k = 0; k < weights[59 - f / 2]; ++k) {
                                                     scores.push_back(way.scores[f]);
                                                     positive.push_back(way.positive[f]);
                                                   }
                                                 sum += 0.5 * auc(scores, positive);
                                               }
                                               return sum;
                                             },
                                             {.scale = interval_scale::logit, .seed = 7});
  CHECK(qfa_test::close(e.range.lower, by_hand.range.lower, 1e-12));
  CHECK(qfa_test::close(e.range.upper, by_hand.range.upper, 1e-12));
}

TEST_CASE("bootstrap_families: near-duplicates narrow nothing, where features one by one would") {
  const drawn single(80, 1, 3), fivefold(80, 5, 3);
  const estimate one = bootstrap_families(single.ways, single.family_of, 1);
  CHECK(width(bootstrap_families(fivefold.ways, fivefold.family_of, 1)) == doctest::Approx(width(one)).epsilon(1e-9));
  CHECK(width(bootstrap_families(fivefold.ways, {}, 1)) < 0.6 * width(one));
}

TEST_CASE("bootstrap_families: covers the AUC of all families there could be") {
  const double truth = [] {
    const drawn many(20000, 1, 99);
    return 0.5 * (auc(many.ways[0].scores, many.ways[0].positive) + auc(many.ways[1].scores, many.ways[1].positive));
  }();
  std::size_t covered = 0;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    const drawn d(100, 2, seed);
    const interval range = bootstrap_families(d.ways, d.family_of, seed).range;
    covered += range.lower < truth && truth < range.upper;
  }
  CHECK(covered >= 89);  // 95 of 100 less 2.7 standard errors
}

TEST_CASE("bootstrap_families: under 8 families there is no interval, and mixed lengths are refused") {
  const drawn few(7, 10, 1);
  const estimate e = bootstrap_families(few.ways, few.family_of, 1);
  CHECK(e.range.kind == interval_kind::refused);
  CHECK(e.range.reason == "fewer than 8 families of features");
  const drawn enough(8, 10, 1);
  CHECK(bootstrap_families(enough.ways, enough.family_of, 1).range.reason != "fewer than 8 families of features");
  CHECK_THROWS_AS(bootstrap_families({}, {}, 1), error);
  CHECK_THROWS_AS(bootstrap_families(few.ways, std::vector<std::uint32_t>(3, 1), 1), error);
}

}  // namespace predict_family_bootstrap_test
