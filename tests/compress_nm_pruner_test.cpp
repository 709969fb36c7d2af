// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/nm_pruner.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "pruner_laws.hpp"

namespace compress_nm_pruner_test {

using qfa::nm_pruner;
using qfa_test::compressed;
using qfa_test::pruned_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

TEST_CASE("nm_pruner: the oracle's bits at 2 of 4, 4 of 8 and 1 of 4, where n counts zeros") {
  const auto weights = pruned_matrix("weights");
  CHECK(same_bits(compressed(weights, nm_pruner{2, 4}).values, pruned_matrix("nm.2_4").values));
  CHECK(same_bits(compressed(weights, nm_pruner{4, 8}).values, pruned_matrix("nm.4_8").values));
  CHECK(same_bits(compressed(weights, nm_pruner{1, 4}).values, pruned_matrix("nm.1_4").values));
}

TEST_CASE("nm_pruner: of equal magnitudes the leftmost goes first, and each group stands for itself") {
  CHECK(compressed(row_matrix({1, -1, 1, 1, 9, 8, 7, 6}), nm_pruner{2, 4}).values ==
        std::vector<float>{0, 0, 1, 1, 9, 8, 0, 0});
  CHECK(compressed(row_matrix({3, 1, 2}), nm_pruner{.zeroed = 1, .of = 3}).values == std::vector<float>{3, 0, 2});
  CHECK(compressed(row_matrix({3, 1, 2}), nm_pruner{.zeroed = 2, .of = 3}).values == std::vector<float>{3, 0, 0});
  CHECK(same_bits(compressed(row_matrix({-0.0f, 1}), nm_pruner{0, 2}).values, std::vector<float>{-0.0f, 1}));
  CHECK(compressed(row_matrix({4, 1}), nm_pruner{2, 2}).values == std::vector<float>{0, 0});
}

TEST_CASE("nm_pruner: groups that do not divide the columns, and numbers that make no sense, are refused") {
  qfa_test::check_refused(
      [] {
        compressed(row_matrix({1, 2, 3}), nm_pruner{}, {.name = "k"});
      },
      {"\"k\"", "multiple of of=4", "has 3"});
  qfa_test::check_refused([] { compressed(row_matrix({1, 2, 3}), nm_pruner{4, 3}); }, {"cannot zero 4 of 3"});
  qfa_test::check_refused([] { compressed(row_matrix({1, 2, 3}), nm_pruner{0, 0}); }, {"at least 1"});
}

TEST_CASE("nm_pruner: it owes what every policy owes, and says what it is") {
  qfa_test::check_pruner_laws(nm_pruner{3, 8}, {.name = "up"});
  CHECK(nm_pruner{2, 4}.name() == "prune_nm:zeroed=2,of=4");
}

}  // namespace compress_nm_pruner_test
