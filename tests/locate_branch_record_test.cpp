// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/branch_record.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "qfa/stats/row_groups.hpp"

namespace locate_branch_record_test {

using namespace qfa;

namespace {

/// Three scored tokens in each of 9 rows, whose KL tells the token.
std::vector<token_comparison> scores_of(std::size_t first_row, std::size_t last_row) {
  std::vector<token_comparison> out;
  for (std::size_t t = 3 * first_row; t < 3 * last_row; ++t)
    out.push_back({.reference_nll = 1.0, .compressed_nll = 1.5, .kl = static_cast<double>(std::size_t{1} << t)});
  return out;
}

}  // namespace

TEST_CASE("branch_record: each row's losses come to its group, however rows come in blocks") {
  const row_groups groups(9);  // rows 0 to 4, and 5 to 8
  REQUIRE(groups.groups() == 2);
  branch_record whole;
  whole.add_losses(groups, 0, scores_of(0, 9), 3);
  REQUIRE(whole.losses.size() == 2);
  CHECK(whole.losses[0].kl_nats == static_cast<double>((1 << 15) - 1));
  CHECK(whole.losses[1].kl_nats == static_cast<double>((1 << 27) - (1 << 15)));
  CHECK(whole.losses[1].tokens() == 12);
  branch_record blocks;
  for (std::size_t row = 0; row < 9; row += 4)
    blocks.add_losses(groups, row, scores_of(row, row == 8 ? 9 : row + 4), 3);
  CHECK(blocks == whole);
  CHECK_THROWS_WITH(blocks.add_losses(groups, 0, scores_of(0, 1), 2), "losses come in whole rows");
}

TEST_CASE("branch_record: those of different groups merge into the whole one's") {
  const row_groups groups(9);
  branch_record whole, first, second;
  whole.add_losses(groups, 0, scores_of(0, 9), 3);
  first.add_losses(groups, 0, scores_of(0, 5), 3);
  second.add_losses(groups, 5, scores_of(5, 9), 3);
  CHECK_FALSE(first == whole);
  second += first;
  CHECK(second == whole);
  branch_record empty;
  empty += whole;
  CHECK(empty == whole);
  whole += branch_record();
  CHECK(empty == whole);
}

}  // namespace locate_branch_record_test
