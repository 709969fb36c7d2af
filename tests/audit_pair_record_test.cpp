// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/pair_record.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "scratch.hpp"

namespace audit_pair_record_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

constexpr std::size_t rows = 12, tokens = 4;

struct sides {
  void fill(pair_record& record, std::size_t first, std::size_t last) const {
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
  pair_record record;
  CHECK(std::isnan(record.first_flip_share()));
  record(codes_of(a), codes_of(b), 2);
  CHECK(record.first_flip_share() == 3.0 / 8.0);
}

TEST_CASE("pair_record: neither where blocks are cut nor who takes which groups moves a bit") {
  const sides both;
  pair_record whole;
  both.fill(whole, 0, rows);
  for (std::size_t block = 1; block < rows; ++block) {
    pair_record cut;
    for (std::size_t r = 0; r < rows; r += block)
      both.fill(cut, r, (std::min)(rows, r + block));
    CHECK(cut == whole);
  }
  for (unsigned who = 0; who < 16; ++who) {
    pair_record parts[2];
    for (std::size_t g = 4; g-- > 0;)
      both.fill(parts[who >> g & 1U], 3 * g, 3 * g + 3);
    pair_record merged;
    merged += parts[1];
    merged += parts[0];
    CHECK(merged == whole);
  }
}

TEST_CASE("pair_record: sides of other tokens and parts of rows are refused") {
  pair_record record;
  check_refused([&] { record(sides::codes(0, 2, 0), sides::codes(0, 1, 0), 1); }, {"same tokens"});
  check_refused([&] { record(sides::codes(0, 2, 0), sides::codes(0, 2, 0), 3); }, {"whole rows"});
}

}  // namespace audit_pair_record_test
