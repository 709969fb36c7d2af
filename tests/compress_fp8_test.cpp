// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/fp8.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "number_formats.hpp"

namespace compress_fp8_test {

using qfa::fp8;
using qfa::fp8_format;
using qfa::fp8_granularity;
using qfa::fp8_scale;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

namespace {

constexpr std::array all_formats{fp8_format::e4m3, fp8_format::e5m2, fp8_format::e4m3fnuz, fp8_format::e5m2fnuz};
constexpr std::array all_granularities{fp8_granularity::tensor, fp8_granularity::row, fp8_granularity::group,
                                       fp8_granularity::block};

template <class E>
std::string text(E value) {
  return std::string(names_of(value)[static_cast<std::size_t>(value)]);
}

fp8 quantizer(fp8_format format, fp8_granularity per, std::size_t group = 16) {
  const bool grouped = per == fp8_granularity::group || per == fp8_granularity::block;
  return {.format = format, .per = per, .group = grouped ? group : 128};
}

fp8 fixed(fp8_format format, float scale) { return {.format = format, .scale = fp8_scale::fixed, .fixed = scale}; }

}  // namespace

TEST_CASE("fp8: numpy's bits with the scales of vLLM, for a tensor and for each row") {
  for (const fp8_granularity per : {fp8_granularity::tensor, fp8_granularity::row}) {
    const auto check = [&](const std::string& name, fp8 policy) {
      policy.per = per;
      qfa_test::check_oracle(policy, "fp8." + name + "." + text(per) + ".values");
    };
    check("e4m3", {.format = fp8_format::e4m3});
    check("e5m2", {.format = fp8_format::e5m2});
    check("e4m3fnuz240", {.format = fp8_format::e4m3fnuz});
    check("e4m3fnuz224", {.format = fp8_format::e4m3fnuz, .divisor = 224.0f});
  }
}

TEST_CASE("fp8: numpy's bits with a fixed scale") {
  for (const fp8_format format : all_formats) {
    qfa_test::check_oracle(fixed(format, 1.0f), "fp8." + text(format) + ".one.values");
    qfa_test::check_oracle(fixed(format, 0.0625f), "fp8." + text(format) + ".sixteenth.values");
  }
}

TEST_CASE("fp8: known values") {
  // The scale is 2; halves of 448, 23, 17 and 1 are 448, 11.5, 8.5 and 0.5 steps of one, one, one and a 512th.
  CHECK(compressed(row_matrix({896, 23, -17, 0.001953125f, 1}), fp8{}).values ==
        std::vector<float>{896, 24, -16, 0, 1});
  CHECK(compressed(row_matrix({500, -1e6f, 464, 3}), fixed(fp8_format::e4m3, 1.0f)).values ==
        std::vector<float>{448, -448, 448, 3});
}

TEST_CASE("fp8: the scale of zeros is 1, and they keep their signs") {
  const matrix zeros = row_matrix({0.0f, -0.0f, 0.0f});
  for (const fp8_granularity per : all_granularities) {
    CHECK(same_bits(compressed(zeros, quantizer(fp8_format::e4m3, per)).values, zeros.values));
    CHECK(same_bits(compressed(zeros, quantizer(fp8_format::e4m3fnuz, per)).values, std::vector<float>(3, 0.0f)));
  }
}

TEST_CASE("fp8: a group or a block is quantized as if it were a tensor of its own, short ones at the edges too") {
  const matrix weights = random_matrix(37, 45);
  for (const fp8_format format : all_formats)
    for (const std::size_t height : {1U, 16U}) {
      const matrix whole =
          compressed(weights, quantizer(format, height == 1 ? fp8_granularity::group : fp8_granularity::block));
      for (std::size_t top = 0; top < weights.rows; top += height)
        for (std::size_t left = 0; left < weights.columns; left += 16) {
          matrix tile{
              std::min<std::size_t>(height, weights.rows - top), std::min<std::size_t>(16, weights.columns - left), {}};
          std::vector<float> expected;
          for (std::size_t r = top; r < top + tile.rows; ++r)
            for (std::size_t c = left; c < left + tile.columns; ++c) {
              tile.values.push_back(weights.view()(r, c));
              expected.push_back(whole.view()(r, c));
            }
          CHECK(same_bits(compressed(tile, fp8{.format = format}).values, expected));
        }
    }
}

TEST_CASE("fp8: granularities differ, and one that covers the matrix is the tensor's") {
  const matrix weights = random_matrix(16, 40);
  const auto with = [&](fp8_granularity per, std::size_t group) {
    return compressed(weights, quantizer(fp8_format::e4m3, per, group)).values;
  };
  const auto tensor = with(fp8_granularity::tensor, 0);
  CHECK(same_bits(with(fp8_granularity::block, 40), tensor));
  CHECK(same_bits(with(fp8_granularity::group, 40), with(fp8_granularity::row, 0)));
  CHECK_FALSE(same_bits(with(fp8_granularity::row, 0), tensor));
  CHECK_FALSE(same_bits(with(fp8_granularity::group, 20), with(fp8_granularity::row, 0)));
  CHECK_FALSE(same_bits(with(fp8_granularity::block, 20), with(fp8_granularity::group, 20)));
}

TEST_CASE("fp8: odd, monotone, finite at the extremes, the same on any number of threads and in any view") {
  for (const fp8_format format : all_formats) {
    const bool fnuz = format == fp8_format::e4m3fnuz || format == fp8_format::e5m2fnuz;
    qfa_test::check_extremes(fp8{.format = format});
    qfa_test::check_extremes(fixed(format, 1e-30f));
    qfa_test::check_extremes(fixed(format, 3e38f));
    for (const fp8_granularity per : all_granularities) {
      CAPTURE(text(per));
      qfa_test::check_odd(quantizer(format, per), !fnuz);
      qfa_test::check_monotone(quantizer(format, per, 300), 300);
      qfa_test::check_in_place(quantizer(format, per, 7), 4, 3);
    }
  }
  for (const fp8_granularity per : all_granularities) {
    qfa_test::check_threads(quantizer(fp8_format::e4m3, per));
    qfa_test::check_refuses_infinities(quantizer(fp8_format::e4m3, per));
  }
}

TEST_CASE("fp8: quantizing twice adds nothing where the scale is a power of two") {
  for (const fp8_format format : all_formats)
    for (const float scale : {1.0f, 0.03125f}) {
      const matrix once = compressed(random_matrix(9, 64), fixed(format, scale));
      CHECK(same_bits(compressed(once, fixed(format, scale)).values, once.values));
    }
}

TEST_CASE("fp8: the relative error of normal numbers stays within half a step") {
  // The worst lies just above a power of two: half of 1/8 in 1 + 1/16 for E4M3, half of 1/4 in 1 + 1/8 for E5M2.
  const matrix weights = random_matrix(4, 500);
  for (const auto& [format, bound, normal] : {std::tuple{fp8_format::e4m3, 1.0f / 17.0f, 0x1p-6f / 448.0f},
                                              std::tuple{fp8_format::e5m2, 1.0f / 9.0f, 0x1p-14f / 57344.0f}}) {
    const matrix q = compressed(weights, fp8{.format = format});
    const float peak = qfa::absmax(weights.values);
    float worst = 0.0f;
    for (std::size_t i = 0; i < q.values.size(); ++i)
      if (std::fabs(weights.values[i]) >= normal * peak)
        worst = std::fmax(worst, std::fabs(q.values[i] / weights.values[i] - 1.0f));
    CHECK(worst <= bound * 1.0001f);
    CHECK(worst > bound * 0.9f);
  }
}

TEST_CASE("fp8: without saturation what leaves the format is refused, and nothing has changed") {
  fp8 plain = fixed(fp8_format::e4m3, 1.0f);
  plain.saturate = false;
  CHECK(compressed(row_matrix({464, 1}), plain).values == std::vector<float>{448, 1});
  matrix m{2, 2, {1.03f, 2, 3, -465}};
  const matrix before = m;
  check_refused([&] { plain(m.view(), {.name = "w"}); },
                {"does not saturate", "465", "row 0", "\"w\"", "beyond the largest number of e4m3", "448"});
  CHECK(same_bits(m.values, before.values));
  plain.format = fp8_format::e5m2;
  CHECK(compressed(row_matrix({61439}), plain).values == std::vector<float>{57344});
  check_refused([&] { compressed(row_matrix({61440}), plain); }, {"61440", "e5m2", "57344"});
  // A scale from absmax keeps everything within, unless the divisor is beyond the format.
  const matrix weights = random_matrix(30, 40);
  CHECK(same_bits(compressed(weights, fp8{.per = fp8_granularity::row, .saturate = false}).values,
                  compressed(weights, fp8{.per = fp8_granularity::row}).values));
  matrix late = random_matrix(3, 4);
  check_refused([&] { fp8{.per = fp8_granularity::row, .divisor = 500, .saturate = false}(late.view()); },
                {"does not saturate", "e4m3"});
  // The sentence says where: of three blocks of two columns and two rows of them, the fourth block overflows.
  matrix below{4, 6, std::vector<float>(24, 0.0f)};
  below.view()(3, 1) = 1.0f;
  const fp8 blocks{.per = fp8_granularity::block, .group = 2, .divisor = 500, .saturate = false};
  check_refused([&] { blocks(below.view()); }, {"magnitude 1 ", "in or below row 2 ", "scale 0.002 "});
}

TEST_CASE("fp8: members that mean nothing together are refused") {
  const auto refused = [](const fp8& policy, std::initializer_list<std::string_view> parts) {
    matrix m = random_matrix(2, 4);
    check_refused([&] { policy(m.view()); }, parts);
  };
  refused({.per = fp8_granularity::group, .group = 0}, {"group", "at least one"});
  refused({.group = 64}, {"group=64", "per=group"});
  for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::nanf("")})
    refused(fixed(fp8_format::e4m3, bad), {"fixed", "positive"});
  for (const float bad : {0.5f, -448.0f, std::numeric_limits<float>::infinity(), std::nanf("")})
    refused({.divisor = bad}, {"divisor", "at least 1"});
  refused({.per = fp8_granularity::row, .scale = fp8_scale::fixed}, {"per", "scale=absmax"});
  refused({.scale = fp8_scale::fixed, .divisor = 448}, {"divisor", "scale=absmax"});
  refused({.fixed = 2.0f}, {"fixed", "scale=fixed"});
}

TEST_CASE("fp8: stored bits count a byte a weight and 32 bits for each scale") {
  CHECK(fp8{}.stored_bits(3, 10) == 240 + 32);
  CHECK(fp8{.per = fp8_granularity::row}.stored_bits(3, 10) == 240 + 3 * 32);
  CHECK(fp8{.per = fp8_granularity::group, .group = 4}.stored_bits(3, 10) == 240 + 9 * 32);
  CHECK(fp8{.per = fp8_granularity::block, .group = 2}.stored_bits(3, 10) == 240 + 10 * 32);
  CHECK(fixed(fp8_format::e4m3, 1.0f).stored_bits(3, 10) == 240);
  CHECK(fp8{}.stored_bits(0, 10) == 0);
}

TEST_CASE("fp8: it says what it is, defaults left out") {
  CHECK(fp8{}.name() == "fp8:format=e4m3");
  CHECK(fp8{.format = fp8_format::e4m3fnuz, .per = fp8_granularity::block, .group = 64, .divisor = 224}.name() ==
        "fp8:format=e4m3fnuz,per=block,group=64,divisor=224");
  CHECK(fp8{.scale = fp8_scale::fixed, .fixed = 0.5f, .saturate = false}.name() ==
        "fp8:format=e4m3,scale=fixed,fixed=0.5,saturate=false");
}

}  // namespace compress_fp8_test
