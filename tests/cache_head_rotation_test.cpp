// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/head_rotation.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_head_rotation_test {

using qfa_test::matrix;
using qfa_test::random_matrix;

TEST_CASE("in_rotated_heads: each head is rotated by itself, in blocks, by the same signs") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 8};
  matrix m{1, 16, std::vector<float>(16, 0.0f)};
  m.values[0] = m.values[8] = 2.0f;
  std::vector<float> inside;
  qfa::in_rotated_heads(m.view(), 4, 0, info, [&](qfa::matrix_view<float> heads) {
    CHECK(heads.rows() == 2);
    inside = m.values;
  });
  CHECK(inside == std::vector<float>{1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0});
  CHECK(m.values[0] == 2.0f);

  matrix both = random_matrix(3, 8);
  matrix twice{3, 16, {}};
  for (std::size_t t = 0; t < 3; ++t)
    for (int i = 0; i < 2; ++i)
      twice.values.insert(twice.values.end(), both.view().row(t).begin(), both.view().row(t).end());
  qfa::in_rotated_heads(twice.view(), 8, 9, info, [&](qfa::matrix_view<float> heads) {
    for (std::size_t t = 0; t < 3; ++t)
      CHECK(qfa_test::same_bits(heads.row(2 * t), heads.row(2 * t + 1)));
  });
}

TEST_CASE("in_rotated_heads: rotating back is the same as rotating queries and attention's output") {
  const qfa::cache_info info{.kv_heads = 1, .head_dim = 16};
  matrix keys = random_matrix(5, 16), query = random_matrix(1, 16, 3);
  matrix rotated_query = query;
  qfa::fold_rotation({.size = 16, .seed = 4}, rotated_query.view());
  const auto score = [](std::span<const float> a, std::span<const float> b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i)
      sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
  };
  std::vector<double> inside;
  qfa::in_rotated_heads(keys.view(), 16, 4, info, [&](qfa::matrix_view<float> heads) {
    for (std::size_t t = 0; t < 5; ++t) {
      for (float& x : heads.row(t))
        x = std::round(4.0f * x) / 4.0f;
      inside.push_back(score(heads.row(t), rotated_query.values));
    }
  });
  for (std::size_t t = 0; t < 5; ++t)
    CHECK(score(keys.view().row(t), query.values) == doctest::Approx(inside[t]).epsilon(1e-5));
}

TEST_CASE("in_rotated_heads: size 0 leaves all bits, and blocks must divide a head") {
  const qfa::cache_info info{.layer = 4, .kv_heads = 1, .head_dim = 12};
  matrix m = random_matrix(2, 12);
  const matrix before = m;
  qfa::in_rotated_heads(m.view(), 0, 0, info, [](qfa::matrix_view<float>) {});
  CHECK(qfa_test::same_bits(m.values, before.values));
  qfa_test::check_refused([&] { qfa::in_rotated_heads(m.view(), 8, 0, info, [](qfa::matrix_view<float>) {}); },
                          {"8 columns", "12", "layer 4"});
  CHECK(qfa_test::same_bits(m.values, before.values));
}

}  // namespace cache_head_rotation_test
