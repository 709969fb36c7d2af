// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/threshold_pruner.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "pruner_laws.hpp"

namespace compress_threshold_pruner_test {

using qfa::threshold_pruner;
using qfa_test::compressed;
using qfa_test::row_matrix;

TEST_CASE("threshold_pruner: magnitudes up to the threshold go, the threshold included") {
  const auto m = row_matrix({0.5f, -1.0f, 1.0f, -1.25f, -0.0f});
  CHECK(compressed(m, threshold_pruner{1.0f}).values == std::vector<float>{0, 0, 0, -1.25f, 0});
  CHECK(compressed(m, threshold_pruner{0.75f}).values == std::vector<float>{0, -1, 1, -1.25f, 0});
  CHECK(qfa_test::same_bits(compressed(m, threshold_pruner{}).values, m.values));
}

TEST_CASE("threshold_pruner: it owes what every policy owes, and says what it is") {
  qfa_test::check_pruner_laws(threshold_pruner{0.5f}, {.name = "up"});
  CHECK(threshold_pruner{0.1f}.name() == "prune_threshold:at_most=0.1");
  CHECK(threshold_pruner{}.name() == "prune_threshold:at_most=-1");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    qfa_test::check_refused([&] { compressed(row_matrix({1}), threshold_pruner{bad}); }, {"at_most", "finite"});
}

}  // namespace compress_threshold_pruner_test
