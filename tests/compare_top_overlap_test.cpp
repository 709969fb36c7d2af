// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/top_overlap.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace compare_top_overlap_test {

using qfa_test::close;

TEST_CASE("worst_first: most damaged first, equals in order of their index") {
  CHECK(qfa::worst_first(std::vector{0.1, 1.0, 0.5, 1.0, 0.1}) == std::vector<std::size_t>{1, 3, 2, 0, 4});
  CHECK_THROWS_AS(qfa::worst_first(std::vector{0.1, qfa_test::not_a_number}), qfa::error);
}

TEST_CASE("members_in_share: the nearest number, one at least, all at most") {
  CHECK(qfa::members_in_share(0.01, 746) == 7);
  CHECK(qfa::members_in_share(0.01, 750) == 8);
  CHECK(qfa::members_in_share(0.29, 100) == 29);  // 0.29 * 100 is a little less than 29
  CHECK(qfa::members_in_share(0.01, 10) == 1);
  CHECK(qfa::members_in_share(1.0, 10) == 10);
  CHECK(qfa::members_in_share(0.5, 0) == 0);
  CHECK_THROWS_AS(qfa::members_in_share(0.0, 10), qfa::error);
  CHECK_THROWS_AS(qfa::members_in_share(1.5, 10), qfa::error);
}

TEST_CASE("worst_overlap: the same damage overlaps fully, the opposite not at all") {
  const std::vector<double> damage = qfa_test::draw(1000, 1);
  std::vector<double> opposite;
  for (const double d : damage)
    opposite.push_back(-d);
  const auto same = qfa::worst_overlap(damage, damage);
  REQUIRE(same.size() == 5);
  for (std::size_t k = 0; k < 5; ++k) {
    CHECK(same[k].common() == 1.0);
    CHECK(same[k].share == qfa::worst_shares[k]);
  }
  CHECK(same[0].sizes == qfa::set_sizes{10, 10, 10, 1000});
  CHECK(same[4].sizes == qfa::set_sizes{200, 200, 200, 1000});
  for (const auto& top : qfa::worst_overlap(damage, opposite))
    CHECK(top.common() == 0.0);
}

TEST_CASE("worst_overlap: a tie that straddles the cut goes to the lower index") {
  // Two of five are listed.  In a, features 1, 2 and 4 tie for the second place behind 3; in b it is 1 and 3.
  const std::vector<double> a{0.0, 1.0, 1.0, 2.0, 1.0};
  const std::vector<double> b{0.0, 5.0, 0.0, 6.0, 0.0};
  const std::vector<double> shares{0.4};
  CHECK(qfa::worst_overlap(a, b, shares)[0].sizes == qfa::set_sizes{2, 2, 2, 5});
  const std::vector<double> b_last{0.0, 0.0, 0.0, 6.0, 5.0};
  CHECK(qfa::worst_overlap(a, b_last, shares)[0].sizes == qfa::set_sizes{2, 2, 1, 5});
}

TEST_CASE("worst_overlap: unrelated damages share about as much as the lists are long") {
  const auto tops = qfa::worst_overlap(qfa_test::draw(20000, 1), qfa_test::draw(20000, 2));
  for (const auto& top : tops)
    CHECK(top.common() == doctest::Approx(top.share).epsilon(0.25));
}

TEST_CASE("worst_overlap: equals the overlap of the two lists as sets") {
  const std::vector<double> a = qfa_test::draw(97, 8, 20);
  const std::vector<double> b = qfa_test::draw(97, 9, 20);
  for (const auto& top : qfa::worst_overlap(a, b)) {
    std::vector<std::uint8_t> in_a(97);
    std::vector<std::uint8_t> in_b(97);
    for (std::size_t k = 0; k < top.sizes.a; ++k) {
      in_a[qfa::worst_first(a)[k]] = 1;
      in_b[qfa::worst_first(b)[k]] = 1;
    }
    CHECK(top.sizes == qfa::count_overlap(in_a, in_b));
  }
  CHECK_THROWS_AS(qfa::worst_overlap(a, std::vector<double>{}), qfa::error);
}

}  // namespace compare_top_overlap_test
