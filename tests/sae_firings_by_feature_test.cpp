// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/firings_by_feature.hpp"

#include <doctest/doctest.h>

#include <cstddef>

#include "meaning_oracle.hpp"

namespace sae_firings_by_feature_test {

TEST_CASE("firings_by_feature: every firing once, by feature and in the order of tokens") {
  const qfa_test::meaning_case c;
  const qfa::firings_by_feature fired(c.x);
  REQUIRE(fired.width() == 40);
  qfa::sparse_codes back(40);
  std::vector<std::size_t> next(40, 0);
  for (std::uint32_t t = 0; t < c.x.tokens(); ++t) {
    for (std::uint32_t j = 0; j < 40; ++j)
      if (next[j] < fired[j].size() && fired[j][next[j]].token == t) back.push(j, fired[j][next[j]++].value);
    back.end_token();
  }
  CHECK(back == c.x);
  CHECK(fired[1].empty());
}

}  // namespace sae_firings_by_feature_test
