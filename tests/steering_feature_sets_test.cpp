// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/feature_sets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>
#include <vector>

#include "made_up.hpp"

namespace steering_feature_sets_test {

using namespace qfa;
using qfa_test::not_a_number;

TEST_CASE("by_correlation and by_energy: another program's orders") {
  const json known = qfa_test::read_data("analyses.json");
  std::vector<std::uint32_t> all(40);
  std::iota(all.begin(), all.end(), 0U);
  const std::vector<double> r = qfa_test::numbers(known.at("a11").at("r"));
  CHECK(by_correlation(all, r) == known.at("a10").at("by_r").get<std::vector<std::uint32_t>>());
  const std::vector<double> energy = qfa_test::numbers(known.at("a9")[0].at("energy"));
  CHECK(by_energy(all, energy) == known.at("a10").at("by_energy").get<std::vector<std::uint32_t>>());
}

TEST_CASE("by_correlation and by_energy: ties go by number, whatever the order of the features") {
  const std::vector<std::uint32_t> features{4, 1, 3, 0};
  const std::vector<double> r{0.5, 0.5, 0.0, not_a_number, 0.1}, energy{2.0, 2.0, 9.0, 3.0, 1.0};
  CHECK(by_correlation(features, r) == std::vector<std::uint32_t>{4, 0, 1});
  CHECK(by_energy(features, energy) == std::vector<std::uint32_t>{3, 0, 1, 4});
}

TEST_CASE("at_random: every feature once, another order for another seed, each as likely in front") {
  std::vector<std::uint32_t> features{2, 5, 6, 8};
  std::vector<std::size_t> in_front(9, 0);
  std::set<std::vector<std::uint32_t>> orders;
  for (std::uint64_t seed = 0; seed < 800; ++seed) {
    std::vector<std::uint32_t> order = at_random(features, seed);
    ++in_front[order.front()];
    orders.insert(order);
    std::ranges::sort(order);
    CHECK(order == features);
  }
  CHECK(orders.size() == 24);
  for (const std::uint32_t f : features)
    CHECK(std::abs(static_cast<int>(in_front[f]) - 200) < 62);  // five standard deviations
  CHECK(at_random(features, 3) == at_random(features, 3));
}

TEST_CASE("as_much_energy: the fewest that reach the energy of another set") {
  const std::vector<std::uint32_t> order{0, 1, 2, 3}, other{3, 2, 1, 0};
  const std::vector<double> energy{1.0, 1.0, 2.0, 3.0};
  CHECK(as_much_energy(order, other, 0, energy) == 0);
  CHECK(as_much_energy(order, other, 1, energy) == 3);  // 1 + 1 + 2 reach 3
  CHECK(as_much_energy(order, other, 2, energy) == 4);
  CHECK(as_much_energy(order, order, 2, energy) == 2);
  CHECK_THROWS_WITH(as_much_energy(order, other, 5, energy), doctest::Contains("no more features"));
}

TEST_CASE("flags_of: the first of an order, or all others of the dictionary") {
  const std::vector<std::uint32_t> order{3, 0};
  CHECK(flags_of(order, 1, 5) == std::vector<std::uint8_t>{0, 0, 0, 1, 0});
  CHECK(flags_of(order, 2, 5, true) == std::vector<std::uint8_t>{0, 1, 1, 0, 1});
  CHECK(flags_of({}, 0, 3, true) == std::vector<std::uint8_t>{1, 1, 1});
  CHECK_THROWS_WITH(flags_of(order, 3, 5), doctest::Contains("no more features"));
}

}  // namespace steering_feature_sets_test
