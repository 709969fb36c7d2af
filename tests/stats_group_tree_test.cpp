// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/group_tree.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"

namespace stats_group_tree_test {

/// Shows how it was merged: parts in brackets.
struct merge_trace {
  std::string text;

  merge_trace& operator+=(const merge_trace& other) {
    if (other.text.empty()) return *this;
    if (text.empty()) return *this = other;
    text = "(" + text + other.text + ")";
    return *this;
  }
  bool operator==(const merge_trace&) const = default;
};

using tree = qfa::group_tree<merge_trace>;

/// Groups [first, last) of 11, two rows each, row by row.
tree run(std::size_t first, std::size_t last) {
  const qfa::row_groups groups(22, 11);
  tree out(groups);
  for (std::size_t g = first; g < last; ++g)
    for (std::size_t row = 0; row < 2; ++row) {
      out[g].text += row == 0 ? std::string(1, static_cast<char>('a' + g)) : "";
      out.rows_seen(g, 1);
    }
  return out;
}

TEST_CASE("group_tree: what is merged with what follows from the groups alone, in any cut and order") {
  const tree whole = run(0, 11);
  CHECK(whole.total().text == "(((((ab)(cd))((ef)(gh)))(ij))k)");
  CHECK(whole.parts() == 3);
  for (std::size_t cut = 0; cut <= 11; ++cut)
    for (std::size_t second = cut; second <= 11; ++second) {
      CAPTURE(cut);
      CAPTURE(second);
      tree merged = run(second, 11);
      merged += run(0, cut);
      merged += run(cut, second);
      CHECK(merged == whole);
      tree adopted;
      adopted += whole;
      adopted += tree{};
      CHECK(adopted == whole);
    }
}

TEST_CASE("group_tree: holds a part a level while it goes on, and waits for a group's last row") {
  tree t = run(0, 7);
  CHECK(t.parts() == 3);  // abcd, ef, g
  t[7].text = "h";
  t.rows_seen(7, 1);
  CHECK(t.parts() == 4);
  t.rows_seen(7, 1);
  CHECK(t.parts() == 1);
  CHECK_THROWS_AS(t[7], qfa::error);
  CHECK_THROWS_AS(t[3], qfa::error);
  CHECK_THROWS_AS(t[11], qfa::error);
  CHECK_THROWS_AS(t += run(7, 8), qfa::error);
  CHECK_THROWS_AS(t.rows_seen(9, 1), qfa::error);
}

}  // namespace stats_group_tree_test
