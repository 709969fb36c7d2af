// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/nvfp4_blocks.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"
#include "qfa/compress/nvfp4.hpp"

namespace cache_nvfp4_blocks_test {

using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::same_bits;

namespace {

double squared_error(const matrix& a, const matrix& b, std::size_t first, std::size_t last) {
  double sum = 0.0;
  for (std::size_t i = first; i < last; ++i) {
    const double e = static_cast<double>(a.values[i]) - static_cast<double>(b.values[i]);
    sum += e * e;
  }
  return sum;
}

}  // namespace

TEST_CASE("round_nvfp4_blocks: with a tensor's own scale it is the weight policy, a short last block included") {
  for (const std::size_t columns : {std::size_t{16}, std::size_t{40}}) {
    matrix m = random_matrix(7, columns);
    m.view()(2, 3) = 0.0f;
    const float peak = qfa::absmax(m.values);
    const matrix expected = qfa_test::compressed(m, qfa::nvfp4{});
    qfa::round_nvfp4_blocks(m.view(), peak / 2688.0f);
    CHECK(same_bits(m.values, expected.values));
  }
}

TEST_CASE("nvfp4_block_scale: saturates beyond 448 tensor scales, and is the tensor's where E4M3 gives 0") {
  CHECK(qfa::nvfp4_block_scale(6.0f, 6.0f, 0.5f) == 1.0f);
  CHECK(qfa::nvfp4_block_scale(1e9f, 6.0f, 0.5f) == 224.0f);
  CHECK(qfa::nvfp4_block_scale(0.0f, 6.0f, 0.5f) == 0.5f);
  CHECK(qfa::nvfp4_block_scale(6.0f * 0x1p-11f, 6.0f, 1.0f) == 1.0f);
  CHECK(qfa::nvfp4_block_scale(8.0f, 4.0f, 1.0f) == 2.0f);
}

TEST_CASE("round_nvfp4_block: 4 over 6 takes the scale with the smaller error, and 6 where they are equal") {
  // 4 and 5 on a scale of 1: 5 is a tie between 4 and 6 and goes to 4; on a scale of 5/4, E4M3(1.25), 5 is 4 and 4 is
  // 3.75.
  std::vector<float> x{5.0f, 4.0f}, six = x;
  qfa::round_nvfp4_block(x, 1.0f, qfa::nvfp4_peak::four_or_six);
  CHECK(x == std::vector<float>{5.0f, 3.75f});
  qfa::round_nvfp4_block(six, 1.0f, qfa::nvfp4_peak::six);  // E4M3(5 / 6) = 0.8125
  CHECK(six == std::vector<float>{4.875f, 3.25f});
  // Both are exact: 12 = 6 2 = 4 3.  8 and 12 tell which was taken if only one holds 8; here neither shows, so 9.
  std::vector<float> even{12.0f, 9.0f};
  qfa::round_nvfp4_block(even, 1.0f, qfa::nvfp4_peak::four_or_six);
  CHECK(even == std::vector<float>{12.0f, 9.0f});

  std::size_t fours = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const matrix m = random_matrix(1, 16, seed);
    matrix better = m, plain = m;
    qfa::round_nvfp4_blocks(better.view(), 1.0f, qfa::nvfp4_peak::four_or_six);
    qfa::round_nvfp4_blocks(plain.view(), 1.0f);
    CHECK(squared_error(better, m, 0, 16) <= squared_error(plain, m, 0, 16));
    fours += same_bits(better.values, plain.values) ? 0U : 1U;
  }
  CHECK(fours > 3);
  CHECK(fours < 20);
}

TEST_CASE("nvfp4_bits: numbers, blocks and the tensor's scale") {
  CHECK(qfa::nvfp4_bits(0, 64) == 0.0);
  CHECK(qfa::nvfp4_bits(3, 40) == 4.0 * 120 + 8.0 * 9 + 32.0);
}

}  // namespace cache_nvfp4_blocks_test
