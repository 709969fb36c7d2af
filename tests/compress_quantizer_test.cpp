// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/quantizer.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "policy_laws.hpp"
#include "qfa/compress/rtn.hpp"
#include "scratch.hpp"

namespace compress_quantizer_test {

using qfa::int_grid;
using qfa::quantizer;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

namespace {

/// A stranger's format: -1, 0, 1.
struct ternary_grid {
  static constexpr float limit() noexcept { return 1.0f; }
  static constexpr float round(float x) noexcept { return x > 0.5f ? 1.0f : x < -0.5f ? -1.0f : 0.0f; }
};

/// A stranger's scale: the mean magnitude meets the limit.
struct mean_magnitude {
  float operator()(std::span<const float> group, float limit) const noexcept {
    float sum = 0.0f;
    for (const float w : group)
      sum += std::fabs(w);
    return sum / static_cast<float>(group.size()) / limit;
  }
};

struct infinite_scale {
  float operator()(std::span<const float>, float) const noexcept { return std::numeric_limits<float>::infinity(); }
};

template <class Grid>
void check_grid_laws(const Grid& grid) {
  float last = -grid.limit();
  for (float x = -3.0f * grid.limit(); x <= 3.0f * grid.limit(); x += grid.limit() / 4096.0f) {
    const float q = grid.round(x);
    if (!(q >= last && std::fabs(q) <= grid.limit() && grid.round(q) == q && grid.round(-x) == -q))
      FAIL_CHECK(x, " became ", q);
    last = q;
  }
  CHECK(grid.round(0.0f) == 0.0f);
  CHECK(grid.round(grid.limit()) == grid.limit());
}

template <int Bits>
void check_is_rtn(const matrix& weights) {
  using qfa::granularity;
  const qfa::rtn by_row{.bits = Bits}, by_tensor{.bits = Bits, .per = granularity::tensor};
  const qfa::rtn by_group{.bits = Bits, .per = granularity::group, .group = 16};
  CHECK(same_bits(compressed(weights, quantizer<int_grid<Bits>>{}).values, compressed(weights, by_row).values));
  CHECK(same_bits(compressed(weights, quantizer<int_grid<Bits>, qfa::per_group<16>>{}).values,
                  compressed(weights, by_group).values));
  CHECK(same_bits(compressed(weights, quantizer<int_grid<Bits>, qfa::per_tensor>{}).values,
                  compressed(weights, by_tensor).values));
}

}  // namespace

TEST_CASE_TEMPLATE("quantizer: grids are idempotent, odd, monotone and within their limit", Grid, int_grid<2>,
                   int_grid<4>, int_grid<8>, ternary_grid) {
  check_grid_laws(Grid{});
}

TEST_CASE("quantizer: integers, groups and absmax composed are rtn to the bit") {
  const matrix weights = random_matrix(20, 70);
  check_is_rtn<2>(weights);
  check_is_rtn<3>(weights);
  check_is_rtn<4>(weights);
  check_is_rtn<8>(weights);
}

TEST_CASE("quantizer: a stranger's grid and a stranger's scale take a struct each") {
  CHECK(compressed(row_matrix({4, -3, 1, 0}), quantizer<ternary_grid>{}).values == std::vector<float>{4, -4, 0, 0});
  CHECK(compressed(row_matrix({4, -3, 1, 0}), quantizer<ternary_grid, qfa::per_tensor, mean_magnitude>{}).values ==
        std::vector<float>{2, -2, 0, 0});
  const qfa_test::policy_claims ternary{
      .groups = qfa::grouping{.per = qfa::group_kind::block, .group = 4, .block_rows = 3},
      .levels = 3,
      .idempotent_within = 0.0,
      .odd = true,
      .monotone = true,
      .keeps_zeros = true};
  qfa_test::check_policy_laws(quantizer<ternary_grid, qfa::per_block<3, 4>>{}, ternary);
}

TEST_CASE("quantizer: a group of zeros stays zero and keeps its signs") {
  const matrix zeros = row_matrix({0.0f, -0.0f, 0.0f});
  CHECK(same_bits(compressed(zeros, quantizer<int_grid<4>>{}).values, zeros.values));
}

TEST_CASE("quantizer: columns and blocks have scales of their own") {
  matrix m{2, 2, {1, 100, 0.4f, -60}};
  CHECK(compressed(m, quantizer<int_grid<2>, qfa::per_column>{}).values == std::vector<float>{1, 100, 0, -100});
  m = {2,
       4,
       {
           1,
           0.4f,
           8,
           3,
           0.6f,
           0.2f,
           -5,
           0,
       }};
  CHECK(compressed(m, quantizer<int_grid<2>, qfa::per_block<2, 2>>{}).values ==
        std::vector<float>{1, 0, 8, 0, 1, 0, -8, 0});
}

TEST_CASE("quantizer: a scale that is not finite is the rule's error, and said so") {
  matrix m = random_matrix(2, 4);
  qfa_test::check_refused([&] { quantizer<int_grid<4>, qfa::per_row, infinite_scale>{}(m.view(), {.name = "up"}); },
                          {"scale rule", "group 0", "up"});
}

TEST_CASE("quantizer: stored bits are known where a grid says what a code takes") {
  CHECK(quantizer<int_grid<4>, qfa::per_group<32>>{}.stored_bits(10, 100) == 4000 + 40 * 32);
  CHECK(*qfa::stored_bits_of(quantizer<int_grid<4>>{}, 10, 100, {}) == 4000 + 320);
  CHECK_FALSE(qfa::stored_bits_of(quantizer<ternary_grid>{}, 10, 100, {}));
}

}  // namespace compress_quantizer_test
