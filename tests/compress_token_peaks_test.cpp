// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/token_peaks.hpp"

#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_token_peaks_test {

TEST_CASE("finite_token_peaks: the largest magnitude of each token") {
  const qfa_test::matrix x{3, 2, {1, -4, 0, 0, 2, 0.5f}};
  CHECK(qfa::finite_token_peaks(x.view(), {}) == std::vector<float>{4, 0, 2});
  CHECK(qfa::finite_token_peaks(qfa_test::matrix{0, 2, {}}.view(), {}).empty());
}

TEST_CASE("finite_token_peaks: what is not finite is refused, its token and inputs named") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    const qfa_test::matrix x{2, 2, {1, 2, 3, bad}};
    qfa_test::check_refused(
        [&] {
          qfa::finite_token_peaks(x.view(), {4, qfa::input_kind::hidden});
        },
        {"token 1", "hidden inputs of layer 4", "not finite"});
  }
}

}  // namespace compress_token_peaks_test
