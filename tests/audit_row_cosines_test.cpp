// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/row_cosines.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/archive.hpp"

namespace audit_row_cosines_test {

using namespace qfa;

namespace {

/// A token for each entry: two features' values.
sparse_codes codes(std::initializer_list<std::pair<float, float>> tokens) {
  sparse_codes out(2);
  for (const auto& [a, b] : tokens) {
    if (a > 0.0f) out.push(0, a);
    if (b > 0.0f) out.push(1, b);
    out.end_token();
  }
  return out;
}

}  // namespace

TEST_CASE("row_cosines: each row has the mean over its tokens, silent ones left out, and merges with other rows") {
  const sparse_codes x = codes({{1.0f, 0.0f}, {3.0f, 4.0f}, {0.0f, 0.0f}, {0.0f, 2.0f}});
  const sparse_codes y = codes({{0.0f, 1.0f}, {3.0f, 0.0f}, {1.0f, 0.0f}, {0.0f, 1.0f}});
  row_cosines some(4), others(4);
  some(x, y, 1, 2);  // rows 1 and 2: cosines 0 and 0.6, and 1 alone
  const sparse_codes silent = codes({{0.0f, 0.0f}, {0.0f, 0.0f}}), one = codes({{1.0f, 1.0f}, {1.0f, 1.0f}});
  others(silent, one, 0, 1);
  others(codes({{1.0f, 0.0f}, {1.0f, 0.0f}}), one, 3, 1);
  row_cosines merged;
  merged += some;
  merged += others;
  merged += row_cosines();
  const std::vector<double> series = merged.series();
  REQUIRE(series.size() == 4);
  CHECK(series[1] == doctest::Approx(0.3));
  CHECK(series[2] == 1.0);
  CHECK(series[3] == doctest::Approx(std::sqrt(0.5)));
  CHECK(series[0] == doctest::Approx((series[1] + series[2] + series[3]) / 3.0));  // always silent: the others' mean
  CHECK_THROWS_AS(some(x, y, 3, 2), error);
  CHECK_THROWS_AS(some += row_cosines(5), error);
}

TEST_CASE("row_cosines: rows whose codes hang together need longer groups") {
  row_cosines cosines(256);
  for (std::size_t r = 0; r < 256; ++r) {
    const float turned = (r / 16) % 2 == 0 ? 0.1f : 2.0f;  // 16 rows after each other alike
    cosines(codes({{1.0f, 0.0f}}), codes({{1.0f, turned + 0.001f * static_cast<float>(r % 7)}}), r, 1);
  }
  const group_length_check check = check_group_length(row_groups(256), cosines);
  CHECK(check.groups == 64);
  CHECK_FALSE(check.long_enough());
  CHECK(check.block_length > 8.0);
}

}  // namespace audit_row_cosines_test
