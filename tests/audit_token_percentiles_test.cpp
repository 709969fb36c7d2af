// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/token_percentiles.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace audit_token_percentiles_test {

using namespace qfa;

TEST_CASE("token_losses: the spread of this model's loss less the reference's, and of KL, in nats") {
  token_losses spread;
  for (int i = 0; i <= 100; ++i)
    spread({.reference_nll = 1.0, .compressed_nll = 1.0 + 0.01 * (i - 40), .kl = 0.02 * i});
  const token_percentiles p = spread.percentiles();
  CHECK(p.tokens == 101);
  for (std::size_t i = 0; i < listed_percentiles.size(); ++i) {
    const double place = listed_percentiles[i];  // of 101 numbers the p-th percentile is the one at p
    CAPTURE(place);
    CHECK(std::fabs(p.excess_loss[i] - 0.01 * (place - 40.0)) <= 0.005 * 0.01 * std::fabs(place - 40.0) + 1e-7);
    CHECK(std::fabs(p.kl[i] - 0.02 * place) <= 0.005 * 0.02 * place + 1e-7);
  }
  CHECK(p.excess_loss.front() < 0.0);
  CHECK(std::ranges::is_sorted(p.kl));
  CHECK(std::ranges::is_sorted(listed_percentiles));
}

TEST_CASE("token_losses: halves that are merged are the whole, and of no token nothing is known") {
  token_losses whole, first, second;
  for (int i = 0; i < 50; ++i) {
    const token_comparison token{.reference_nll = 2.0, .compressed_nll = 2.0 + std::sin(i), .kl = 0.1 * i};
    whole(token);
    (i < 20 ? first : second)(token);
  }
  second += first;
  CHECK(second == whole);
  CHECK(std::isnan(token_losses{}.percentiles().kl[0]));
  CHECK(token_losses{}.percentiles().tokens == 0);
}

}  // namespace audit_token_percentiles_test
