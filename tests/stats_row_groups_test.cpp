// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/row_groups.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/archive.hpp"
#include "statistics_oracle.hpp"

namespace stats_row_groups_test {

TEST_CASE("row_groups: one group for each four rows, 64 at most, one at least") {
  for (std::size_t rows = 1; rows <= 1000; ++rows) {
    CAPTURE(rows);
    const std::size_t expected = rows < 4 ? 1 : rows / 4 > 64 ? 64 : rows / 4;
    CHECK(qfa::row_groups(rows).groups() == expected);
    CHECK(qfa::row_groups(rows).rows() == rows);
  }
}

TEST_CASE("row_groups: eight groups, the least that intervals take, need 32 rows") {
  CHECK(qfa::row_groups(31).groups() < qfa::minimum_groups);
  CHECK(qfa::row_groups(32).groups() == qfa::minimum_groups);
}

TEST_CASE("row_groups: every row is in one group, groups are runs, and sizes differ by one at most") {
  for (std::size_t rows : {1U, 3U, 4U, 7U, 32U, 98U, 255U, 256U, 257U, 390U, 1953U}) {
    CAPTURE(rows);
    const qfa::row_groups groups(rows);
    std::vector<std::size_t> sizes(groups.groups(), 0);
    std::uint32_t before = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      const std::uint32_t g = groups.group_of(row);
      REQUIRE(g < groups.groups());
      CHECK(g >= before);
      CHECK(g - before <= 1);
      before = g;
      ++sizes[g];
      CHECK(g == row * groups.groups() / rows);  // the definition
      CHECK(groups.first_row_of(g) <= row);
      CHECK(groups.first_row_of(g + 1) > row);
      CHECK(groups.of_rows(row, 1) == std::vector<std::uint32_t>{g});
    }
    for (const std::size_t size : sizes) {
      CHECK(size >= rows / groups.groups());
      CHECK(size <= rows / groups.groups() + 1);
    }
  }
}

TEST_CASE("row_groups: a token's group is its row's, whatever batch it comes in") {
  const qfa_test::statistics_oracle oracle;
  const qfa::row_groups groups(oracle.rows);
  CHECK(groups.groups() == oracle.groups);
  CHECK(groups.of_tokens(0, oracle.rows, oracle.row_tokens) == oracle.group_of_token);
  for (std::size_t batch = 1; batch <= 7; ++batch) {
    std::vector<std::uint32_t> all;
    for (std::size_t row = 0; row < oracle.rows; row += batch) {
      const std::size_t count = row + batch <= oracle.rows ? batch : oracle.rows - row;
      const std::vector<std::uint32_t> part = groups.of_tokens(row, count, oracle.row_tokens);
      all.insert(all.end(), part.begin(), part.end());
    }
    CHECK(all == oracle.group_of_token);
  }
}

TEST_CASE("row_groups: the first positions of every row can be skipped") {
  const qfa::row_groups groups(8, 2);
  using qfa::skipped;
  CHECK(groups.of_tokens(3, 2, 3, 1) == std::vector<std::uint32_t>{skipped, 0, 0, skipped, 1, 1});
  CHECK(groups.of_tokens(3, 2, 3, 5) == std::vector<std::uint32_t>(6, skipped));
  CHECK(groups.of_tokens(8, 0, 3).empty());
}

TEST_CASE("row_groups: rows beyond the stream, no rows and more groups than rows are refused") {
  CHECK_THROWS_AS(qfa::row_groups(0), qfa::error);
  CHECK_THROWS_AS(qfa::row_groups(4, 0), qfa::error);
  CHECK_THROWS_AS(qfa::row_groups(4, 5), qfa::error);
  CHECK_THROWS_AS(qfa::row_groups(4).of_tokens(3, 2, 1), qfa::error);
  CHECK_THROWS_AS(qfa::row_groups(4).of_tokens(5, 0, 1), qfa::error);
}

TEST_CASE("row_groups: half as many are neighbors joined in pairs, of an odd number the last three") {
  for (const std::size_t rows : {32U, 37U, 70U, 255U, 256U, 390U, 1953U}) {
    CAPTURE(rows);
    for (qfa::row_groups groups(rows); groups.groups() > 1;) {
      const qfa::row_groups half = groups.halved();
      REQUIRE(half.groups() == groups.groups() / 2);
      CHECK(half.rows() == rows);
      const std::vector<std::uint32_t> places = groups.places_among(half);
      REQUIRE(places.size() == groups.groups());
      for (std::size_t row = 0; row < rows; ++row) {
        const std::uint32_t g = groups.group_of(row), last = static_cast<std::uint32_t>(half.groups() - 1);
        REQUIRE(half.group_of(row) == (g / 2 < last ? g / 2 : last));
        REQUIRE(places[g] == half.group_of(row));
      }
      for (std::size_t g = 0; g < half.groups(); ++g)
        CHECK(half.first_row_of(g) == groups.first_row_of(2 * g));
      CHECK(half.first_row_of(half.groups()) == rows);
      groups = half;
    }
  }
  CHECK(qfa::row_groups(390).halved() == qfa::row_groups(390, 32));
  CHECK_THROWS_AS(qfa::row_groups(3).halved(), qfa::error);
}

TEST_CASE("row_groups: groups that would be torn, and those of other rows, are refused") {
  CHECK_THROWS_AS(qfa::row_groups(48, 12).places_among(qfa::row_groups(48, 8)), qfa::error);
  CHECK_THROWS_AS(qfa::row_groups(48, 12).places_among(qfa::row_groups(47, 6)), qfa::error);
}

TEST_CASE("row_groups: archives keep where groups begin") {
  const qfa::row_groups groups = qfa::row_groups(70).halved();  // 17 groups, of which the last three are one
  qfa::archive_writer out("groups", 1);
  out(groups);
  const std::vector<std::byte> bytes = std::move(out).finish();
  qfa::archive_reader in(bytes, "groups", 1, "groups");
  qfa::row_groups back;
  in(back);
  in.finish();
  CHECK(back == groups);
  CHECK_FALSE(back == qfa::row_groups(70, 8));
}

TEST_CASE("row_groups: boundaries move to the nearest row that begins a document, and may meet there") {
  // 40 rows: 10 groups of 4, whose boundaries are 4, 8, ..., 36.  Documents begin at 0, 3, 6, 10, 11, 25, 30.
  const std::vector<std::size_t> begins{3, 6, 10, 11, 25, 30};
  const qfa::row_groups groups = qfa::row_groups::of_documents(40, begins);
  // 7 documents make 7 groups: boundaries 6, 12, 18, 23, 29, 35 move to 6, 11, 11 (18 is as far from 25), 25, 30, 30.
  const std::vector<std::size_t> expected{0, 6, 11, 25, 30, 40};
  REQUIRE(groups.groups() == 5);
  for (std::size_t g = 0; g <= 5; ++g)
    CHECK(groups.first_row_of(g) == expected[g]);
  CHECK(groups.group_of(10) == 1);
  CHECK(groups.group_of(11) == 2);
  CHECK(groups.group_of(39) == 4);
  CHECK_FALSE(groups == qfa::row_groups(40, 5));
}

TEST_CASE("row_groups: no group of documents is empty or tears one, and every boundary is the nearest there is") {
  for (const std::size_t rows : {9U, 40U, 257U, 390U})
    for (unsigned seed = 0; seed < 20; ++seed) {
      CAPTURE(rows);
      CAPTURE(seed);
      std::mt19937 random(seed);
      std::vector<std::size_t> begins;
      for (std::size_t row = 1; row < rows; ++row)
        if (random() % (2 + seed) == 0) begins.push_back(row);
      const qfa::row_groups groups = qfa::row_groups::of_documents(rows, begins);
      const qfa::row_groups equal(rows, std::min(qfa::row_groups(rows).groups(), begins.size() + 1));
      std::set<std::size_t> nearest{0};
      for (std::size_t g = 1; g < equal.groups(); ++g) {
        const auto far_from = [&](std::size_t b) {
          return b > equal.first_row_of(g) ? b - equal.first_row_of(g) : equal.first_row_of(g) - b;
        };
        nearest.insert(*std::min_element(begins.begin(), begins.end(),
                                         [&](std::size_t a, std::size_t b) { return far_from(a) < far_from(b); }));
      }
      REQUIRE(groups.groups() == nearest.size());
      std::size_t g = 0;
      for (const std::size_t row : nearest)
        CHECK(groups.first_row_of(g++) == row);
      for (std::size_t row = 0; row < rows; ++row) {
        REQUIRE(groups.first_row_of(groups.group_of(row)) <= row);
        REQUIRE(groups.first_row_of(groups.group_of(row) + 1) > row);
      }
    }
}

TEST_CASE("row_groups: where every row begins a document, groups are those of rows, and of one document there is one") {
  for (const std::size_t rows : {1U, 3U, 40U, 98U, 390U}) {
    std::vector<std::size_t> begins;
    for (std::size_t row = 1; row < rows; ++row)
      begins.push_back(row);
    CHECK(qfa::row_groups::of_documents(rows, begins) == qfa::row_groups(rows));
    CHECK(qfa::row_groups::of_documents(rows, {}).groups() == 1);
  }
  for (const std::vector<std::size_t>& wrong : {std::vector<std::size_t>{0}, {3, 3}, {5, 4}, {9}})
    CHECK_THROWS_AS(qfa::row_groups::of_documents(9, wrong), qfa::error);
}

TEST_CASE("groups_for_halves: either half has the 8 groups that an interval takes, where so many were gathered") {
  using qfa::row_groups;
  const row_groups gathered(400);
  CHECK(qfa::groups_for_halves(gathered, gathered) == gathered);
  CHECK(qfa::groups_for_halves(gathered, row_groups(400, 16)) == row_groups(400, 16));
  CHECK(qfa::groups_for_halves(gathered, row_groups(400, 8)) == row_groups(400, 16));
  CHECK(qfa::groups_for_halves(row_groups(80), row_groups(80, 10)) == row_groups(80, 20));
  CHECK(qfa::groups_for_halves(row_groups(132), row_groups(132).halved().halved()) == row_groups(132).halved());
  // No more were gathered: either half is short of an interval, and nothing here can help it.
  CHECK(qfa::groups_for_halves(row_groups(48), row_groups(48)) == row_groups(48));
  // Of whole documents, joined whole.
  std::vector<std::size_t> begins;
  for (std::size_t row = 7; row < 400; row += 7)
    begins.push_back(row);
  const row_groups documents = row_groups::of_documents(400, begins);
  const row_groups eight = documents.halved().halved().halved();
  const row_groups halves = qfa::groups_for_halves(documents, eight);
  CHECK(halves.groups() >= 16);
  CHECK(documents.places_among(halves).size() == documents.groups());
  CHECK(halves.places_among(eight).back() + 1 == eight.groups());
}

}  // namespace stats_row_groups_test
