// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/random_pruner.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "pruner_laws.hpp"

namespace compress_random_pruner_test {

using qfa::random_pruner;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;

std::ptrdiff_t zeros(const matrix& m) { return std::ranges::count(m.values, 0.0f); }

TEST_CASE("random_pruner: exactly the floor of the share goes, and the others keep their bits") {
  const matrix m = random_matrix(20, 50);
  for (const double sparsity : {0.0, 0.0005, 0.001, 0.29, 0.5, 0.9999, 1.0}) {
    const matrix pruned = compressed(m, random_pruner{sparsity, 1});
    CHECK(zeros(pruned) == static_cast<std::ptrdiff_t>(sparsity * 1000.0));
    for (std::size_t i = 0; i < m.values.size(); ++i)
      CHECK((pruned.values[i] == 0.0f || pruned.values[i] == m.values[i]));
  }
}

TEST_CASE("random_pruner: those with the smallest random numbers go, so that a higher sparsity takes them too") {
  const matrix m = random_matrix(30, 40);
  const qfa::counter_random random(9, "v", qfa::random_use::pruning);
  std::vector<std::size_t> order(m.values.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return random.bits(i) >> 32; });
  for (const double sparsity : {0.1, 0.25, 0.8}) {
    matrix expected = m;
    for (std::size_t i = 0; i < static_cast<std::size_t>(sparsity * 1200.0); ++i)
      expected.values[order[i]] = 0.0f;
    CHECK(compressed(m, random_pruner{sparsity, 9}, {.name = "v"}).values == expected.values);
  }
}

TEST_CASE("random_pruner: seeds and names choose different weights, spread over rows evenly") {
  const matrix m = random_matrix(64, 256);
  const auto pruned = [&](std::uint64_t seed, const char* name) {
    return compressed(m, random_pruner{0.5, seed}, {.name = name});
  };
  const matrix first = pruned(1, "q");
  for (const matrix& other : {pruned(2, "q"), pruned(1, "k")}) {
    std::size_t both = 0;
    for (std::size_t i = 0; i < m.values.size(); ++i)
      both += first.values[i] == 0.0f && other.values[i] == 0.0f ? 1U : 0U;
    // Independent halves share a quarter, 4096; the standard deviation is 32.
    CHECK(std::fabs(static_cast<double>(both) - 4096.0) < 160.0);
  }
  for (std::size_t r = 0; r < m.rows; ++r)
    CHECK(std::abs(std::ranges::count(first.view().row(r), 0.0f) - 128) < 40);  // five standard deviations of 8
}

TEST_CASE("random_pruner: it owes what every policy owes, and says what it is") {
  qfa_test::check_pruner_laws(random_pruner{0.3, 4}, {.name = "up"});
  CHECK(random_pruner{0.5, 0}.name() == "prune_random:sparsity=0.5,seed=0");
  qfa_test::check_refused([] { random_pruner{1.5, 1}.validate(); }, {"prune_random's sparsity"});
}

}  // namespace compress_random_pruner_test
