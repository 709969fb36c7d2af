// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/firing_counts.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "laws.hpp"

namespace sae_firing_counts_test {

using qfa::firing_counts;
using qfa::sparse_codes;

namespace {

/// One token on which these features of five fire.
sparse_codes token(std::vector<std::uint32_t> features, std::size_t width = 5) {
  sparse_codes codes(width);
  const std::vector<float> values(features.size(), 1.0f);
  codes.append_token(features, values);
  return codes;
}

}  // namespace

TEST_CASE("firing_counts: merging parts equals one pass, over every cut, exactly") {
  qfa_test::check_merge_laws<firing_counts>(
      std::vector<sparse_codes>{token({0, 3}), token({}), token({3}), token({1, 2, 3}), token({0})});
}

TEST_CASE("firing_counts: firings on a token, and the share of features that never fire") {
  firing_counts counts;
  CHECK(std::isnan(counts.l0()));
  CHECK(std::isnan(counts.dead_share()));
  counts(token({0, 3}));
  counts(token({3}));
  CHECK(counts.l0() == 1.5);
  CHECK(counts.dead_share() == 0.6);
  CHECK(counts.of_features()[3] == 2);
  CHECK_THROWS_AS(counts(token({0}, 6)), qfa::error);
  firing_counts wider;
  wider(token({0}, 6));
  CHECK_THROWS_AS(counts += wider, qfa::error);
}

}  // namespace sae_firing_counts_test
