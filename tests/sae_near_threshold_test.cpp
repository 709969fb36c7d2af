// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/near_threshold.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "qfa/core/error.hpp"

namespace sae_near_threshold_test {

TEST_CASE("shares_near_threshold: of each feature's firings those less than a tenth above its own threshold") {
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
  const std::vector<double> near = qfa::shares_near_threshold(s, 2, block_at);
  CHECK(near[0] == 0.5);
  CHECK(near[1] == 1.0);
  CHECK(std::isnan(near[2]));
  s.activation = qfa::activation_kind::top_k;
  CHECK_THROWS_AS(qfa::shares_near_threshold(s, 2, block_at), qfa::error);
}

}  // namespace sae_near_threshold_test
