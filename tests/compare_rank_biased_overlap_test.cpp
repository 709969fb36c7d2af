// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/rank_biased_overlap.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace compare_rank_biased_overlap_test {

using ranking = std::vector<std::size_t>;

TEST_CASE("rank_biased_overlap: agrees with the definition by sets, for lists of any lengths") {
  const qfa::json rank_biased_overlap = qfa_test::read_data("uncertainty.json").at("rank_biased_overlap");
  REQUIRE(rank_biased_overlap.size() > 4);
  for (const auto& at : rank_biased_overlap) {
    const auto a = at.at("a").get<ranking>(), b = at.at("b").get<ranking>();
    const double p = at.at("p").get<double>(), expected = at.at("rbo").get<double>();
    CAPTURE(a.size());
    CAPTURE(b.size());
    CHECK(qfa_test::close(qfa::rank_biased_overlap(a, b, p), expected, 1e-13));
    CHECK(qfa_test::close(qfa::rank_biased_overlap(b, a, p), expected, 1e-13));
  }
}

TEST_CASE("rank_biased_overlap: equal lists agree wholly, disjoint ones not, and early ranks weigh more") {
  const ranking a{4, 1, 7, 9, 2}, disjoint{10, 11, 12, 13, 14}, late{4, 1, 7, 2, 9}, early{1, 4, 7, 9, 2};
  CHECK(qfa_test::close(qfa::rank_biased_overlap(a, a), 1.0));
  CHECK(qfa::rank_biased_overlap(a, disjoint) == 0.0);
  CHECK(qfa::rank_biased_overlap(a, late) > qfa::rank_biased_overlap(a, early));
  CHECK(qfa::rank_biased_overlap(a, early) < 1.0);
  // One of one in common, and then nothing: X_d = 1 at both depths, and the agreement at the end, 1/2, goes on.
  CHECK(qfa_test::close(qfa::rank_biased_overlap(ranking{1, 2}, ranking{1, 3}, 0.5), 0.75));
}

TEST_CASE("rank_biased_weight: the first ten ranks carry 86 percent at a persistence of 0.9") {
  CHECK(qfa::rank_biased_weight(0.9, 10) == doctest::Approx(0.8556).epsilon(1e-4));
  const qfa::json rank_biased_weight = qfa_test::read_data("uncertainty.json").at("rank_biased_weight");
  REQUIRE(rank_biased_weight.size() > 4);
  for (const auto& at : rank_biased_weight)
    CHECK(qfa_test::close(qfa::rank_biased_weight(at.at("p").get<double>(), at.at("depth").get<std::size_t>()),
                          at.at("weight").get<double>(), 1e-12));
}

TEST_CASE("rank_biased_overlap: of an empty list nothing is known, and repeated members are refused") {
  CHECK(std::isnan(qfa::rank_biased_overlap(ranking{}, ranking{1})));
  CHECK_THROWS_AS(qfa::rank_biased_overlap(ranking{1, 1}, ranking{1, 2}), qfa::error);
  CHECK_THROWS_AS(qfa::rank_biased_overlap(ranking{1, 2, 3}, ranking{4, 5, 4}), qfa::error);
  CHECK_THROWS_AS(qfa::rank_biased_overlap(ranking{1}, ranking{1}, 1.0), qfa::error);
  CHECK_THROWS_AS(qfa::rank_biased_weight(0.9, 0), qfa::error);
}

}  // namespace compare_rank_biased_overlap_test
