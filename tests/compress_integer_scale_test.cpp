// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/integer_scale.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "integer_oracle.hpp"

namespace compress_integer_scale_test {

using qfa::integer_scale;
using qfa::symmetric_scale;
using qfa_test::integer_array;
using qfa_test::integer_matrix;
using qfa_test::matrix;

TEST_CASE("integer_scale: every published scale and zero point is its definition's, to the bit") {
  const matrix weights = integer_matrix("weights");
  for (const qfa_test::integer_convention& convention : qfa_test::integer_conventions()) {
    CAPTURE(convention.name);
    const qfa::integer policy = qfa_test::integer_of(convention.spec);
    if (policy.search != qfa::scale_search::none) continue;  // compress_integer_search_test.cpp
    const integer_scale choices = policy.scales();
    const matrix scales = integer_matrix(convention.name + ".scale");
    // GPTQ and AWQ count codes from 0, we from -2^(bits - 1); quanto's shift is minus the minimum.
    const bool unsigned_codes = convention.name.starts_with("gptq") || convention.name == "awq";
    const float bias = unsigned_codes ? -choices.qmin() : 0.0f;
    const bool shift = !choices.symmetric && choices.zero == qfa::zero_point::shift;
    const bool has_zero = !choices.symmetric || choices.scale == symmetric_scale::gptq;
    const matrix zeros = has_zero ? integer_matrix(convention.name + ".zero") : scales;
    const std::size_t size = weights.values.size() / scales.values.size();
    for (std::size_t g = 0; g < scales.values.size(); ++g) {
      CAPTURE(g);
      const std::span<const float> group(weights.values.data() + g * size, size);
      const qfa::group_scale got = choices(group);
      if (has_zero) CHECK((shift ? -got.zero : got.zero + bias) == zeros.values[g]);
      // Where ModelOpt and bitsandbytes have 0 for a group of nothing, we have 1: both read back as zeros.
      CHECK(got.scale == (scales.values[g] == 0.0f ? 1.0f : scales.values[g]));
    }
  }
}

TEST_CASE("integer_scale: at 4 bits the rules differ as the table of conventions says") {
  const auto scale_of = [](symmetric_scale rule, std::vector<float> w) {
    return integer_scale{.bits = 4, .scale = rule}(w).scale;
  };
  CHECK(scale_of(symmetric_scale::absmax_qmax, {1, -0.5f}) == 1.0f / 7.0f);
  CHECK(scale_of(symmetric_scale::absmax_half_range, {1, -0.5f}) == 1.0f / 7.5f);
  CHECK(scale_of(symmetric_scale::gptq, {1, -0.5f}) == 2.0f / 15.0f);
  CHECK(scale_of(symmetric_scale::gptq, {1, 0.5f}) == 1.0f / 15.0f);
  CHECK(scale_of(symmetric_scale::gptq, {-1, -0.5f}) == 2.0f / 15.0f);
  CHECK(scale_of(symmetric_scale::signed_max, {-0.5f, 1, -1}) == -1.0f / 8.0f);
  CHECK(scale_of(symmetric_scale::signed_max, {-0.5f, -1, 1}) == 1.0f / 8.0f);
  CHECK(scale_of(symmetric_scale::no_clip, {1, -0.5f}) == 1.0f / 7.0f);
  CHECK(scale_of(symmetric_scale::no_clip, {0.5f, -1}) == 1.0f / 8.0f);
  const integer_scale narrow{.bits = 4, .range = qfa::code_range::narrow, .scale = symmetric_scale::absmax_half_range};
  CHECK(narrow(std::vector<float>{1}).scale == 1.0f / 7.0f);
  CHECK(narrow.qmin() == -7.0f);
}

TEST_CASE("integer_scale: in bf16 and fp16 every operation is rounded") {
  const std::vector<float> w{1.0f, -0.5f};
  const integer_scale bf16{.bits = 4, .arithmetic = qfa::float_format::bf16};
  CHECK(bf16(w).scale == qfa::round_to_bf16(1.0f / 7.0f));
  integer_scale affine{.bits = 4, .symmetric = false, .arithmetic = qfa::float_format::fp16};
  CHECK(affine(w).scale == qfa::round_to_f16(0.1f));
  // -0.5 / fp16(0.1) = -5.0012 is -5 in fp16; the zero point is -8 + 5.
  CHECK(affine(w).zero == -3.0f);
  // 1/3 rounded, then times a shrink of 0.9, rounded, then over 7, rounded.
  const float third = qfa::round_to_bf16(1.0f / 3.0f);
  const std::vector<float> one{third};
  CHECK(bf16(one, 0.9f).scale == qfa::round_to_bf16(qfa::round_to_bf16(third * 0.9f) / 7.0f));
}

TEST_CASE("integer_scale: a scale too small for its store is the store's least number, and only that of zeros is 1") {
  const std::vector<float> tiny{0x1p-100f, 0.0f}, zeros{0.0f, -0.0f};
  for (const auto& [store, least] :
       {std::pair(qfa::stored_scale::fp16, 0x1p-24f), std::pair(qfa::stored_scale::e4m3_scale, 0x1p-9f)}) {
    integer_scale choices{.bits = 4, .store = store};
    CHECK(choices(tiny).scale == least);
    CHECK(choices(zeros).scale == 1.0f);
    choices.scale = symmetric_scale::signed_max;  // 2^-100 / -8
    CHECK(choices(tiny).scale == -least);
    choices = {.bits = 4, .symmetric = false, .store = store};
    CHECK(choices(tiny).scale == least);
    CHECK(choices(zeros).scale == 1.0f);
  }
  CHECK(integer_scale{.bits = 4, .store = qfa::stored_scale::bf16}(std::vector<float>{0x1p-140f}).scale == 0x1p-133f);
}

TEST_CASE("integer_scale: a shrink moves both ends of an affine range") {
  const std::vector<float> w{-2, 4};
  const integer_scale affine{.bits = 2, .symmetric = false};
  CHECK(affine(w).scale == 2.0f);
  CHECK(affine(w, 0.5f).scale == 1.0f);
  CHECK(affine(w, 0.5f).zero == -1.0f);  // -2 - (-1) / 1
}

TEST_CASE("extremes: the smallest and the largest are found wherever they stand") {
  for (std::size_t n = 1; n <= 50; ++n)
    for (std::size_t at = 0; at < n; ++at) {
      std::vector<float> w(n, 1.0f);
      w[at] = 2.0f;
      CHECK(qfa::extremes(w) == std::pair(n == 1 ? 2.0f : 1.0f, 2.0f));
      w[at] = -3.0f;
      CHECK(qfa::extremes(w) == std::pair(-3.0f, n == 1 ? -3.0f : 1.0f));
    }
}

TEST_CASE("integer_scale: every choice has a name of its own") {
  const auto distinct = [](const auto& names) {
    return std::set<std::string_view>(names.begin(), names.end()).size() == names.size();
  };
  CHECK(distinct(qfa::code_range_names));
  CHECK(distinct(qfa::symmetric_scale_names));
  CHECK(distinct(qfa::zero_point_names));
  CHECK(distinct(qfa::scale_division_names));
  CHECK(distinct(qfa::tiny_group_names));
}

}  // namespace compress_integer_scale_test
