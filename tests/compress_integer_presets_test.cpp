// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/integer_presets.hpp"

#include <set>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "integer_oracle.hpp"
#include "qfa/compress/spec.hpp"

using qfa_test::compressed;
using qfa_test::integer_matrix;
using qfa_test::matrix;
using qfa_test::same_bits;

TEST_CASE("integer_presets: every published quantizer gives its definition's bits") {
  const matrix weights = integer_matrix("weights");
  for (const qfa_test::integer_convention& convention : qfa_test::integer_conventions()) {
    CAPTURE(convention.name);
    const matrix expected = integer_matrix(convention.name + ".values");
    const matrix got = compressed(weights, qfa::parse_policy(convention.spec));
    std::size_t wrong = 0, first = 0;
    for (std::size_t i = got.values.size(); i > 0; --i)
      if (!same_bits({&got.values[i - 1], 1}, {&expected.values[i - 1], 1})) first = i - 1, ++wrong;
    CAPTURE(first);
    CAPTURE(got.values[first]);
    CAPTURE(expected.values[first]);
    CHECK(wrong == 0);
  }
}
