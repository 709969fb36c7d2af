// SPDX-License-Identifier: Apache-2.0
#include "qfa/budget/budget_relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "made_up_tables.hpp"
#include "scratch.hpp"

namespace budget_budget_relaxation_test {

using qfa::choice_table;
using qfa::hull_of;
using qfa::relax_budget;
using qfa_test::check_refused;
using qfa_test::made_table;

TEST_CASE("hull_of: corners of the lower hull alone, from the smallest choice on, by falling rates") {
  //                                     corner  above  corner  dominated  corner  as dear
  const choice_table table{.choices = 6, .costs = {10.0, 9.0, 4.0, 4.5, 3.0, 3.0}, .sizes = {1, 2, 3, 4, 5, 6}};
  const qfa::layer_hull hull = hull_of(table, 0);
  CHECK(hull.first == 0);
  REQUIRE(hull.steps.size() == 2);
  CHECK(hull.steps[0].from == 0);
  CHECK(hull.steps[0].to == 2);
  CHECK(hull.steps[0].extra == 2);
  CHECK(hull.steps[0].drop == 6.0);
  CHECK(hull.steps[0].rate == 3.0);
  CHECK(hull.steps[1].to == 4);
  CHECK(hull.steps[1].rate == 0.5);
}

TEST_CASE("hull_of: a choice on the line between two corners is none") {
  const choice_table table{.choices = 3, .costs = {10.0, 7.0, 4.0}, .sizes = {1, 2, 3}};
  REQUIRE(hull_of(table, 0).steps.size() == 1);
  CHECK(hull_of(table, 0).steps[0].to == 2);
}

TEST_CASE("hull_of: of choices that take as much the cheapest, of equal ones the first") {
  const choice_table table{.choices = 4, .costs = {5.0, 2.0, 2.0, 2.0}, .sizes = {3, 3, 3, 7}};
  CHECK(hull_of(table, 0).first == 1);
  CHECK(hull_of(table, 0).steps.empty());
}

TEST_CASE("hull_of: no choice lies below it, whatever the table") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const choice_table table = made_table(1, 7, seed);
    const qfa::layer_hull hull = hull_of(table, 0);
    double size = static_cast<double>(table.size(0, hull.first)), cost = table.cost(0, hull.first);
    for (std::size_t c = 0; c < 7; ++c) {
      CHECK(table.size(0, c) >= table.size(0, hull.first));
      double x = size, y = cost;  // the hull at c's size: never above c
      for (const qfa::hull_step& step : hull.steps) {
        const double part = (std::min)(static_cast<double>(step.extra), static_cast<double>(table.size(0, c)) - x);
        if (part <= 0.0) break;
        x += part;
        y -= part * step.rate;
      }
      CHECK(table.cost(0, c) >= y - 1e-6);
    }
    for (std::size_t s = 1; s < hull.steps.size(); ++s)
      CHECK(hull.steps[s].rate < hull.steps[s - 1].rate);
  }
}

TEST_CASE("relax_budget: within the budget, never below its bound, and the bound below every choice") {
  std::size_t short_of_best = 0, cases = 0;
  for (unsigned seed = 0; seed < 60; ++seed)
    for (const unsigned steps : {5U, 1U << 30}) {
      const choice_table table = made_table(5, 4, seed, steps);
      for (std::uint64_t budget = table.least_size(); budget < 40; budget += 3) {
        const qfa::budget_relaxation out = relax_budget(table, budget);
        const auto best = qfa_test::try_all(table, budget);
        REQUIRE(best);
        const double rounding = 1e-9 * steps;
        CHECK(table.size_of(out.chosen) <= budget);
        CHECK(table.cost_of(out.chosen) >= best->cost);
        CHECK(out.bound <= best->cost + rounding);
        // Within one step of the relaxation at worst; the pairs that improve it find the best nearly always.
        if (table.cost_of(out.chosen) > best->cost) ++short_of_best;
        ++cases;
      }
    }
  CHECK(cases > 1000);
  CHECK(short_of_best < cases / 20);
}

TEST_CASE("relax_budget: the bound is the Lagrangian's largest") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const choice_table table = made_table(6, 5, seed, 1000);
    const std::uint64_t budget = table.least_size() + seed % 13;
    const qfa::budget_relaxation out = relax_budget(table, budget);
    const auto at = [&](double rate) {
      double sum = -rate * static_cast<double>(budget);
      for (std::size_t l = 0; l < 6; ++l)
        sum += qfa::budget_relaxation{.rate = rate}.priced(table, l);
      return sum;
    };
    CHECK(out.bound == doctest::Approx(at(out.rate)).epsilon(1e-12));
    for (double rate = 0.0; rate < 150.0; rate += 0.37)
      CHECK(at(rate) <= out.bound + 1e-9);
  }
}

TEST_CASE("relax_budget: a budget for all gives each layer its cheapest, and the bound is met") {
  const choice_table table = made_table(5, 4, 3);
  const qfa::budget_relaxation out = relax_budget(table, 1000);
  CHECK(out.rate == 0.0);
  CHECK(table.cost_of(out.chosen) == doctest::Approx(out.bound).epsilon(1e-12));
}

TEST_CASE("improve_choice: two layers change places where neither can alone") {
  // From (1, 0) to (0, 1): the second layer can grow only if the first shrinks.
  const choice_table table{.choices = 2, .costs = {3.0, 1.0, 10.0, 2.0}, .sizes = {1, 4, 1, 4}};
  std::vector<std::size_t> chosen{1, 0};
  qfa::improve_choice(table, 5, chosen);
  CHECK(chosen == std::vector<std::size_t>{0, 1});
  qfa::improve_choice(table, 8, chosen);
  CHECK(chosen == std::vector<std::size_t>{1, 1});
}

TEST_CASE("relax_budget: names the least budget where nothing fits") {
  const choice_table table{.choices = 2, .costs = {1.0, 2.0, 1.0, 2.0}, .sizes = {5, 3, 7, 9}};
  check_refused([&] { relax_budget(table, 9); }, {"a budget of 9", "10 is the least"});
  CHECK(relax_budget(table, 10).chosen == std::vector<std::size_t>{1, 0});
}

}  // namespace budget_budget_relaxation_test
