// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/lowest_scores.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace compress_lowest_scores_test {

using qfa::pruning_pattern;
using qfa_test::check_refused;

namespace {

std::vector<std::uint8_t> marked(const std::vector<double>& scores, std::size_t count) {
  std::vector<std::uint8_t> pruned(scores.size(), 7);
  qfa::mark_lowest(scores, count, pruned);
  return pruned;
}

}  // namespace

TEST_CASE("mark_lowest: of equal scores the first are lower") {
  CHECK(marked({3, 1, 1, 2, 1}, 2) == std::vector<std::uint8_t>{0, 1, 1, 0, 0});
  CHECK(marked({3, 1, 1, 2, 1}, 0) == std::vector<std::uint8_t>(5, 0));
  CHECK(marked({3, 1, 1, 2, 1}, 5) == std::vector<std::uint8_t>(5, 1));
  CHECK(marked({}, 0).empty());
}

TEST_CASE("mark_lowest: it takes what a stable sort would, for every count") {
  std::mt19937 random(5);
  for (std::size_t n = 1; n <= 40; ++n) {
    std::vector<double> scores(n);
    for (double& s : scores)
      s = static_cast<double>(random() % 8);  // many ties
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
    std::vector<std::uint8_t> expected(n, 0);
    for (std::size_t count = 1; count <= n; ++count) {
      expected[order[count - 1]] = 1;
      CHECK(marked(scores, count) == expected);
    }
  }
}

TEST_CASE("pruning_pattern: a share is cut off as Python cuts it") {
  CHECK(pruning_pattern{.sparsity = 0.29}.count(100) == 28);  // 100 * 0.29 = 28.999999999999996
  CHECK(pruning_pattern{.sparsity = 0.5}.count(5) == 2);
  CHECK(pruning_pattern{.sparsity = 1.0}.count(5) == 5);
  CHECK(pruning_pattern{.sparsity = 0.0}.count(5) == 0);
}

TEST_CASE("pruning_pattern: what makes no sense is refused") {
  for (const double sparsity : {-0.1, 1.1, std::nan("")})
    check_refused([&] { pruning_pattern{.sparsity = sparsity}.validate("foo"); }, {"foo's sparsity", "0 and 1"});
  check_refused([] { pruning_pattern{.sparsity = 0.4, .zeroed = 2, .of = 4}.validate("foo"); }, {"foo", "not both"});
  check_refused([] { pruning_pattern{.zeroed = 4, .of = 4}.validate("foo"); }, {"foo", "zeroed=4", "of=4"});
  check_refused([] { pruning_pattern{.zeroed = 2}.validate("foo"); }, {"foo", "zeroed=2", "of=0"});
  check_refused([] { pruning_pattern{.of = 4}.validate("foo"); }, {"foo", "zeroed=0", "of=4"});
  CHECK_NOTHROW(pruning_pattern{.zeroed = 3, .of = 4}.validate("foo"));
  CHECK_NOTHROW(pruning_pattern{.sparsity = 0.7}.validate("foo"));
  check_refused([] { pruning_pattern{.zeroed = 2, .of = 4}.require_fits(10, "foo", {.name = "w"}); },
                {"foo", "of=4", "\"w\"", "10"});
  CHECK_NOTHROW(pruning_pattern{.zeroed = 2, .of = 4}.require_fits(12, "foo", {}));
  CHECK_NOTHROW(pruning_pattern{}.require_fits(11, "foo", {}));
}

TEST_CASE("pruning_pattern: its spec string leaves the sparsity out where the pattern implies it") {
  CHECK(pruning_pattern{}.named("foo:sparsity=0.5,bits=4") == "foo:sparsity=0.5,bits=4");
  CHECK(pruning_pattern{.zeroed = 2, .of = 4}.named("foo:sparsity=0.5,zeroed=2,of=4") == "foo:zeroed=2,of=4");
}

TEST_CASE("mark_lowest: more than there are, and marks of another length, are refused") {
  const std::vector<double> scores{2.0, 1.0, 3.0};
  std::vector<std::uint8_t> marks(3), few(2);
  qfa_test::check_refused([&] { qfa::mark_lowest(scores, 4, marks); }, {"lowest scores"});
  qfa_test::check_refused([&] { qfa::mark_lowest(scores, 1, few); }, {"lowest scores"});
}

}  // namespace compress_lowest_scores_test
