// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/layout.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "scratch.hpp"

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

TEST_CASE("token_layout: runs of groups keep the numbers of rows and cover every row once") {
  const token_layout whole{.rows = 103, .row_tokens = 256, .skip_positions = 2};
  const row_groups groups(whole.rows);
  REQUIRE(groups.groups() == 25);
  std::size_t next = 0;
  for (const std::size_t cut : {0U, 1U, 7U, 7U, 24U, 25U}) {
    const token_layout run = whole.of_groups(groups, next, cut);
    CHECK(run.kept_tokens() == whole.kept_tokens());
    std::size_t row = groups.first_row_of(next);
    for (std::size_t b = 0; b < run.blocks(); ++b) {
      CHECK(run.first_row(b) == row);
      row = run.last_row(b);
      CHECK(row - run.first_row(b) <= 16);
      CHECK(row > run.first_row(b));
    }
    CHECK(row == groups.first_row_of(cut));
    CHECK(run.run_rows() == groups.first_row_of(cut) - groups.first_row_of(next));
    next = cut;
  }
  CHECK(groups.first_row_of(25) == 103);
  CHECK_THROWS_AS(whole.of_groups(groups, 3, 2), error);
  CHECK_THROWS_AS(whole.of_groups(groups, 3, 26), error);
  CHECK_THROWS_AS(whole.of_groups(row_groups(102), 0, 1), error);
}

TEST_CASE("share_of: any number of processes share the rows at the boundaries of groups") {
  const token_layout whole{.rows = 18, .row_tokens = 8};
  const row_groups groups(18);  // four of them
  for (const std::size_t parts : {1U, 2U, 3U, 4U, 7U}) {
    CAPTURE(parts);
    std::size_t next = 0;
    for (std::size_t p = 0; p < parts; ++p) {
      const token_layout run = share_of(whole, {.part = p, .parts = parts});
      CHECK(run.first == next);
      next += run.run_rows();
      CHECK((next == 0 || next == 18 || groups.group_of(next) != groups.group_of(next - 1)));
    }
    CHECK(next == 18);
  }
  CHECK(share_of(whole, {}).blocks() == 1);
  CHECK_THROWS_AS(share_of(whole, {.part = 2, .parts = 2}), error);
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

TEST_CASE("kept_activations: a part of a row is refused") {
  const std::vector<float> x(5, 1.0f);
  const token_layout layout{.rows = 3, .row_tokens = 2};
  CHECK(kept_activations(matrix_view(x.data(), 4, 1), layout).view().rows() == 4);
  qfa_test::check_refused([&] { kept_activations(matrix_view(x.data(), 5, 1), layout); }, {"whole rows"});
}

}  // namespace audit_layout_test
