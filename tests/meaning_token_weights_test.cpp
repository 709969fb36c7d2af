// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/token_weights.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "meaning_oracle.hpp"
#include "qfa/core/error.hpp"

namespace meaning_token_weights_test {

/// A batch of firings as a sample; filling takes them apart.
struct weights_by_batch : qfa::token_weights {
  void operator()(std::vector<qfa::token_weights::firing> batch) { qfa::token_weights::operator()(batch); }
  weights_by_batch& operator+=(const weights_by_batch& other) {
    qfa::token_weights::operator+=(other);
    return *this;
  }
  bool operator==(const weights_by_batch&) const = default;
};

TEST_CASE("token_weights: sums by id, the same in any cut of the firings") {
  using batch = std::vector<qfa::token_weights::firing>;
  const std::vector<batch> batches{{{5, 0.1f}, {2, 0.2f}, {5, 0.7f}},
                                   {},
                                   {{9, 1.1f}, {1, 0.3f}},
                                   {{3, 0.9f}, {9, 0.1f}, {0, 4.0f}, {2, 0.6f}},
                                   {{7, 1.0f}}};
  qfa_test::check_merge_laws<weights_by_batch>(batches);
  qfa::token_weights w;
  for (batch b : batches)
    w(b);
  REQUIRE(w.size() == 7);
  const std::vector<std::uint32_t> ids{0, 1, 2, 3, 5, 7, 9};
  const std::vector<double> sums{4.0, 0.3, 0.8, 0.9, 0.8, 1.0, 1.2};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(w.id(i) == ids[i]);
    CHECK(qfa_test::close(w.weight(i), sums[i], 1e-7));
  }
  CHECK(qfa_test::close(w.total(), 9.0, 1e-6));
  const auto top = qfa::top_tokens(w, 3);
  REQUIRE(top.size() == 3);
  CHECK(top[0].id == 0);
  CHECK(top[1].id == 9);
  CHECK(top[2].id == 7);
  CHECK(qfa_test::close(top[0].share, 4.0 / 9.0, 1e-6));
  batch too_large{{1, 0x1p40f}};
  CHECK_THROWS_AS(w(too_large), qfa::error);
}

TEST_CASE("divergence: the oracle's cases, 0 to the bit for equal sides, NaN for one without mass") {
  for (const auto& c : qfa_test::meaning_numbers()["a7"]["jsd_cases"]) {
    qfa::token_weights p, q;
    for (const bool first : {true, false}) {
      std::vector<qfa::token_weights::firing> firings;
      const auto shares = c[first ? "p" : "q"].get<std::vector<float>>();
      for (std::uint32_t id = 0; id < shares.size(); ++id)
        if (shares[id] > 0.0f) firings.push_back({id, 8.0f * shares[id]});
      (first ? p : q)(firings);
    }
    CHECK(qfa_test::close(qfa::divergence(p, q), c["jsd"].get<double>(), 1e-14));
    CHECK(qfa::divergence(p, p) == 0.0);
    CHECK(std::isnan(qfa::divergence(p, {})));
  }
}

}  // namespace meaning_token_weights_test
