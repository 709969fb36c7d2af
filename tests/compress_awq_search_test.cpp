// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/awq_search.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"

using qfa::awq_search;
using qfa::tensor_role;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::error_of;
using qfa_test::matrix;
using qfa_test::oracle_layer;
using qfa_test::same_bits;

namespace {

std::vector<std::pair<std::string, awq_search>> variants() {
  return {{"rtn", {.group = 16, .scale = false, .clip = false}},
          {"scale", {.group = 16, .clip = false}},
          {"clip", {.group = 16, .scale = false}},
          {"both", {.group = 16}}};
}

}  // namespace

TEST_CASE("awq_search: both searches find what the float64 reference finds from the tokens themselves") {
  const double tokens = static_cast<double>(oracle_layer().known.inputs.tokens());
  for (const auto& [name, policy] : variants()) {
    const matrix q = compressed(oracle_layer().weights, policy, oracle_layer().known);
    qfa_test::check_values(q.values, "awq." + name + ".values");
    CHECK(error_of(oracle_layer(), q) / tokens ==
          doctest::Approx(qfa_test::oracle("awq." + name + ".objective").front()).epsilon(1e-6));
  }
}

TEST_CASE("awq_search: the search for scales never does worse than none") {
  for (const unsigned seed : {1U, 2U, 3U}) {
    const auto of = qfa_test::made_up_layer(20, 60, 200, seed);
    const awq_search plain{.bits = 3, .group = 20, .scale = false, .clip = false};
    const awq_search scaled{.bits = 3, .group = 20, .clip = false};
    // Rounding the result to float moves the error by about 1e-7 of itself.
    CHECK(error_of(of, compressed(of.weights, scaled, of.known)) <=
          (1.0 + 1e-6) * error_of(of, compressed(of.weights, plain, of.known)));
  }
}

TEST_CASE("awq_search: q and k keep their range, as in the tool") {
  const auto of = qfa_test::made_up_layer(20, 60);
  const awq_search clipping{.bits = 3, .group = 20};
  awq_search not_clipping = clipping;
  not_clipping.clip = false;
  for (const tensor_role role : {tensor_role::query, tensor_role::key, tensor_role::value, tensor_role::down}) {
    const bool kept = same_bits(compressed(of.weights, clipping, of.known, {.role = role}).values,
                                compressed(of.weights, not_clipping, of.known, {.role = role}).values);
    CHECK(kept == (role == tensor_role::query || role == tensor_role::key));
  }
}

TEST_CASE("awq_search: a short last group is a group like any other, and group=0 is the row") {
  const auto of = qfa_test::made_up_layer(8, 30);
  const awq_search by_group{.group = 13, .scale = false, .clip = false};
  const matrix whole = compressed(of.weights, by_group, of.known);
  for (const std::size_t first : {0U, 13U, 26U}) {
    const std::size_t width = first == 26 ? 4 : 13;
    const auto cut = [&](const matrix& m) {
      matrix part{m.rows, width, {}};
      for (std::size_t r = 0; r < m.rows; ++r) {
        const auto row = m.view().row(r).subspan(first, width);
        part.values.insert(part.values.end(), row.begin(), row.end());
      }
      return part;
    };
    const matrix alone = compressed(cut(of.weights), awq_search{.group = 0, .scale = false, .clip = false},
                                    qfa_test::calibrated_by(cut(of.x), cut(of.weights)));
    CHECK(same_bits(alone.values, cut(whole).values));
  }
}

TEST_CASE("awq_grid: a known group") {
  // scale = 30 / 15 = 2, zero = 5: -10 .. 20; halves go to the even code.
  const qfa::awq_grid grid{4};
  const auto p = grid.find(std::vector<double>{-10, 3, 20});
  CHECK(p.scale == 2.0);
  CHECK(p.zero == 5.0);
  CHECK(grid.value(3.0, p) == 4.0);
  CHECK(grid.value(1.0, p) == 0.0);
  CHECK(grid.value(-99.0, p) == -10.0);
  CHECK(grid.value(99.0, p) == 20.0);
  CHECK(grid.find(std::vector<double>{7, 7}).scale == 1e-5 / 15);  // a group of one value has no range
  CHECK(grid.find(std::vector<double>{1, 16}).zero == 0.0);
  CHECK(grid.find(std::vector<double>{-10, 20}, 0.5).scale == 1.0);
}

TEST_CASE("awq_search: it keeps the laws of calibrated policies") {
  for (const auto& [name, policy] : variants())
    qfa_test::check_calibrated_laws(policy, "awq_search");
  qfa_test::check_calibrated_laws(awq_search{.bits = 2, .group = 0}, "awq_search");
}

TEST_CASE("awq_search: it says what it is, how many bits it takes, and refuses other bits") {
  CHECK(awq_search{}.name() == "awq_search:bits=4");
  CHECK(awq_search{.bits = 3, .group = 32, .clip = false}.name() == "awq_search:bits=3,group=32,clip=false");
  CHECK(awq_search{.group = 30}.stored_bits(10, 64) == 10 * 64 * 4 + 30 * 20 + 64 * 16);
  CHECK(awq_search{.group = 0, .scale = false}.stored_bits(10, 64) == 10 * 64 * 4 + 10 * 20);
  for (const int bits : {1, 9})
    check_refused([&] { awq_search{.bits = bits}.validate(); }, {"awq_search's bits"});
}
