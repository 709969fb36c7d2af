// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/hull.hpp"

#include <doctest/doctest.h>

#include "law_oracle.hpp"

namespace law_hull_test {

TEST_CASE("table_hull: within and without where scipy's triangulation says so") {
  std::vector<qfa::observation> rows;
  const qfa::json& oracle = qfa_test::law_oracle()["hull"];
  const std::vector<qfa::observation> table = qfa_test::law_rows("table", "delta");
  for (std::size_t i = 0; i < table.size(); ++i)
    if (oracle["kept"][i].get<bool>()) rows.push_back(table[i]);
  const qfa::table_hull hull(rows);
  for (std::size_t i = 0; i < oracle["inside"].size(); ++i) {
    CAPTURE(i);
    CHECK(hull.contains(oracle["queries"][i][0], oracle["queries"][i][1], oracle["bits"][i]) ==
          oracle["inside"][i].get<bool>());
  }
}

TEST_CASE("table_hull: its own corners are within, and a hair beyond is not") {
  const std::vector<qfa::observation> rows = qfa_test::law_rows("table", "delta");
  const qfa::table_hull hull(rows);
  for (const qfa::observation& row : rows)
    CHECK(hull.contains(row.parameters, row.tokens, row.bits));
  CHECK(hull.contains(1e5, 2e6, 5.5));
  CHECK_FALSE(hull.contains(1e5, 2e6, 8.001));
  CHECK_FALSE(hull.contains(396801.0, 2e6, 5.0));
  CHECK_FALSE(hull.contains(1e5, 2e9, 5.0));
}

TEST_CASE("table_hull: of four points askew, what mixes them is within, and what takes away from one is not") {
  const double corners[4][3] = {{1.0, 2.0, 3.0}, {4.0, 2.5, 5.0}, {2.0, 6.0, 4.0}, {3.0, 3.5, 8.0}};
  std::vector<qfa::observation> rows;
  for (const auto& c : corners)
    rows.push_back({.parameters = std::exp(c[0]), .tokens = std::exp(c[1]), .bits = c[2]});
  const qfa::table_hull hull(rows);
  for (std::size_t one = 0; one < 4; ++one)
    for (const double share : {-0.01, 0.01, 0.25, 0.7}) {  // of `one`; the other three have equal shares of the rest
      CAPTURE(one);
      CAPTURE(share);
      double at[3] = {};
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t axis = 0; axis < 3; ++axis)
          at[axis] += (i == one ? share : (1.0 - share) / 3.0) * corners[i][axis];
      CHECK(hull.contains(std::exp(at[0]), std::exp(at[1]), at[2]) == (share > 0.0));
    }
}

}  // namespace law_hull_test
