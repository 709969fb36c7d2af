// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/placed_tokens.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace meaning_placed_tokens_test {

TEST_CASE("placed_tokens: positions count the skipped ones, and a row's first token has no other before it") {
  const std::vector<std::uint32_t> ids{10, 11, 12, 20, 21, 22}, groups{4, 5};
  const qfa::placed_tokens skipped{{ids.data(), 2, 3}, 7, 1, groups};
  CHECK(skipped.kept() == 4);
  CHECK(skipped.row_of(2) == 1);
  CHECK(skipped.position_of(2) == 1);
  CHECK(skipped.group_of(1) == 4);
  CHECK(skipped.group_of(2) == 5);
  CHECK(skipped.current(2) == 21);
  CHECK(skipped.previous(2) == 20);  // the skipped one
  const qfa::placed_tokens all{{ids.data(), 2, 3}, 7, 0, groups};
  CHECK(all.current(3) == 20);
  CHECK(all.previous(3) == qfa::no_token);
  CHECK(all.previous(4) == 20);
}

}  // namespace meaning_placed_tokens_test
