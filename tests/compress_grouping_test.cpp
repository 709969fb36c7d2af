// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/grouping.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/core/parallel.hpp"
#include "scratch.hpp"

namespace compress_grouping_test {

using qfa::group_kind;
using qfa::group_shape;
using qfa::grouping;
using qfa_test::matrix;

static_assert(qfa::per_tensor{}.shape(3, 5) == group_shape{3, 5});
static_assert(qfa::per_column{}.shape(3, 5) == group_shape{3, 1});
static_assert(qfa::group_count(qfa::per_row{}, 3, 5) == 3 && qfa::group_count(qfa::per_column{}, 3, 5) == 5);
static_assert(qfa::group_count(qfa::per_group<2>{}, 3, 5) == 9 && qfa::group_count(qfa::per_block<2, 2>{}, 3, 5) == 6);
static_assert(qfa::group_count(qfa::per_tensor{}, 3, 5) == 1 && qfa::group_count(qfa::per_group<9>{}, 3, 5) == 3);
static_assert(qfa::group_count(qfa::per_tensor{}, 0, 5) == 0 && qfa::group_count(qfa::per_row{}, 3, 0) == 0);

namespace {

/// Holds for_each_group to a plain search for the members of each group: every group once, each member in its place,
/// what a body writes back where it came from, and nothing else touched.
template <class Groups>
void check_groups(const Groups& groups, qfa::matrix_view<float> view, matrix& whole) {
  for (std::size_t i = 0; i < whole.values.size(); ++i)
    whole.values[i] = static_cast<float>(i);
  const group_shape shape = groups.shape(view.rows(), view.columns());
  std::vector<std::vector<float>> expected;
  for (std::size_t top = 0; top < view.rows(); top += shape.rows)
    for (std::size_t left = 0; left < view.columns(); left += shape.columns) {
      expected.emplace_back();
      for (std::size_t r = top; r < view.rows() && r < top + shape.rows; ++r)
        for (std::size_t c = left; c < view.columns() && c < left + shape.columns; ++c)
          expected.back().push_back(view(r, c));
    }
  CHECK(qfa::group_count(groups, view.rows(), view.columns()) == expected.size());
  matrix wanted = whole;
  for (std::size_t r = 0; r < view.rows(); ++r)
    for (std::size_t c = 0; c < view.columns(); ++c)
      wanted.values[static_cast<std::size_t>(view(r, c))] = -1.0f - view(r, c);

  std::vector<std::vector<float>> seen(expected.size());
  std::vector<int> visits(expected.size(), 0);
  qfa::for_each_group(view, groups, [&](std::size_t number, std::span<float> group) {
    ++visits.at(number);
    seen.at(number).assign(group.begin(), group.end());
    for (float& w : group)
      w = -1.0f - w;
  });
  CHECK(visits == std::vector<int>(expected.size(), 1));
  CHECK(seen == expected);
  CHECK(whole.values == wanted.values);
}

}  // namespace

TEST_CASE("for_each_group: every weight comes once, in its group, and goes back to its place") {
  const std::size_t threads = qfa::thread_count();
  for (const std::size_t n : {1U, 3U}) {
    qfa::set_thread_count(n);
    for (std::size_t rows = 1; rows <= 7; ++rows)
      for (const std::size_t columns : {1U, 2U, 5U, 16U, 17U, 37U}) {
        CAPTURE(rows);
        CAPTURE(columns);
        matrix plain{rows, columns, std::vector<float>(rows * columns)};
        // Blocks of two rows, four rows apart, three columns wider: as a fused tensor has them.
        matrix fused{2 * rows + 4, columns + 3, std::vector<float>((2 * rows + 4) * (columns + 3))};
        const qfa::matrix_view<float> part(fused.values.data() + 1, rows, columns, columns + 3, 2, 4 * (columns + 3));
        const auto check = [&](const auto& groups) {
          check_groups(groups, plain.view(), plain);
          check_groups(groups, part, fused);
        };
        check(qfa::per_tensor{});
        check(qfa::per_row{});
        check(qfa::per_column{});
        check(qfa::per_group<5>{});
        check(qfa::per_block<2, 3>{});
        check(qfa::per_block<3, 40>{});
        check(qfa::per_block<2, 1>{});
      }
  }
  qfa::set_thread_count(threads);
}

TEST_CASE("for_each_group: many groups are shared between threads without loss") {
  matrix m{200, 300, std::vector<float>(60000)};
  check_groups(qfa::per_column{}, m.view(), m);
  check_groups(qfa::per_group<7>{}, m.view(), m);
  check_groups(qfa::per_block<64, 64>{}, m.view(), m);
}

TEST_CASE("grouping: at run time it cuts as the types do") {
  CHECK(grouping{}.shape(30, 50) == qfa::per_row{}.shape(30, 50));
  CHECK(grouping{.per = group_kind::tensor}.shape(30, 50) == qfa::per_tensor{}.shape(30, 50));
  CHECK(grouping{.per = group_kind::column}.shape(30, 50) == qfa::per_column{}.shape(30, 50));
  CHECK(grouping{.per = group_kind::group}.shape(30, 50) == qfa::per_group<128>{}.shape(30, 50));
  CHECK(grouping{.per = group_kind::block, .group = 7, .block_rows = 3}.shape(30, 50) ==
        qfa::per_block<3, 7>{}.shape(30, 50));
  const std::set<std::string_view> distinct(qfa::group_kind_names.begin(), qfa::group_kind_names.end());
  CHECK(distinct.size() == 5);
}

TEST_CASE("for_each_group: an empty matrix has no groups, and a body's exception comes out") {
  matrix none{0, 5, {}};
  qfa::for_each_group(none.view(), qfa::per_tensor{}, [](std::size_t, std::span<float>) { FAIL("there is no group"); });
  matrix m{9, 5, std::vector<float>(45)};
  qfa_test::check_refused(
      [&] {
        qfa::for_each_group(m.view(), qfa::per_column{}, [](std::size_t number, std::span<float>) {
          if (number == 3) qfa::fail("column 3 is bad");
        });
      },
      {"column 3 is bad"});
}

}  // namespace compress_grouping_test
