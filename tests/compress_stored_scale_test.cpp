// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/stored_scale.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "integer_oracle.hpp"

namespace compress_stored_scale_test {

using qfa::as_stored;
using qfa::stored_scale;

TEST_CASE("stored_scale: the scales of rows, rounded to each type, are those of its definition") {
  const std::vector<float> exact = qfa_test::integer_matrix("rtn.row.scale").values;
  for (const stored_scale type :
       {stored_scale::fp16, stored_scale::bf16, stored_scale::e8m0_scale, stored_scale::e4m3_scale}) {
    const auto name = qfa::stored_scale_names[static_cast<std::size_t>(type)];
    CAPTURE(name);
    std::vector<float> got;
    for (const float s : exact)
      got.push_back(as_stored(type, s) == 0.0f ? qfa::least_positive(type) : as_stored(type, s));
    CHECK(qfa_test::same_bits(got, qfa_test::integer_matrix("rtn." + std::string(name) + ".scale").values));
  }
}

TEST_CASE("stored_scale: E8M0 is the power of two at or above, at every power and beside it") {
  for (int e = -127; e <= 127; ++e) {
    const float power = std::ldexp(1.0f, e);
    CAPTURE(e);
    CHECK(qfa::round_up_to_e8m0(power) == power);
    if (e > -127) CHECK(qfa::round_up_to_e8m0(std::nextafter(power, 0.0f)) == power);
    CHECK(qfa::round_up_to_e8m0(std::nextafter(power, std::numeric_limits<float>::infinity())) ==
          std::ldexp(1.0f, e < 127 ? e + 1 : 127));
  }
  CHECK(qfa::round_up_to_e8m0(std::numeric_limits<float>::denorm_min()) == std::ldexp(1.0f, -127));
  CHECK(qfa::round_up_to_e8m0(std::numeric_limits<float>::max()) == std::ldexp(1.0f, 127));
}

TEST_CASE("stored_scale: every E4M3 number stays, ties go to the even neighbor, and beyond 448 all is 448") {
  std::vector<float> numbers;  // ascending, by their definition
  for (int code = 0; code < 127; ++code)
    numbers.push_back(code < 8 ? std::ldexp(static_cast<float>(code), -9)
                               : std::ldexp(1.0f + static_cast<float>(code % 8) / 8.0f, code / 8 - 7));
  CHECK(numbers.back() == 448.0f);
  for (const float sign : {1.0f, -1.0f})
    for (std::size_t i = 0; i + 1 < numbers.size(); ++i) {
      const float tie = (numbers[i] + numbers[i + 1]) / 2.0f;
      const auto rounded = [sign](float s) { return sign * as_stored(stored_scale::e4m3_scale, sign * s); };
      if (rounded(numbers[i]) != numbers[i] || rounded(tie) != numbers[i + i % 2] ||
          rounded(std::nextafter(tie, 0.0f)) != numbers[i] || rounded(std::nextafter(tie, 1e9f)) != numbers[i + 1])
        FAIL_CHECK("near ", numbers[i]);
    }
  for (const float beyond : {448.1f, 464.0f, 480.0f, 1e30f})
    CHECK(as_stored(stored_scale::e4m3_scale, beyond) == 448.0f);
}

TEST_CASE("stored_scale: each type has a name of its own and its number of bits") {
  const std::set<std::string_view> distinct(qfa::stored_scale_names.begin(), qfa::stored_scale_names.end());
  CHECK(distinct.size() == 5);
  CHECK(bits_of(stored_scale::fp32) == 32);
  CHECK(bits_of(stored_scale::fp16) == 16);
  CHECK(bits_of(stored_scale::bf16) == 16);
  CHECK(bits_of(stored_scale::e8m0_scale) == 8);
  CHECK(bits_of(stored_scale::e4m3_scale) == 8);
  CHECK(as_stored(stored_scale::fp32, 0.1f) == 0.1f);
}

TEST_CASE("stored_scale: the least positive number of a type is its own, half of it is not, and 0 is 0") {
  for (const stored_scale type : {stored_scale::fp32, stored_scale::fp16, stored_scale::bf16, stored_scale::e8m0_scale,
                                  stored_scale::e4m3_scale}) {
    CAPTURE(static_cast<int>(type));
    const float least = qfa::least_positive(type);
    CHECK(least > 0.0f);
    CHECK(as_stored(type, least) == least);
    CHECK(as_stored(type, least / 2.0f) == (type == stored_scale::e8m0_scale ? least : 0.0f));
    CHECK(as_stored(type, 0.0f) == 0.0f);
  }
}

}  // namespace compress_stored_scale_test
