// SPDX-License-Identifier: Apache-2.0
#include "qfa/budget/choice_table.hpp"

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "made_up.hpp"
#include "scratch.hpp"

namespace budget_choice_table_test {

using qfa::choice_table;
using qfa_test::check_refused;

TEST_CASE("additive_range: from .67 to 1.5, and no NaN") {
  using qfa::additive_range;
  CHECK(additive_range::holds(0.67));
  CHECK(additive_range::holds(1.5));
  CHECK(!additive_range::holds(0.669));
  CHECK(!additive_range::holds(1.501));
  CHECK(!additive_range::holds(qfa_test::not_a_number));
}

TEST_CASE("choice_table: rows are layers, and sums run over them") {
  const choice_table table{.choices = 3, .costs = {0.5, 1.0, 2.0, 4.0, 8.0, 16.0}, .sizes = {9, 2, 3, 4, 7, 6}};
  table.validate();
  CHECK(table.layers() == 2);
  CHECK(table.cost(1, 0) == 4.0);
  CHECK(table.size(0, 2) == 3);
  const std::vector<std::size_t> chosen{2, 1};
  CHECK(table.cost_of(chosen) == 10.0);
  CHECK(table.size_of(chosen) == 10);
  CHECK(table.least_size() == 6);
}

TEST_CASE("choice_table: refuses what cannot be added up") {
  choice_table table{.choices = 2, .costs = {1.0, 2.0, 3.0, 4.0}, .sizes = {1, 2, 3, 4}};
  table.validate();
  const auto refused = [](const choice_table& t, std::string_view part) {
    check_refused([&] { t.validate(); }, {part});
  };
  for (const double bad : {qfa_test::not_a_number, qfa_test::infinity, -1.1e200}) {
    choice_table broken = table;
    broken.costs[3] = bad;
    refused(broken, "choice 1 in layer 1 must be a number");
  }
  choice_table large = table;
  large.sizes = {1, std::uint64_t{1} << 52, 3, (std::uint64_t{1} << 52) + 2};
  refused(large, "below 2^53");
  large.sizes.back() -= 2;
  large.validate();
  for (const choice_table& broken : {choice_table{}, choice_table{.choices = 2},
                                     choice_table{.choices = 2, .costs = {1.0, 2.0, 3.0}, .sizes = {1, 2, 3}},
                                     choice_table{.choices = 2, .costs = {1.0, 2.0}, .sizes = {1}}})
    refused(broken, "the cost and the size of each choice");
}

}  // namespace budget_choice_table_test
