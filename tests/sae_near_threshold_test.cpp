// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/near_threshold.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "qfa/core/error.hpp"

namespace sae_near_threshold_test {

TEST_CASE(
    "firings_near_threshold: of each feature and group those less than a tenth above the feature's own threshold") {
  qfa::sae s;
  s.activation = qfa::activation_kind::jump_relu;
  s.d_sae = 3;
  s.threshold = {1.0f, 2.0f, 5.0f};
  const auto block_at = [](std::size_t b) {
    qfa::sparse_codes out(3);
    if (b == 0) {
      out.push(0, 1.05f);
      out.push(1, 2.1f);
      out.end_token();
      out.push(0, 1.2f);
    } else {
      out.push(0, 4.0f);
      out.push(1, 2.15f);
      out.end_token();
      out.push(0, 1.01f);
    }
    out.end_token();
    return out;
  };
  using counts = std::vector<std::uint32_t>;
  const auto groups_at = [](std::size_t b) { return b == 0 ? counts{0, 1} : counts{1, 2}; };
  const counts near = qfa::firings_near_threshold(s, 3, 2, block_at, groups_at);
  CHECK(near == counts{1, 1, 0, 0, 1, 0, 1, 0, 0});
  CHECK_THROWS_AS(qfa::firings_near_threshold(s, 2, 2, block_at, groups_at), qfa::error);
  CHECK_THROWS_AS(qfa::firings_near_threshold(s, 3, 2, block_at, [](std::size_t) { return counts{0}; }), qfa::error);
  s.activation = qfa::activation_kind::top_k;
  CHECK_THROWS_AS(qfa::firings_near_threshold(s, 3, 2, block_at, groups_at), qfa::error);
}

}  // namespace sae_near_threshold_test
