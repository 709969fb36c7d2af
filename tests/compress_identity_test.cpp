// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/identity.hpp"

#include <limits>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"

namespace compress_identity_test {

TEST_CASE("identity: every bit stays, even of what other policies refuse") {
  auto m = qfa_test::random_matrix(4, 9);
  m.values[3] = std::numeric_limits<float>::quiet_NaN();
  m.values[4] = -0.0f;
  CHECK(qfa_test::same_bits(qfa_test::compressed(m, qfa::identity{}).values, m.values));
}

TEST_CASE("identity: it is called none") { CHECK(qfa::describe(qfa::identity{}) == "none"); }

}  // namespace compress_identity_test
