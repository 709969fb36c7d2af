// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/pruning_rule.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_pruning_rule_test {

using qfa::pruning_rule;
using qfa::threshold_rank;

TEST_CASE("threshold_rank: the paper takes the floor, the Wanda repository one more, and neither more than all") {
  CHECK(qfa::count_of_share(0.57, 100) == 56);
  CHECK(threshold_rank(pruning_rule::paper, 0.0, 10) == 0);
  CHECK(threshold_rank(pruning_rule::wanda, 0.0, 10) == 1);
  CHECK(threshold_rank(pruning_rule::paper, 0.57, 100) == 56);
  CHECK(threshold_rank(pruning_rule::wanda, 0.57, 100) == 57);
  CHECK(threshold_rank(pruning_rule::paper, 1.0, 10) == 10);
  CHECK(threshold_rank(pruning_rule::wanda, 1.0, 10) == 10);
  CHECK(threshold_rank(pruning_rule::wanda, 0.5, 0) == 0);
}

TEST_CASE("zero_at_most: the threshold itself goes, on both sides, and what goes is +0") {
  std::vector<float> w{-0.0f, 1.0f, -1.0f, 1.5f, -1.5f, 0.25f};
  qfa::zero_at_most(w, 1.0f);
  CHECK(qfa_test::same_bits(w, std::vector<float>{0.0f, 0.0f, 0.0f, 1.5f, -1.5f, 0.0f}));
  w = {-0.0f, 1.0f};
  qfa::zero_at_most(w, -1.0f);
  CHECK(qfa_test::same_bits(w, std::vector<float>{-0.0f, 1.0f}));
}

TEST_CASE("require_share: what lies outside 0 to 1 is refused in the policy's name") {
  CHECK_NOTHROW(qfa::require_share(0.0, "prune", "sparsity"));
  CHECK_NOTHROW(qfa::require_share(1.0, "prune", "sparsity"));
  for (const double bad : {-1e-9, 1.1, std::numeric_limits<double>::quiet_NaN()})
    qfa_test::check_refused([&] { qfa::require_share(bad, "prune_rows", "share"); },
                            {"prune_rows's share", "between 0 and 1"});
}

}  // namespace compress_pruning_rule_test
