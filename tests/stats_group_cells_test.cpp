// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/group_cells.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "qfa/io/archive.hpp"
#include "scratch.hpp"

namespace stats_group_cells_test {

namespace {

struct cell {
  std::uint64_t count = 0;
  cell& operator+=(const cell& other) {
    count += other.count;
    return *this;
  }
  bool operator==(const cell&) const = default;
};

using cells = qfa::group_cells<cell>;
constexpr std::size_t width = 130, groups = 3;  // blocks of 64, 64 and 2 features

cells with(const std::vector<std::pair<std::size_t, std::size_t>>& places) {
  cells out(width, groups);
  for (const auto& [f, g] : places)
    out.at(f, g).count += 100 * f + g + 1;
  return out;
}

std::vector<std::byte> bytes_of(const cells& c) {
  qfa::archive_writer out("cells", 1);
  out(c);
  return std::move(out).finish();
}

}  // namespace

TEST_CASE("group_cells: a cell is there once it was asked for, and no other") {
  const cells c = with({{129, 2}, {0, 0}, {63, 1}, {64, 1}, {129, 2}});
  for (std::size_t f = 0; f < width; ++f)
    for (std::size_t g = 0; g < groups; ++g) {
      const bool there = (f == 129 && g == 2) || (f == 0 && g == 0) || ((f == 63 || f == 64) && g == 1);
      REQUIRE((c.find(f, g) != nullptr) == there);
      if (there) CHECK(c.find(f, g)->count == (f == 129 ? 2U : 1U) * (100 * f + g + 1));
    }
}

TEST_CASE("group_cells: where cells lie makes no difference, who filled them neither") {
  const cells a = with({{5, 0}, {70, 1}, {3, 2}}), b = with({{3, 2}, {70, 1}, {5, 0}});
  CHECK(a == b);
  CHECK(bytes_of(a) == bytes_of(b));
  CHECK_FALSE(a == with({{5, 0}, {70, 1}}));
  CHECK_FALSE(with({{5, 0}, {70, 1}}) == a);
  cells merged;
  merged += with({{3, 2}});
  merged += cells();
  merged += with({{5, 0}, {70, 1}});
  CHECK(bytes_of(merged) == bytes_of(a));
  merged += with({{5, 0}});
  CHECK(merged.find(5, 0)->count == 2 * 501);
  qfa_test::check_refused([&] { merged += cells(width + 1, groups); }, {"as many features"});
}

TEST_CASE("group_cells: archives bring back every cell, and filling goes on") {
  const cells a = with({{5, 0}, {70, 1}, {3, 2}, {129, 0}});
  const std::vector<std::byte> bytes = bytes_of(a);
  qfa::archive_reader in(bytes, "cells", 1, "these bytes");
  cells back;
  in(back);
  in.finish();
  CHECK(back == a);
  back.at(4, 0).count = 7;
  CHECK(back.find(5, 0)->count == 501);
  CHECK(back.find(4, 0)->count == 7);
}

TEST_CASE("group_cells: a width that an archive has no bytes for is refused before it takes memory") {
  for (const std::size_t claimed : {std::size_t{1} << 40U, ~std::size_t{0}}) {
    qfa::archive_writer out("cells", 1);
    out(claimed, groups);
    const std::vector<std::byte> bytes = std::move(out).finish();
    qfa::archive_reader in(bytes, "cells", 1, "these bytes");
    cells back;
    qfa_test::check_refused([&] { in(back); }, {"these bytes", "ends before"});
  }
}

TEST_CASE("group_cells: joined groups have the cells of both, and none where neither has one") {
  const cells three = with({{5, 0}, {5, 1}, {5, 2}, {70, 1}, {129, 2}});
  const std::vector<std::uint32_t> places{0, 0, 1};
  const cells two = three.joined(places);
  REQUIRE(two.groups() == 2);
  REQUIRE(two.width() == width);
  CHECK(two.find(5, 0)->count == 501 + 502);
  CHECK(two.find(5, 1)->count == 503);
  CHECK(two.find(70, 0)->count == 7002);
  CHECK(two.find(70, 1) == nullptr);
  CHECK(two.find(129, 0) == nullptr);
  CHECK(two.find(129, 1)->count == 12903);
  CHECK(two.find(3, 0) == nullptr);
  CHECK(cells().joined({}) == cells());
}

}  // namespace stats_group_cells_test
