// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/nvfp4.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "number_formats.hpp"

namespace compress_nvfp4_test {

using qfa::nvfp4;
using qfa::nvfp4_convention;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

namespace {

constexpr std::array all_conventions{nvfp4_convention::modelopt, nvfp4_convention::compressed_tensors,
                                     nvfp4_convention::torchao};

std::string text(nvfp4_convention convention) {
  return std::string(names_of(convention)[static_cast<std::size_t>(convention)]);
}

}  // namespace

TEST_CASE("nvfp4: every convention gives numpy's bits") {
  for (const nvfp4_convention convention : all_conventions) {
    const std::string name = "nvfp4." + text(convention);
    qfa_test::check_oracle(nvfp4{convention}, name + ".values");
    qfa_test::check_oracle(nvfp4{convention}, name + ".generic.values", "weights.generic");
  }
}

TEST_CASE("nvfp4: known values") {
  // 2688 is the tensor's peak, so its scale is 1.  The blocks' scales are 448 and 1; at 1 / 2 steps 0.75 is a tie.
  std::vector<float> w(32, 0.0f);
  w[0] = 2688.0f;
  w[1] = -1000.0f;
  w[2] = 100.0f;
  w[16] = -6.0f;
  w[17] = 5.0f;
  w[18] = 0.75f;
  w[19] = 2.5f;
  for (const nvfp4_convention convention : all_conventions) {
    CAPTURE(text(convention));
    const std::vector<float> q = compressed(row_matrix(w), nvfp4{convention}).values;
    CHECK(std::vector<float>{q[0], q[1], q[2], q[3]} == std::vector<float>{2688, -896, 0, 0});
    CHECK(std::vector<float>{q[16], q[17], q[18], q[19]} == std::vector<float>{-6, 4, 1, 2});
  }
}

TEST_CASE("scales_of_nvfp4: what a block gets whose scale would be 0 tells the conventions apart") {
  // Block scales of 2^-10 and less round to 0 in E4M3; the tensor's scale is 1.
  const float tiny = 6.0f * 0x1p-11f;
  CHECK(qfa::scales_of_nvfp4<nvfp4_convention::modelopt>(tiny, 2688.0f).divide == 1.0f);
  CHECK(qfa::scales_of_nvfp4<nvfp4_convention::compressed_tensors>(tiny, 2688.0f).divide == 0.125f);
  CHECK(qfa::scales_of_nvfp4<nvfp4_convention::torchao>(tiny, 2688.0f).divide == 64.0f);
  CHECK(qfa::scales_of_nvfp4<nvfp4_convention::torchao>(tiny, 2688.0f).multiply == 0x1p-6f);
  // Subnormal scales are used by the first two, and not by torchao.
  const float small = 6.0f * 0x1p-9f;
  CHECK(qfa::scales_of_nvfp4<nvfp4_convention::modelopt>(small, 2688.0f).multiply == 0x1p-9f);
  CHECK(qfa::scales_of_nvfp4<nvfp4_convention::compressed_tensors>(small, 2688.0f).multiply == 0x1p-9f);
  CHECK(qfa::scales_of_nvfp4<nvfp4_convention::torchao>(small, 2688.0f).multiply == 0x1p-6f);
}

TEST_CASE("nvfp4: torchao multiplies by a reciprocal, which shows in weights near a tie") {
  std::size_t unlike_division = 0;
  for (int i = 0; i < 200; ++i) {
    const float peak = 1.0f + static_cast<float>(i) / 128.0f;
    const float t = peak / 2688.0f;
    const float s = qfa::e4m3::round(peak / (6.0f * t));
    const float x = 2.5f * (s * t);
    for (int step = -2; step <= 2; ++step) {
      const float near = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) + static_cast<std::uint32_t>(step));
      const float expected = qfa::e2m1::round(near * (1.0f / t / s)) * (s * t);
      CHECK(compressed(row_matrix({peak, near}), nvfp4{nvfp4_convention::torchao}).values.back() == expected);
      const float divided = qfa::e2m1::round(near / (s * t)) * (s * t);
      CHECK(compressed(row_matrix({peak, near}), nvfp4{nvfp4_convention::modelopt}).values.back() == divided);
      unlike_division += expected != divided ? 1U : 0U;
    }
  }
  CHECK(unlike_division > 10);
}

TEST_CASE("scales_of_nvfp4: compressed-tensors divides a block's peak by 6 first, which shows next to a tie of E4M3") {
  std::size_t unlike_product_first = 0;
  for (int i = 0; i < 200; ++i) {
    const float peak = 1.0f + static_cast<float>(i) / 128.0f;
    const float g = 2688.0f / peak;
    const float tie = 1.0625f * 6.0f / g;  // between the block scales 1 and 1.125
    for (int step = -2; step <= 2; ++step) {
      const float near = std::bit_cast<float>(std::bit_cast<std::uint32_t>(tie) + static_cast<std::uint32_t>(step));
      const float divided_first = near / 6.0f, product_first = g * near;
      const float s = qfa::e4m3::round(g * divided_first);
      CHECK(qfa::scales_of_nvfp4<nvfp4_convention::compressed_tensors>(near, peak).divide == s / g);
      unlike_product_first += qfa::e4m3::round(product_first / 6.0f) != s ? 1U : 0U;
    }
  }
  CHECK(unlike_product_first > 10);
}

TEST_CASE("nvfp4: the tensor's scale counts, and so does each block of 16, a short one too") {
  matrix plain = random_matrix(3, 40);
  const matrix a = compressed(plain, nvfp4{});
  plain.view()(1, 20) = 1000.0f;
  const matrix b = compressed(plain, nvfp4{});
  CHECK_FALSE(same_bits(a.view().row(0), b.view().row(0)));
  // A block that holds the matrix's peak is quantized as if it were the matrix.
  for (const nvfp4_convention convention : all_conventions)
    for (const std::size_t first : {0U, 16U, 32U}) {
      CAPTURE(first);
      matrix m = random_matrix(3, 40, 11);
      m.view()(2, first) = 77.0f;
      const auto block = m.view().row(2).subspan(first, first == 32 ? 8 : 16);
      const matrix alone = compressed(row_matrix({block.begin(), block.end()}), nvfp4{convention});
      const matrix whole = compressed(m, nvfp4{convention});
      CHECK(same_bits(whole.view().row(2).subspan(first, block.size()), alone.values));
    }
}

TEST_CASE("nvfp4: odd, monotone, finite at the extremes, the same on any number of threads and in any view") {
  for (const nvfp4_convention convention : all_conventions) {
    CAPTURE(text(convention));
    const nvfp4 policy{convention};
    qfa_test::check_odd(policy);
    qfa_test::check_monotone(policy, 16);
    qfa_test::check_extremes(policy, 0x1p-110f);
    qfa_test::check_in_place(policy, 4, 3);
    qfa_test::check_threads(policy);
    qfa_test::check_refuses_infinities(policy);
  }
}

TEST_CASE("nvfp4: a tensor too small for its scale is refused by name and left alone, zeros are not") {
  for (const nvfp4_convention convention : all_conventions) {
    matrix m = row_matrix({std::nextafter(0x1p-110f, 0.0f), 0.0f});
    const matrix before = m;
    qfa_test::check_refused([&] { nvfp4{convention}(m.view(), {.name = "w"}); },
                            {"no tensor scale", "\"w\"", "2^-110"});
    CHECK(same_bits(m.values, before.values));
    const matrix zeros = row_matrix({0.0f, -0.0f});
    CHECK(same_bits(compressed(zeros, nvfp4{convention}).values, zeros.values));
  }
}

TEST_CASE("nvfp4: stored bits count both levels of scales, and the name its convention") {
  CHECK(nvfp4{}.stored_bits(2, 64) == 2 * 64 * 4.5 + 32);
  CHECK(nvfp4{}.stored_bits(0, 17) == 0.0);
  CHECK(nvfp4{}.stored_bits(3, 0) == 0.0);
  CHECK(nvfp4{}.stored_bits(3, 17) == 3 * 17 * 4 + 3 * 2 * 8 + 32);
  CHECK(nvfp4{}.name() == "nvfp4:convention=modelopt");
  CHECK(nvfp4{nvfp4_convention::torchao}.name() == "nvfp4:convention=torchao");
}

}  // namespace compress_nvfp4_test
