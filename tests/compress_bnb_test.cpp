// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/bnb.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "number_formats.hpp"

namespace compress_bnb_test {

using qfa::bnb_fp4;
using qfa::nf4;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

namespace {

/// The 4-bit codes of a matrix whose rows are whole blocks of 64.
template <class Book>
std::vector<std::uint8_t> codes_of(const matrix& weights) {
  std::vector<std::uint8_t> codes;
  for (std::size_t first = 0; first < weights.values.size(); first += 64) {
    const auto block = std::span(weights.values).subspan(first, 64);
    const float inverse = qfa::reciprocal_or_zero(qfa::absmax(block));
    for (const float w : block)
      codes.push_back(Book::code(w * inverse));
  }
  return codes;
}

template <class Book>
void check_book(const std::string& name) {
  const std::vector<float> levels = qfa_test::number_floats(name + ".levels");
  REQUIRE(levels.size() == 16);
  for (std::uint8_t code = 0; code < 16; ++code) {
    CAPTURE(code);
    CHECK(same_bits(std::vector{Book::decode(code)}, std::vector{levels[code]}));
    if (levels[code] != 0.0f || !std::signbit(levels[code])) CHECK(Book::code(levels[code]) == code);
  }
  for (const float x : random_matrix(1, 2000).values)
    CHECK(same_bits(std::vector{Book::round(x)}, std::vector{Book::decode(Book::code(x))}));
  CHECK(codes_of<Book>(qfa_test::number_matrix("weights")) == qfa_test::number_codes(name + ".codes"));
}

}  // namespace

TEST_CASE("bnb: levels and codes are numpy's, and every level keeps its code") {
  check_book<qfa::nf4_book>("nf4");
  check_book<qfa::fp4_book>("fp4");
}

TEST_CASE("bnb: values are numpy's bits, with and without double quantization") {
  qfa_test::check_oracle(nf4{}, "nf4.values");
  qfa_test::check_oracle(nf4{.double_quantized = true}, "nf4.double.values");
  qfa_test::check_oracle(bnb_fp4{}, "fp4.values");
  qfa_test::check_oracle(bnb_fp4{.double_quantized = true}, "fp4.double.values");
}

TEST_CASE("nf4_book: thresholds are the midpoints to seven digits, and a weight on one goes to the lower level") {
  constexpr auto& table = qfa::nf4_book::table;
  // As printed, once more: a last digit decides about no weight of the oracle.
  CHECK(table.thresholds == std::array{-.8480964f, -.6106329f, -.4599953f, -.3396794f, -.2346074f, -.1379117f,
                                       -.0455250f, .0397901f, .1202553f, .2035213f, .2920138f, .3893125f, .5016634f,
                                       .6427869f, .8614784f});
  for (std::size_t i = 0; i + 1 < 16; ++i) {
    CAPTURE(i);
    CHECK(std::fabs(table.thresholds[i] - (table.levels[i] + table.levels[i + 1]) / 2.0f) < 1.2e-7f);
    CHECK(qfa::nf4_book::code(table.thresholds[i]) == i);
    CHECK(qfa::nf4_book::code(std::nextafter(table.thresholds[i], 2.0f)) == i + 1);
  }
}

TEST_CASE("fp4_book: thresholds are those printed, and a weight on one goes toward zero") {
  constexpr auto& table = qfa::fp4_book::magnitudes;
  CHECK(table.thresholds == std::array{.00260417f, .0859375f, .20833333f, .29166667f, .4166667f, .583333f, .8333333f});
  for (std::size_t i = 0; i + 1 < 8; ++i) {
    CAPTURE(i);
    CHECK(std::fabs(table.thresholds[i] - (table.levels[i] + table.levels[i + 1]) / 2.0f) < 4e-7f);
    for (const float sign : {1.0f, -1.0f}) {
      const float t = table.thresholds[i];
      CHECK(qfa::fp4_book::decode(qfa::fp4_book::code(sign * t)) == sign * table.levels[i]);
      CHECK(qfa::fp4_book::decode(qfa::fp4_book::code(sign * std::nextafter(t, 2.0f))) == sign * table.levels[i + 1]);
    }
  }
  // Seven twelfths would be a midpoint; the sources print .583333, which lies below.
  CHECK(qfa::fp4_book::decode(qfa::fp4_book::code(0.5833332f)) == table.levels[6]);
}

TEST_CASE("bnb: known values") {
  // Of a peak of 2: NF4's level 0.4407 takes 0.9, and its thresholds are at 0.4195 and 0.5017.
  const std::vector<float> q = compressed(row_matrix({-2, 0.9f, 0, 1.7f}), nf4{}).values;
  CHECK(q == std::vector<float>{-2, 2 * 0.44070982933044434f, 0, 2 * 0.7229568362236023f});
  CHECK(compressed(row_matrix({12, -7.5f, 5.5f, 0.5f}), bnb_fp4{}).values == std::vector<float>{12, -8, 6, 0.0625f});
}

TEST_CASE("bnb: blocks run on from row to row") {
  for (const bool twice : {false, true}) {
    CAPTURE(twice);
    matrix tall = random_matrix(30, 24);
    matrix flat = row_matrix(tall.values);
    for (const std::size_t block : {32U, 64U, 256U}) {
      CHECK(same_bits(compressed(tall, nf4{block, twice}).values, compressed(flat, nf4{block, twice}).values));
      CHECK(same_bits(compressed(tall, bnb_fp4{block, twice}).values, compressed(flat, bnb_fp4{block, twice}).values));
    }
    CHECK_FALSE(same_bits(compressed(tall, nf4{32, twice}).values, compressed(tall, nf4{64, twice}).values));
  }
}

TEST_CASE("bnb: a block is quantized as if it were a matrix of its own, a short last one too") {
  const matrix weights = random_matrix(5, 33);
  const matrix whole = compressed(weights, nf4{});
  for (const std::size_t first : {0U, 64U, 128U}) {
    const auto block = std::span(weights.values).subspan(first, first == 128 ? 37 : 64);
    CHECK(same_bits(compressed(row_matrix({block.begin(), block.end()}), nf4{}).values,
                    std::span(whole.values).subspan(first, block.size())));
  }
}

TEST_CASE("bnb: quantizing twice adds nothing, and double quantization moves scales by a little") {
  const matrix weights = random_matrix(40, 100);
  const matrix once = compressed(weights, nf4{});
  CHECK(same_bits(compressed(once, nf4{}).values, once.values));
  const matrix fp4_once = compressed(weights, bnb_fp4{});
  CHECK(compressed(fp4_once, bnb_fp4{}).values == fp4_once.values);
  const matrix twice = compressed(weights, nf4{.double_quantized = true});
  const float peak = qfa::absmax(weights.values);  // no scale is further than that from the mean
  std::size_t moved = 0;
  for (std::size_t i = 0; i < once.values.size(); ++i) {
    moved += once.values[i] != twice.values[i] ? 1U : 0U;
    CHECK(std::fabs(once.values[i] - twice.values[i]) <= 0.00704f * peak);  // half the map's widest gap
  }
  CHECK(moved > 1000);
}

TEST_CASE("bnb: FP4 is odd, both are monotone, finite at the extremes, the same on any threads and in any view") {
  qfa_test::check_odd(bnb_fp4{}, false);
  for (const bool twice : {false, true}) {
    CAPTURE(twice);
    qfa_test::check_monotone(nf4{64, twice}, 64);
    qfa_test::check_monotone(bnb_fp4{64, twice}, 64);
    qfa_test::check_extremes(nf4{64, twice});
    qfa_test::check_extremes(bnb_fp4{64, twice});
    qfa_test::check_in_place(nf4{32, twice}, 4, 3);
    qfa_test::check_in_place(bnb_fp4{64, twice}, 4, 3);
    qfa_test::check_threads(nf4{64, twice});
    qfa_test::check_threads(bnb_fp4{512, twice});
    qfa_test::check_refuses_infinities(nf4{64, twice});
    qfa_test::check_refuses_infinities(bnb_fp4{64, twice});
  }
}

TEST_CASE("bnb: a block of zeros becomes positive zeros") {
  const matrix zeros = row_matrix({0.0f, -0.0f});
  CHECK(same_bits(compressed(zeros, nf4{}).values, std::vector<float>{0.0f, 0.0f}));
  CHECK(same_bits(compressed(zeros, bnb_fp4{}).values, std::vector<float>{0.0f, 0.0f}));
}

TEST_CASE("bnb: blocks that bitsandbytes does not have are refused") {
  matrix m = random_matrix(2, 4);
  for (const std::size_t bad : {0U, 16U, 63U, 96U, 8192U}) {
    qfa_test::check_refused([&] { nf4{bad}(m.view()); }, {"nf4's block", "32 to 4096", std::to_string(bad)});
    qfa_test::check_refused([&] { bnb_fp4{bad}(m.view()); }, {"bnb_fp4's block", "32 to 4096", std::to_string(bad)});
  }
  for (const std::size_t good : {32U, 4096U})
    CHECK(compressed(m, nf4{good}).values.size() == 8);
}

TEST_CASE("bnb: stored bits are 4.5 and about 4.127 a weight, and names leave defaults out") {
  CHECK(nf4{}.stored_bits(64, 256) == 64 * 256 * 4.5);
  CHECK(nf4{.double_quantized = true}.stored_bits(64, 256) == 64 * 256 * (4 + 8.0 / 64 + 32.0 / (64 * 256)) + 32);
  CHECK(bnb_fp4{}.stored_bits(3, 33) == 3 * 33 * 4 + 2 * 32);
  CHECK(nf4{}.name() == "nf4:block=64");
  CHECK(bnb_fp4{128, true}.name() == "bnb_fp4:block=128,double=true");
}

}  // namespace compress_bnb_test
