// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/token_record.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/io/archive.hpp"
#include "scratch.hpp"

namespace audit_token_record_test {

using namespace qfa;

namespace {

constexpr std::size_t rows = 40, length = 6;

std::vector<token_damage> tokens_of(std::size_t first, std::size_t last) {
  std::vector<token_damage> out;
  for (std::size_t i = first * length; i < last * length; ++i) {
    const auto wave = [&](double speed) { return 0.5 + 0.5 * std::sin(speed * static_cast<double>(i)); };
    out.push_back({.cosine = i % 11 == 0 ? token_damage::undefined : wave(1.1),
                   .jaccard = wave(1.7),
                   .relative_shift = wave(0.3),
                   .kl = wave(2.3),
                   .entropy = 4.0 * wave(0.9),
                   .top_probability = wave(0.7),
                   .position = i % length,
                   .frequency = 1 + i % 90});
  }
  return out;
}

std::vector<std::byte> bytes_of(const token_record& record) {
  archive_writer out("tokens", 1);
  out(record);
  return std::move(out).finish();
}

token_record filled(std::size_t block, std::size_t most) {
  token_record out(row_groups(rows), length, most);
  for (std::size_t r = 0; r < rows; r += block) {
    const std::size_t last = (std::min)(rows, r + block);
    out(r, last - r, tokens_of(r, last));
  }
  return out;
}

}  // namespace

TEST_CASE("token buckets: powers of two, and edges that belong to the bucket they begin") {
  const auto bucket = [](token_sort by, token_damage token) { return bucket_of(by, token); };
  for (const auto& [x, expected] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, 0}, {1, 1}, {2, 2}, {3, 2}, {4, 3}, {7, 3}, {8, 4}, {std::size_t{1} << 50, 39}}) {
    CHECK(bucket(token_sort::position, {.position = x}) == expected);
    CHECK(bucket(token_sort::frequency, {.frequency = x}) == expected);
  }
  for (const auto& [x, expected] :
       std::vector<std::pair<double, std::size_t>>{{0.0, 0}, {0.49, 0}, {0.5, 1}, {2.0, 3}, {3.0, 4}, {9.0, 4}})
    CHECK(bucket(token_sort::entropy, {.entropy = x}) == expected);
  for (const auto& [x, expected] : std::vector<std::pair<double, std::size_t>>{
           {0.0, 0}, {0.25, 1}, {0.5, 2}, {0.75, 3}, {0.949, 3}, {0.95, 4}, {1.0, 4}})
    CHECK(bucket(token_sort::top_probability, {.top_probability = x}) == expected);
  using bounds = std::array<double, 2>;
  CHECK(bucket_bounds(token_sort::position, 0) == bounds{0.0, 1.0});
  CHECK(bucket_bounds(token_sort::position, 3) == bounds{4.0, 8.0});
  CHECK(bucket_bounds(token_sort::entropy, 4) == bounds{3.0, std::numeric_limits<double>::infinity()});
  CHECK(bucket_bounds(token_sort::top_probability, 4) == bounds{0.95, 1.0});
}

TEST_CASE("token_record: sums of each bucket, and the tokens of every so many rows") {
  const token_record record = filled(rows, 60);  // 240 tokens, of which every fourth row's are kept
  CHECK(record.stride() == 4);
  const auto all = tokens_of(0, rows);
  const row_groups groups(rows);
  std::size_t kept = 0;
  for (std::size_t g = 0; g < groups.groups(); ++g) {
    token_sums expected;
    std::size_t ranked = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (groups.group_of(i / length) != g) continue;
      if (all[i].top_probability >= 0.25 && all[i].top_probability < 0.5) expected(all[i]);
      if (i / length % 4 != 0) continue;
      const ranked_token& token = record.ranked(g)[ranked++];
      CHECK(token.kl == static_cast<float>(all[i].kl));
      CHECK(token.jaccard == static_cast<float>(all[i].jaccard));
      CHECK(token.relative_shift == static_cast<float>(all[i].relative_shift));
      CHECK(std::isnan(token.turn) == std::isnan(all[i].cosine));
      if (i % 11 != 0) CHECK(token.turn == static_cast<float>(1.0 - all[i].cosine));
    }
    CHECK(record.sums(token_sort::top_probability, 1, g) == expected);
    CHECK(record.ranked(g).size() == ranked);
    kept += ranked;
  }
  CHECK(kept == 60);
  CHECK(token_record(row_groups(rows), length).stride() == 1);
  CHECK(filled(rows, 240).stride() == 1);
  CHECK(filled(rows, 239).stride() == 2);
}

TEST_CASE("token_record: neither where blocks are cut nor who takes which groups moves a bit") {
  const auto whole = bytes_of(filled(rows, 100));
  for (const std::size_t block : {1U, 3U, 7U, 39U})
    CHECK(bytes_of(filled(block, 100)) == whole);
  const row_groups groups(rows);
  token_record merged;
  for (const std::size_t first : {4U, 8U, 0U}) {  // groups 4 to 7, 8 and 9, then the first four
    const std::size_t last = first == 8 ? 10 : first + 4;
    token_record part(groups, length, 100);
    const std::size_t from = groups.first_row_of(first), to = groups.first_row_of(last);
    part(from, to - from, tokens_of(from, to));
    merged += part;
  }
  merged += token_record();
  CHECK(bytes_of(merged) == whole);
  archive_reader in(whole, "tokens", 1, "the tokens");
  token_record back;
  in(back);
  CHECK(bytes_of(back) == whole);
}

TEST_CASE("token_record: parts of rows, and records of other rows, are refused") {
  token_record record(row_groups(rows), length);
  const auto tokens = tokens_of(0, 2);
  qfa_test::check_refused([&] { record(0, 5, tokens); }, {"whole rows"});
  qfa_test::check_refused([&] { record(rows - 1, 2, tokens); }, {"whole rows"});
  qfa_test::check_refused([&] { record += token_record(row_groups(rows), length, 10); }, {"the same rows"});
}

}  // namespace audit_token_record_test
