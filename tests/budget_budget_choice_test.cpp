// SPDX-License-Identifier: Apache-2.0
#include "qfa/budget/budget_choice.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "made_up.hpp"
#include "made_up_tables.hpp"
#include "scratch.hpp"

namespace budget_budget_choice_test {

using qfa::best_uniform;
using qfa::budget_choice;
using qfa::choice_table;
using qfa::least_cost_choice;
using qfa_test::bits_table;
using qfa_test::check_refused;
using qfa_test::made_table;
using qfa_test::try_all;

TEST_CASE("least_cost_choice: finds what trying all choices finds, to the bit, and the least size of equals") {
  for (unsigned seed = 0; seed < 80; ++seed)
    for (const unsigned steps : {3U, 1U << 30}) {  // many ties, and none
      const choice_table table = made_table(1 + seed % 6, 1 + seed % 4, seed, steps, 1 + seed % 3);
      for (std::uint64_t budget = table.least_size(); budget < table.least_size() + 40; ++budget) {
        const budget_choice out = least_cost_choice(table, budget);
        const auto best = try_all(table, budget);
        REQUIRE(best);
        REQUIRE(out.exact);
        REQUIRE(out.cost == best->cost);
        if (steps == 3U) REQUIRE(out.size >= best->size);
        if (steps != 3U) REQUIRE(out.size == best->size);
        REQUIRE(out.cost == table.cost_of(out.chosen));
        REQUIRE(out.size == table.size_of(out.chosen));
        REQUIRE(out.size <= budget);
        REQUIRE(out.gap() >= 0.0);
      }
    }
}

TEST_CASE("least_cost_choice: of choices that cost the same, to the bit, the one that takes least") {
  for (unsigned seed = 0; seed < 80; ++seed) {
    choice_table table = made_table(5, 4, seed, 12);
    for (double& cost : table.costs)
      cost = std::nearbyint(cost * 7.0);  // whole numbers, whose sums are exact in any order
    const std::uint64_t budget = table.least_size() + seed % 17;
    const budget_choice out = least_cost_choice(table, budget);
    const auto best = try_all(table, budget);
    CHECK(out.cost == best->cost);
    CHECK(out.size == best->size);
  }
}

TEST_CASE("least_cost_choice: more budget never costs more, and never below the bound") {
  const choice_table table = bits_table(12, 5, 1);
  double before = std::numeric_limits<double>::infinity(), bound_before = before;
  for (std::uint64_t budget = table.least_size(); budget < 12 * 27000; budget += 1500) {
    const budget_choice out = least_cost_choice(table, budget);
    CHECK(out.exact);
    CHECK(out.cost <= before);
    CHECK(out.bound <= bound_before + 1e-9);
    CHECK(out.gap() >= 0.0);
    before = out.cost;
    bound_before = out.bound;
  }
  CHECK(before < 0.02 * least_cost_choice(table, table.least_size()).cost);
}

TEST_CASE("least_cost_choice: exact for 64 layers of 8 choices, and cheaper than every uniform choice as large") {
  for (const unsigned seed : {1U, 2U, 3U}) {
    const choice_table table = bits_table(64, 8, seed);
    for (std::size_t c = 1; c < 7; ++c) {
      const std::vector<std::size_t> same(64, c);
      const budget_choice out = least_cost_choice(table, table.size_of(same));
      CHECK(out.exact);
      CHECK(out.size <= table.size_of(same));
      CHECK(out.cost < table.cost_of(same));
      CHECK(out.gap() < 0.01 * out.cost + 1e-9);
      CHECK(out.states < 100000);
    }
  }
}

TEST_CASE("least_cost_choice: agrees to the bit with integer programming and a table over sizes by other libraries") {
  std::size_t cases = 0;
  const qfa::json data = qfa_test::read_data("budget.json");
  for (const auto& stored : data.at("tables")) {
    const choice_table table{.choices = stored.at("options").get<std::size_t>(),
                             .costs = stored.at("costs").get<std::vector<double>>(),
                             .sizes = stored.at("sizes").get<std::vector<std::uint64_t>>()};
    for (const auto& b : stored.at("budgets")) {
      const budget_choice out = least_cost_choice(table, b.at("budget").get<std::uint64_t>());
      CHECK(out.exact);
      CHECK(out.cost == b.at("cost").get<double>());
      CHECK(out.bound <= out.cost);
      ++cases;
    }
  }
  CHECK(cases == 12);
}

TEST_CASE("least_cost_choice: sizes of all kinds do not hinder it") {
  choice_table table = bits_table(24, 6, 4);
  for (std::size_t i = 0; i < table.sizes.size(); ++i)
    table.sizes[i] = table.sizes[i] * 1000003 + i * i * 7919;  // no unit but 1
  const budget_choice out = least_cost_choice(table, table.size_of(std::vector<std::size_t>(24, 2)));
  CHECK(out.exact);
  CHECK(out.states < 100000);
}

TEST_CASE("least_cost_choice: with too few states it is greedy, within the budget and no worse than uniform") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const choice_table table = made_table(6, 4, seed);
    for (std::uint64_t budget = table.least_size(); budget < 45; budget += 4) {
      const budget_choice greedy = least_cost_choice(table, budget, 0), exact = least_cost_choice(table, budget);
      CHECK(!greedy.exact);
      CHECK(greedy.size <= budget);
      CHECK(greedy.cost >= exact.cost);
      CHECK(greedy.bound == doctest::Approx(exact.bound).epsilon(1e-9));
      if (const auto same = best_uniform(table, budget))
        CHECK(greedy.cost <= table.cost_of(std::vector<std::size_t>(6, *same)));
    }
  }
}

TEST_CASE("best_uniform: the cheapest that fits, of equals the smaller, then the first") {
  const choice_table table{.choices = 5,
                           .costs = {9.0, 4.0, 4.0, 4.0, 1.0, 9.0, 4.0, 4.0, 4.0, 1.0},
                           .sizes = {1, 4, 3, 3, 9, 1, 4, 3, 3, 9}};
  CHECK(best_uniform(table, 18) == 4);
  CHECK(best_uniform(table, 17) == 2);
  CHECK(best_uniform(table, 5) == 0);
  CHECK(!best_uniform(table, 1));
}

TEST_CASE("least_cost_choice: one choice, one layer, nothing to pay and nothing that fits") {
  const choice_table one{.choices = 1, .costs = {2.0, 3.0}, .sizes = {0, 0}};
  CHECK(least_cost_choice(one, 0).chosen == std::vector<std::size_t>{0, 0});
  CHECK(least_cost_choice(one, 0).cost == 5.0);
  CHECK(least_cost_choice(one, 0).gap() == 0.0);
  const choice_table layer{.choices = 3, .costs = {1.0, 0.5, 0.25}, .sizes = {1, 2, 4}};
  CHECK(least_cost_choice(layer, 3).chosen == std::vector<std::size_t>{1});
  CHECK(least_cost_choice(layer, 3).bound == doctest::Approx(0.375));
  check_refused([&] { least_cost_choice(layer, 0); }, {"a budget of 0", "1 is the least"});
  check_refused([&] { least_cost_choice({}, 5); }, {"at least one of both"});
}

}  // namespace budget_budget_choice_test
