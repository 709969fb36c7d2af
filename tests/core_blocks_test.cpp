// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/blocks.hpp"

#include <cstddef>
#include <limits>

#include <doctest/doctest.h>

namespace core_blocks_test {

TEST_CASE("block_count: enough blocks, and none in vain") {
  CHECK(qfa::block_count(0, 7) == 0);
  CHECK(qfa::block_count(1, 7) == 1);
  CHECK(qfa::block_count(7, 7) == 1);
  CHECK(qfa::block_count(8, 7) == 2);
}

TEST_CASE("block_count: no sum overflows, however large either number is") {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK(qfa::block_count(5, most) == 1);
  CHECK(qfa::block_count(most, most) == 1);
  CHECK(qfa::block_count(most, 1) == most);
  CHECK(qfa::block_count(most, 2) == most / 2 + 1);
}

}  // namespace core_blocks_test
