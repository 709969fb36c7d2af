// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/layout.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace audit_layout_test {

using namespace qfa;

TEST_CASE("token_layout: blocks are whole rows, cut by token count alone, and cover every row once") {
  for (const std::size_t rows : {1u, 15u, 16u, 17u, 100u}) {
    const token_layout layout{.rows = rows, .row_tokens = 256, .skip_positions = 2};
    CHECK(layout.rows_per_block() == 16);
    CHECK(layout.kept_tokens() == rows * 254);
    std::size_t next = 0;
    for (std::size_t b = 0; b < layout.blocks(); ++b) {
      CHECK(layout.first_row(b) == next);
      next = layout.last_row(b);
      CHECK(next > layout.first_row(b));
    }
    CHECK(next == rows);
  }
  CHECK(token_layout{.rows = 3, .row_tokens = 100'000}.rows_per_block() == 1);
}

TEST_CASE("kept_activations: the first positions of every row are left out, the others keep their order") {
  std::vector<float> x(2 * 3 * 2);  // 2 rows of 3 tokens, 2 wide
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i);
  const matrix_view<const float> view(x.data(), 6, 2);
  const kept_activations all(view, {.rows = 2, .row_tokens = 3});
  CHECK(all.view().rows() == 6);
  const kept_activations kept(view, {.rows = 2, .row_tokens = 3, .skip_positions = 1});
  REQUIRE(kept.view().rows() == 4);
  CHECK(kept.view()(0, 0) == 2.0f);
  CHECK(kept.view()(1, 1) == 5.0f);
  CHECK(kept.view()(2, 0) == 8.0f);
}

}  // namespace audit_layout_test
