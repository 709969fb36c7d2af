// SPDX-License-Identifier: Apache-2.0
#include "qfa/allocate/damage_table.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "made_up.hpp"
#include "scratch.hpp"

namespace allocate_damage_table_test {

using qfa::damage_table;
using qfa_test::not_a_number;

namespace {

// Two units, three options, two features; the second unit is behind the hook.
const damage_table table{.units = {"a", "b"},
                         .options = {"small", "middle", "large"},
                         .features = {3, 8},
                         .bits = {10, 20, 30, 1, 2, 3},
                         .kl = {6.0, 5.0, 4.0, 3.0, 2.0, 1.0},
                         .noise = {8.0, 4.0, 2.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0}};

}  // namespace

TEST_CASE("mean_damage: a weighted mean in which a feature that is gone counts 99, and one without nu not at all") {
  CHECK(qfa::mean_damage(std::vector{1.0, 4.0}, std::vector{3.0, 1.0}) == 1.75);
  CHECK(qfa::mean_damage(std::vector{qfa_test::infinity, 1.0}, std::vector{1.0, 1.0}) == 50.0);
  CHECK(qfa::mean_damage(std::vector{not_a_number, 5.0}, std::vector{7.0, 1.0}) == 5.0);
  CHECK(std::isnan(qfa::mean_damage(std::vector{1.0}, std::vector{0.0})));
}

TEST_CASE("damage_table: damages by unit and option, and what is predicted of a choice by feature") {
  CHECK(table.damages(std::vector{1.0, 1.0}) == std::vector{6.0, 2.0, 0.5, 0.0, 0.0, 0.0});
  CHECK(table.damages(std::vector{0.0, 2.0}) == std::vector{4.0, 2.0, 0.0, 0.0, 0.0, 0.0});
  CHECK(table.predicted_noise(std::vector<std::size_t>{2, 0}) == std::vector{1.0, 0.0});
  CHECK(table.bits_of(std::vector<std::size_t>{2, 1}) == 32);
  CHECK(table.unheard() == std::vector<std::size_t>{1});
  qfa_test::check_refused([] { table.damages(std::vector{1.0}); }, {"one weight for each"});
}

TEST_CASE("damage_table: the largest option that fits in all units") {
  CHECK(table.uniform_within(33) == 2);
  CHECK(table.uniform_within(32) == 1);
  CHECK(table.uniform_within(11) == 0);
  CHECK(!table.uniform_within(10));
  damage_table turned = table;
  turned.bits = {30, 10, 30, 3, 1, 3};
  CHECK(turned.uniform_within(33) == 0);  // the first of those that take as much
}

}  // namespace allocate_damage_table_test
