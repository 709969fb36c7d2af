// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/pair_record.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "scratch.hpp"

namespace audit_pair_record_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

constexpr std::size_t rows = 12, tokens = 4, d = 5;

float value(std::size_t i, std::size_t seed) { return std::sin(static_cast<float>(i * (seed + 3))) * 3.0f; }

struct sides {
  std::vector<float> reference, compressed;
  sides() {
    for (std::size_t i = 0; i < rows * tokens * d; ++i) {
      reference.push_back(value(i, 1));
      compressed.push_back(reference.back() + 0.1f * value(i, 2));
    }
  }
  /// Rows [first, last) of four groups of three rows.
  void fill(pair_record& record, std::size_t first, std::size_t last) const {
    std::vector<std::uint32_t> groups;
    for (std::size_t r = first; r < last; ++r)
      groups.push_back(static_cast<std::uint32_t>(r / 3));
    const auto part = [&](const std::vector<float>& x) {
      return matrix_view<const float>(x.data() + first * tokens * d, (last - first) * tokens, d);
    };
    record.measure_shift(part(reference), part(compressed), groups);
    record(codes(first, last, 0), codes(first, last, 1), last - first);
  }
  static sparse_codes codes(std::size_t first, std::size_t last, std::size_t side) {
    sparse_codes out(10);
    for (std::size_t t = first * tokens; t < last * tokens; ++t) {
      for (std::uint32_t f = 0; f < 10; ++f)
        if ((t * 7 + f * 5 + side * f * t) % 3 == 0) out.push(f, 1.0f);
      out.end_token();
    }
    return out;
  }
};

}  // namespace

TEST_CASE("pair_record: firings that came or went, the first position's share of them") {
  // Two rows of two tokens: flips 3, 1, 0 and 4.
  const std::vector<std::vector<std::uint32_t>> a{{0, 1, 4}, {2}, {}, {1, 3}}, b{{4, 5}, {2, 3}, {}, {2, 4}};
  const auto codes_of = [](const std::vector<std::vector<std::uint32_t>>& lists) {
    sparse_codes out(6);
    for (const auto& list : lists)
      out.append_token(list, std::vector<float>(list.size(), 1.0f));
    return out;
  };
  pair_record record(1);
  CHECK(std::isnan(record.first_flip_share()));
  record(codes_of(a), codes_of(b), 2);
  CHECK(record.first_flip_share() == 3.0 / 8.0);
}

TEST_CASE("pair_record: how far activations move, and what a bias would undo") {
  // Two rows of two tokens, two wide; D is (3, 4), (0, 1), (0, 0), (1, 0).
  const std::vector<float> a{1, 1, 2, 2, 3, 3, 4, 4}, b{4, 5, 2, 3, 3, 3, 5, 4};
  pair_record record(2);
  CHECK(std::isnan(record.first_shift_share()));
  const std::vector<std::uint32_t> groups{0, 1};
  record.measure_shift({a.data(), 4, 2}, {b.data(), 4, 2}, groups);
  CHECK(record.first_shift_share() == 25.0 / 27.0);
  const activation_shift shift = record.shift(4, 60.0);
  CHECK(shift.energy == 27.0 / 4.0);
  CHECK(shift.relative == 27.0 / 60.0);
  CHECK(shift.mean_shift_share == doctest::Approx((1.0 + 25.0 / 16.0) / (27.0 / 4.0)).epsilon(1e-15));
}

TEST_CASE("pair_record: neither where blocks are cut nor who takes which groups moves a bit") {
  const sides both;
  pair_record whole(4);
  both.fill(whole, 0, rows);
  for (std::size_t block = 1; block < rows; ++block) {
    pair_record cut(4);
    for (std::size_t r = 0; r < rows; r += block)
      both.fill(cut, r, (std::min)(rows, r + block));
    CHECK(cut == whole);
  }
  for (unsigned who = 0; who < 16; ++who) {
    pair_record parts[2]{pair_record(4), pair_record(4)};
    for (std::size_t g = 4; g-- > 0;)
      both.fill(parts[who >> g & 1U], 3 * g, 3 * g + 3);
    pair_record merged;
    merged += parts[1];
    merged += parts[0];
    CHECK(merged == whole);
    CHECK(merged.shift(48, 1.0).energy == whole.shift(48, 1.0).energy);
  }
}

TEST_CASE("pair_record: sides of other tokens and parts of rows are refused") {
  const sides both;
  pair_record record(4);
  const auto x = matrix_view<const float>(both.reference.data(), 8, d);
  const std::vector<std::uint32_t> groups{0, 0, 0};
  check_refused([&] { record.measure_shift(x, x, groups); }, {"whole rows"});
  check_refused([&] { record.measure_shift(x, x.rows_between(0, 6), groups); }, {"same tokens"});
  check_refused([&] { record(sides::codes(0, 2, 0), sides::codes(0, 1, 0), 1); }, {"same tokens"});
  check_refused([&] { record(sides::codes(0, 2, 0), sides::codes(0, 2, 0), 3); }, {"whole rows"});
}

}  // namespace audit_pair_record_test
