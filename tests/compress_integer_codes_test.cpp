// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/integer_codes.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "integer_oracle.hpp"

namespace compress_integer_codes_test {

using qfa_test::integer_matrix;
using qfa_test::matrix;

TEST_CASE("integer_codes: every published code is its definition's, and reads back as its definition's weight") {
  const matrix weights = integer_matrix("weights");
  for (const qfa_test::integer_convention& convention : qfa_test::integer_conventions()) {
    CAPTURE(convention.name);
    const qfa::integer policy = qfa_test::integer_of(convention.spec);
    const qfa::integer_scale choices = policy.scales();
    const matrix codes = integer_matrix(convention.name + ".codes"),
                 values = integer_matrix(convention.name + ".values");
    const bool searched = policy.search != qfa::scale_search::none;
    const matrix steps = searched ? integer_matrix(convention.name + ".step") : matrix{};
    const std::size_t size = weights.values.size() / integer_matrix(convention.name + ".scale").values.size();
    // The file has codes less the lowest of the full range.
    const bool shift = !choices.symmetric && choices.zero == qfa::zero_point::shift;
    const float lowest = shift ? 0.0f : -std::ldexp(1.0f, choices.bits - 1);
    std::size_t wrong = 0;
    for (std::size_t first = 0; first < weights.values.size(); first += size) {
      const std::span<const float> group(weights.values.data() + first, size);
      const float shrink =
          searched ? policy.search_settings().factor(static_cast<std::size_t>(steps.values[first / size])) : 1.0f;
      const qfa::group_scale with = choices(group, shrink);
      std::vector<float> got(group.begin(), group.end());
      qfa::weights_to_codes(choices, with, got);
      for (std::size_t i = 0; i < size; ++i)
        wrong += got[i] - lowest == codes.values[first + i] ? 0U : 1U;
      qfa::codes_to_weights(choices, with, got);
      for (std::size_t i = 0; i < size; ++i)
        wrong += qfa_test::same_bits({&got[i], 1}, {&values.values[first + i], 1}) ? 0U : 1U;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("integer_codes: a long group is quantized in pieces as it would be whole") {
  const matrix weights = qfa_test::random_matrix(1, 5000);
  const qfa::integer_scale choices{.bits = 4, .symmetric = false};
  const qfa::group_scale with = choices(weights.values);
  std::vector<float> pieces = weights.values, whole = weights.values;
  qfa::quantize_with(choices, with, pieces);
  qfa::weights_to_codes(choices, with, whole);
  qfa::codes_to_weights(choices, with, whole);
  CHECK(qfa_test::same_bits(pieces, whole));
  CHECK_FALSE(qfa_test::same_bits(pieces, weights.values));
}

TEST_CASE("integer_codes: a product and the sum after it are rounded one by one") {
  // 5 s + zero, where fusing the two would give another float: found by trying.
  const qfa::integer_scale choices{
      .bits = 4, .symmetric = false, .zero_in_range = false, .zero = qfa::zero_point::shift};
  std::size_t differ = 0;
  for (int i = 1; i < 200; ++i) {
    const float s = 0.1f + 0.001f * static_cast<float>(i), zero = -0.4f;
    std::vector<float> code{5.0f};
    qfa::codes_to_weights(choices, {.scale = s, .zero = zero}, code);
    const double product = 5.0 * static_cast<double>(s);
    const double sum = static_cast<double>(static_cast<float>(product)) + static_cast<double>(zero);
    if (code[0] != static_cast<float>(sum)) FAIL_CHECK(s);
    differ += static_cast<float>(product + static_cast<double>(zero)) == static_cast<float>(sum) ? 0U : 1U;
  }
  CHECK(differ > 10);
}

}  // namespace compress_integer_codes_test
