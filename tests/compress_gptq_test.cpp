// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/gptq.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"

namespace compress_gptq_test {

using qfa::column_order;
using qfa::gptq;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::error_of;
using qfa_test::layer;
using qfa_test::matrix;
using qfa_test::oracle_layer;
using qfa_test::same_bits;

namespace {

struct variant {
  std::string name;
  std::string baseline;
  gptq policy;
};

std::vector<variant> variants() {
  return {{"sym4_row", "sym4_row", {.bits = 4, .group = 0}},
          {"asym4_row", "asym4_row", {.bits = 4, .group = 0, .symmetric = false}},
          {"sym3_group", "sym3_group", {.bits = 3, .group = 16}},
          {"sym3_static", "sym3_group", {.bits = 3, .group = 16, .static_groups = true}},
          {"sym4_row_act", "sym4_row", {.bits = 4, .group = 0, .order = column_order::activation}},
          {"sym3_static_act",
           "sym3_group",
           {.bits = 3, .group = 16, .order = column_order::activation, .static_groups = true}}};
}

}  // namespace

TEST_CASE("gptq: every value is that of the float64 reference, in rows, groups, static groups and act-order") {
  for (const variant& v : variants())
    for (const std::size_t block : {128U, 16U}) {
      gptq policy = v.policy;
      policy.block = block;
      const matrix q = compressed(oracle_layer().weights, policy, oracle_layer().known);
      qfa_test::check_values(q.values, "gptq." + v.name + ".values");
    }
}

TEST_CASE("gptq: the output error is the reference's, and below that of rounding to nearest on the same grid") {
  for (const variant& v : variants()) {
    CAPTURE(v.name);
    const double tokens = static_cast<double>(oracle_layer().known.inputs.tokens());
    const double error = error_of(oracle_layer(), compressed(oracle_layer().weights, v.policy, oracle_layer().known));
    CHECK(error / tokens == doctest::Approx(qfa_test::oracle("gptq." + v.name + ".objective").front()).epsilon(1e-6));
    CHECK(error / tokens < qfa_test::oracle("rtn." + v.baseline + ".objective").front());
  }
}

TEST_CASE("gptq: where inputs do not hang together it rounds to nearest") {
  layer of = qfa_test::made_up_layer(12, 20);
  of.x = {20, 20, std::vector<float>(400, 0.0f)};  // sum x x^T = 9 I
  for (std::size_t j = 0; j < 20; ++j)
    of.x.view()(j, j) = 3.0f;
  of.known = qfa_test::calibrated_by(of.x, of.weights);
  for (const gptq& policy : {gptq{.bits = 3, .group = 0}, gptq{.bits = 4, .group = 7},
                             gptq{.group = 5, .symmetric = false}, gptq{.group = 0, .mse = true}}) {
    const qfa::gptq_grid grid{policy.bits, policy.symmetric, policy.mse};
    const std::size_t group = policy.group == 0 ? 20 : policy.group;
    matrix nearest = of.weights;
    for (std::size_t r = 0; r < 12; ++r)
      for (std::size_t first = 0; first < 20; first += group) {
        const auto row = nearest.view().row(r).subspan(first, (std::min)(group, 20 - first));
        const auto found = grid.find(std::vector<double>(row.begin(), row.end()));
        for (float& w : row)
          w = static_cast<float>(grid.value(static_cast<double>(w), found));
      }
    CHECK(same_bits(compressed(of.weights, policy, of.known).values, nearest.values));
  }
}

TEST_CASE("gptq: the size of blocks changes nothing beyond rounding, whatever the groups") {
  const layer of = qfa_test::made_up_layer(20, 70);
  for (const gptq& like : {gptq{.group = 0}, gptq{.bits = 3, .group = 12}, gptq{.group = 30, .static_groups = true},
                           gptq{.group = 9, .order = column_order::activation}}) {
    const matrix one_block = compressed(of.weights, like, of.known);
    for (const std::size_t block : {1U, 5U, 24U, 69U}) {
      CAPTURE(block);
      gptq policy = like;
      policy.block = block;
      const matrix q = compressed(of.weights, policy, of.known);
      std::size_t different = 0;  // a code that moves is a step of 1e-2 at least
      for (std::size_t i = 0; i < q.values.size(); ++i)
        different += std::fabs(q.values[i] - one_block.values[i]) > 1e-5f ? 1U : 0U;
      CHECK(different == 0);
    }
  }
}

TEST_CASE("gptq: groups on the way follow the order of compression, static ones the columns") {
  // Two values a group: its weights cannot show more than 2^bits of them.
  const layer of = qfa_test::made_up_layer(6, 24);
  const gptq on_the_way{.bits = 2, .group = 6, .order = column_order::activation};
  gptq fixed = on_the_way;
  fixed.static_groups = true;
  const auto distinct = [](std::vector<float> values) {
    std::ranges::sort(values);
    return std::unique(values.begin(), values.end()) - values.begin();
  };
  const auto order = qfa::factor_inverse(of.known.inputs, {}, 0.01, column_order::activation).order;
  const matrix a = compressed(of.weights, on_the_way, of.known), b = compressed(of.weights, fixed, of.known);
  for (std::size_t r = 0; r < 6; ++r)
    for (std::size_t g = 0; g < 4; ++g) {
      std::vector<float> by_order, by_column;
      for (std::size_t i = 6 * g; i < 6 * g + 6; ++i) {
        by_order.push_back(a.view()(r, order[i]));
        by_column.push_back(b.view()(r, i));
      }
      CHECK(distinct(by_order) <= 4);
      CHECK(distinct(by_column) <= 4);
    }
}

TEST_CASE("gptq: a column without any input becomes zero and moves nothing") {
  layer of = qfa_test::made_up_layer(5, 24);
  const matrix q = compressed(of.weights, gptq{.group = 0, .symmetric = false}, of.known);
  for (std::size_t r = 0; r < 5; ++r)
    CHECK(q.view()(r, 8) == 0.0f);
}

TEST_CASE("gptq: the search for the least error helps where a row has an outlier") {
  layer of = qfa_test::made_up_layer(10, 64);
  for (std::size_t r = 0; r < 10; ++r)
    of.weights.view()(r, 3) *= 4.0f;
  const matrix covering = compressed(of.weights, gptq{.bits = 3, .group = 0}, of.known);
  const matrix searched = compressed(of.weights, gptq{.bits = 3, .group = 0, .mse = true}, of.known);
  CHECK(error_of(of, searched) < error_of(of, covering));
}

TEST_CASE("gptq: it keeps the laws of calibrated policies") {
  for (const variant& v : variants())
    qfa_test::check_calibrated_laws(v.policy, "gptq");
  qfa_test::check_calibrated_laws(gptq{.group = 7, .order = column_order::activation, .block = 5, .mse = true}, "gptq");
}

TEST_CASE("gptq: options that make no sense are refused") {
  for (const int bits : {1, 9})
    check_refused([&] { gptq{.bits = bits}.validate(); }, {"gptq", "bits", "2 and 8"});
  for (const double damping : {0.0, 1.0, -0.1, std::nan("")})
    check_refused([&] { gptq{.damping = damping}.validate(); }, {"gptq's damping", "between 0 and 1"});
  check_refused([] { gptq{.block = 0}.validate(); }, {"block"});
  check_refused([] { gptq{.group = 0, .static_groups = true}.validate(); }, {"static_groups", "groups"});
}

TEST_CASE("gptq: it says what it is, and how many bits it takes") {
  CHECK(gptq{}.name() == "gptq:bits=4");
  CHECK(gptq{.bits = 3, .group = 0, .order = column_order::activation}.name() ==
        "gptq:bits=3,group=0,order=activation");
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  CHECK(gptq{.bits = 3, .group = huge}.stored_bits(10, 64) == 10 * 64 * 3 + 10 * 19);
  CHECK(gptq{.bits = 3, .group = 0}.stored_bits(10, 64) == 10 * 64 * 3 + 10 * 19);
  CHECK(gptq{.group = 30}.stored_bits(10, 64) == 10 * 64 * 4 + 30 * 20);
  CHECK(gptq{.group = 30, .order = column_order::activation}.stored_bits(10, 64) == 10 * 64 * 4 + 30 * 20 + 64 * 32);
  CHECK(gptq{.group = 30, .order = column_order::activation, .static_groups = true}.stored_bits(10, 64) ==
        10 * 64 * 4 + 30 * 20);
}

}  // namespace compress_gptq_test
