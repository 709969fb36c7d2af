// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/streamed_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "qfa/stats/leave_one_out.hpp"

namespace stats_streamed_table_test {

using qfa::feature_table;
using qfa::sparse_codes;
using qfa::streamed_table;
using qfa_test::close;

namespace {

constexpr std::size_t width = 70;  // more than a block of cells
constexpr std::size_t row_tokens = 3;

/// Token t of a stream that has no end: some features, of values that wave.
void push_token(sparse_codes& codes, std::size_t t, std::size_t shift) {
  for (std::uint32_t f = 0; f < width; ++f)
    if ((t * 7 + f * 13 + (f % 5 == 0 ? shift : 0)) % 11 < 2) {
      const double phase = static_cast<double>(t + 3 * f) + 0.1 * static_cast<double>(shift);
      codes.push(f, static_cast<float>(1.5 + std::sin(phase)));
    }
  codes.end_token();
}

struct rows_of_both {
  sparse_codes reference{width}, compressed{width};
};

rows_of_both made_rows(std::size_t first, std::size_t last) {
  rows_of_both out;
  for (std::size_t t = first * row_tokens; t < last * row_tokens; ++t) {
    push_token(out.reference, t, 0);
    push_token(out.compressed, t, 1);
  }
  return out;
}

streamed_table streamed(std::size_t rows, std::size_t step, std::size_t groups = 8) {
  streamed_table out(width, groups);
  for (std::size_t first = 0; first < rows; first += step) {
    const rows_of_both some = made_rows(first, std::min(rows, first + step));
    out(some.reference, some.compressed, row_tokens, 1);
  }
  return out;
}

/// The table of groups of `per_group` rows each, known from the start.
feature_table known(std::size_t rows, std::size_t per_group) {
  feature_table out(width, (rows + per_group - 1) / per_group);
  const rows_of_both all = made_rows(0, rows);
  std::vector<std::uint32_t> group_of_token;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t t = 0; t < row_tokens; ++t)
      group_of_token.push_back(t == 0 ? qfa::skipped : static_cast<std::uint32_t>(row / per_group));
  out(all.reference, all.compressed, group_of_token);
  return out;
}

}  // namespace

TEST_CASE("streamed_table: groups are those of the same lengths that were known from the start") {
  struct expected {
    std::size_t rows, per_group;
  };
  // 2 G = 16 groups of 1, 2, 4 ... rows at most; of 4 rows at least where a table is asked for.
  for (const expected& e :
       {expected{5, 4}, {16, 4}, {17, 4}, {64, 4}, {65, 8}, {128, 8}, {129, 16}, {200, 16}}) {
    const std::size_t rows = e.rows, per_group = e.per_group;
    CAPTURE(rows);
    const streamed_table stream = streamed(rows, 7);
    CHECK(stream.rows() == rows);
    const feature_table found = stream.table(), right = known(rows, per_group);
    REQUIRE(found.groups() == right.groups());
    CHECK(found.groups() <= 16);
    for (std::size_t g = 0; g < right.groups(); ++g) {
      CHECK(found.tokens(g) == right.tokens(g));
      for (std::size_t f = 0; f < width; ++f) {
        const qfa::feature_cell &a = found.cell(f, g), &b = right.cell(f, g);
        CHECK(a.reference_firings == b.reference_firings);
        CHECK(a.either.count == b.either.count);
        CHECK(a.both.count == b.both.count);
        CHECK(a.reference_max == b.reference_max);
        // Merged from runs of rows instead of token by token: the same to rounding.
        CHECK(close(a.either.sum_x(), b.either.sum_x(), 1e-13));
        CHECK(close(a.either.xy, b.either.xy, 1e-12));
        CHECK(close(a.flip_energy, b.flip_energy, 1e-13));
      }
    }
  }
}

TEST_CASE("streamed_table: the same bits however batches are cut, and intervals as of known groups") {
  const feature_table one = streamed(130, 1).table();
  for (const std::size_t step : {std::size_t{3}, std::size_t{16}, std::size_t{130}})
    CHECK(streamed(130, step).table() == one);
  CHECK(streamed(130, 1).rows_per_group() == 16);
  const auto r_of = [](const qfa::comoments& c) { return qfa::pearson(c); };
  const qfa::leave_one_out a = qfa::leave_groups_out(one, r_of), b = qfa::leave_groups_out(known(130, 16), r_of);
  for (std::size_t f = 0; f < width; ++f) {
    CHECK(close(a.r[f], b.r[f], 1e-12));
    CHECK(close(a.ranges[f].lower, b.ranges[f].lower, 1e-9));
  }
}

TEST_CASE("streamed_table: refuses what is no whole row, too few groups, and a table of nothing") {
  CHECK_THROWS_WITH(streamed_table(4, 7), doctest::Contains("at least 8 groups"));
  streamed_table stream(width);
  CHECK_THROWS_WITH(stream.table(), doctest::Contains("seen a row"));
  const rows_of_both some = made_rows(0, 2);
  CHECK_THROWS_WITH(stream(some.reference, some.compressed, 4), doctest::Contains("whole rows"));
  CHECK_THROWS_WITH(stream(some.reference, made_rows(0, 1).compressed, 3), doctest::Contains("whole rows"));
  stream(some.reference, some.compressed, 3);
  CHECK(stream.rows() == 2);
  CHECK(stream.table().groups() == 1);
}

}  // namespace stats_streamed_table_test
