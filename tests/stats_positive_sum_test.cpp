// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/positive_sum.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "laws.hpp"

namespace stats_positive_sum_test {

TEST_CASE("positive_sum: merges in any order, to the bit, also where the part behind the point overflows") {
  qfa_test::check_merge_laws<qfa::positive_sum>(std::vector<float>{0.1f, 0.9999999f, 3.7f, 1e-9f, 12345.678f, 0.7f});
  qfa::positive_sum up, down;
  for (int i = 1; i <= 1000; ++i)
    up(0.1f * static_cast<float>(i));
  for (int i = 1000; i >= 1; --i)
    down(0.1f * static_cast<float>(i));
  CHECK(up == down);
}

TEST_CASE("positive_sum: known values, exact down to 2^-64") {
  qfa::positive_sum sum;
  sum(0.75f);
  sum(0.75f);
  CHECK(sum == qfa::positive_sum{1, std::uint64_t{1} << 63U});
  sum(0x1p-64f);
  CHECK(sum.parts == (std::uint64_t{1} << 63U) + 1);
  sum(0x1p-65f);
  CHECK(sum.parts == (std::uint64_t{1} << 63U) + 1);
  sum(0x1.fffffep39f);
  CHECK(sum.whole == 1 + (std::uint64_t{1} << 40U) - (std::uint64_t{1} << 16U));
  CHECK(qfa::positive_sum{3, std::uint64_t{1} << 62U}.value() == 3.25);
}

}  // namespace stats_positive_sum_test
