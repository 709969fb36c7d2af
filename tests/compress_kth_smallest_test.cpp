// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/kth_smallest.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_kth_smallest_test {

using qfa::kth_smallest;
using qfa::kth_smallest_magnitude;
using qfa_test::matrix;
using qfa_test::random_matrix;

TEST_CASE("kth_smallest: it is what sorting finds, and says how many keys are smaller") {
  std::mt19937 random(3);
  std::vector<std::uint32_t> keys(500);
  for (std::uint32_t& key : keys)
    key = random() % 3 == 0 ? static_cast<std::uint32_t>(random() % 5) << 16 | static_cast<std::uint32_t>(random() % 3)
                            : static_cast<std::uint32_t>(random());
  keys.push_back(0xffffffffU);
  keys.push_back(0);
  const auto visit_all = [&](auto visit) { std::ranges::for_each(keys, visit); };
  std::vector<std::uint32_t> sorted = keys;
  std::ranges::sort(sorted);
  for (std::size_t k = 1; k <= keys.size(); ++k) {
    const auto first = std::ranges::lower_bound(sorted, sorted[k - 1]) - sorted.begin();
    if (kth_smallest(k, visit_all) != qfa::ranked_key{sorted[k - 1], static_cast<std::size_t>(first)})
      FAIL_CHECK("k = ", k);
  }
}

TEST_CASE("kth_smallest_magnitude: it is what sorting finds, for every k, in a matrix, in a row and in both halves") {
  std::mt19937 random(11);
  for (int round = 0; round < 6; ++round) {
    matrix m = random_matrix(7, 31, static_cast<unsigned>(round));
    for (float& w : m.values) {
      if (round % 3 == 1) w = std::round(4.0f * w);     // many ties
      if (round % 3 == 2) w *= std::ldexp(1.0f, -140);  // subnormal: only the lower bits differ
      if (round >= 3 && random() % 4 == 0) w = -m.values.front();
    }
    std::vector<float> sorted;
    for (const float w : m.values)
      sorted.push_back(std::fabs(w));
    std::ranges::sort(sorted);
    const std::vector<qfa::matrix_view<const float>> halves{m.view().rows_between(0, 3), m.view().rows_between(3, 7)};
    for (std::size_t k = 1; k <= sorted.size(); ++k) {
      if (kth_smallest_magnitude(m.view(), k) != sorted[k - 1]) FAIL_CHECK("round ", round, ", k = ", k);
      if (kth_smallest_magnitude(halves, k) != sorted[k - 1]) FAIL_CHECK("halves, round ", round, ", k = ", k);
      if (kth_smallest_magnitude(std::span<const float>(m.values), k) != sorted[k - 1])
        FAIL_CHECK("row, round ", round, ", k = ", k);
    }
  }
}

TEST_CASE("kth_smallest: k counts from 1, and there must be as many") {
  const matrix m = random_matrix(2, 3);
  const std::span<const float> row(m.values);
  for (const std::size_t k : {std::size_t{0}, std::size_t{7}}) {
    qfa_test::check_refused([&] { (void)kth_smallest_magnitude(m.view(), k); }, {"k-th smallest"});
    qfa_test::check_refused([&] { (void)kth_smallest_magnitude(row, k); }, {"k-th smallest"});
  }
}

}  // namespace compress_kth_smallest_test
