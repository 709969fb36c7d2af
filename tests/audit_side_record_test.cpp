// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/side_record.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "audit_made_up.hpp"
#include "laws.hpp"
#include "qfa/core/parallel.hpp"
#include "scratch.hpp"

namespace audit_side_record_test {

using namespace qfa;
using namespace qfa_test;

namespace {

using batch = std::tuple<matrix_view<const float>, matrix_view<const float>, sparse_codes, std::vector<std::uint32_t>>;

/// Rows of 5 tokens, 9 wide, what they might be decoded to, codes of 7 features.
struct made_up {
  std::size_t rows;
  std::vector<float> x, decoded;

  explicit made_up(std::size_t count) : rows(count), x(random_activations(count * 5, 9)), decoded(shaken(x, 0.4f)) {}

  /// Rows [first, last), of a group each where `apart`, else of group 0.
  batch part(std::size_t first, std::size_t last, bool apart = false) const {
    const auto view = [&](const std::vector<float>& v) {
      return matrix_view<const float>(v.data() + first * 45, (last - first) * 5, 9);
    };
    sparse_codes codes(7);
    std::vector<std::uint32_t> groups;
    for (std::size_t r = first; r < last; ++r) {
      groups.push_back(apart ? static_cast<std::uint32_t>(r) : 0);
      for (std::size_t t = 0; t < 5; ++t) {
        codes.push(static_cast<std::uint32_t>((r + t) % 4), 1.0f);
        codes.end_token();
      }
    }
    return {view(x), view(decoded), codes, groups};
  }
};

}  // namespace

TEST_CASE("side_record: the first position of each row is told apart from the others") {
  // 2 rows of 3 tokens, 2 wide: norms 5 at the first positions, 1 elsewhere.
  const std::vector<float> x{3, 4, 1, 0, 0, 1, 4, 3, 0, -1, -1, 0};
  std::vector<float> y = x;
  y[0] = 2.0f;  // decoded one off at the first token
  sparse_codes codes(3);
  for (int t = 0; t < 6; ++t) {
    codes.push(0, 1.0f);
    if (t == 3) codes.push(2, 1.0f);
    codes.end_token();
  }
  side_record record(1);
  const std::vector<std::uint32_t> groups{0, 0};
  record({x.data(), 6, 2}, {y.data(), 6, 2}, codes, groups);
  const first_position first = record.first(4);
  CHECK(first.position == 4);
  CHECK(first.norm == doctest::Approx(5.0));
  CHECK(first.norm_elsewhere == doctest::Approx(1.0));
  CHECK(first.fvu == doctest::Approx(1.0));  // a residual of 1, and 4 x 0.5^2 around the mean (3.5, 3.5)
  CHECK(std::isnan(first.flip_share));
  CHECK(std::isnan(first.norm_at_0));  // left out, and not known
  CHECK(record.first(0).norm_at_0 == doctest::Approx(5.0));
  const std::vector<float> zero{6, 8, 0, 20};
  record.left_out({zero.data(), 2, 2}, groups);
  CHECK(record.first(4).norm_at_0 == 15.0);
  CHECK(record.first(4).norm == doctest::Approx(5.0));
  CHECK(record.first(0).norm_at_0 == doctest::Approx(5.0));
  side_record again(1);
  again.left_out({zero.data(), 1, 2}, std::vector<std::uint32_t>{0});
  again += record;
  CHECK(again.first(4).norm_at_0 == doctest::Approx(40.0 / 3.0));
  check_refused([&] { record.left_out({zero.data(), 1, 2}, groups); }, {"group of each row"});
  CHECK(record.energies()[0] == doctest::Approx(54.0));
  // Squares around the mean (7/6, 7/6): 54 - 6 x 2 x 49/36.
  CHECK(record.fit().fvu == doctest::Approx(1.0 / (54.0 - 49.0 / 3.0)));
  CHECK(record.fit().explained_variance == doctest::Approx(1.0 - record.fit().fvu));
  CHECK(record.fit().l0 == doctest::Approx(7.0 / 6.0));
  CHECK(record.fit().dead_share == doctest::Approx(1.0 / 3.0));
  // The legacy form's batch is the row; only the first token is not decoded exactly, and its row's mean is (4/3, 5/3).
  CHECK(record.fit().explained_variance_legacy == doctest::Approx(1.0 - 1.0 / (25.0 / 9.0 + 49.0 / 9.0) / 6.0));
}

TEST_CASE("side_record: FVU's interval is on log, of the jackknife over groups, as numpy and scipy have it") {
  // FVU about the mean of the rows that are left, without each pair of rows in turn; se of its log, about that of the
  // whole; t.ppf(.975, 7).
  const std::vector<float> x{1, 2, 3, 0, 2, 5, 4, 1, 0, 3, 6, 2, 5, 5, 1, 1,
                             2, 7, 3, 3, 8, 0, 1, 4, 0, 0, 4, 6, 7, 2, 2, 2};
  const std::vector<float> off{0.5f, 0, 1, 0.25f, 0, 2, 0.5f, 1, 0, 0.75f, 1.5f, 0, 0.25f, 1, 0.5f, 2};
  std::vector<float> y = x;
  std::vector<std::uint32_t> groups(16);
  sparse_codes codes(1);
  for (std::uint32_t t = 0; t < 16; ++t) {
    y[2 * t + t % 2] += off[t];
    groups[t] = t / 2;
    codes.end_token();
  }
  side_record record(8);
  record({x.data(), 16, 2}, {y.data(), 16, 2}, codes, groups);
  const estimate found = record.fvu();
  CHECK(found.value == doctest::Approx(0.09158222915042868).epsilon(1e-12));
  CHECK(found.range.scale == interval_scale::log);
  CHECK(found.range.scale_error == doctest::Approx(0.33584520172628424).epsilon(1e-12));
  CHECK(found.range.lower == doctest::Approx(0.04139207922103686).epsilon(1e-9));
  CHECK(found.range.upper == doctest::Approx(0.20263066881402075).epsilon(1e-9));
}

TEST_CASE("side_record: neither where blocks are cut nor threads move a bit, and groups merge without rounding") {
  const made_up rows(12);
  for (const bool apart : {false, true}) {
    std::vector<batch> stream;
    for (std::size_t r = 0; r < rows.rows; ++r)
      stream.push_back(rows.part(r, r + 1, apart));
    side_record one_by_one(12);
    for (const batch& b : stream)
      std::apply(one_by_one, b);
    const std::size_t before = thread_count();
    for (const std::size_t threads : {1U, 3U}) {
      set_thread_count(threads);
      for (std::size_t cut = 1; cut < rows.rows; ++cut) {
        side_record two(12);
        std::apply(two, rows.part(0, cut, apart));
        std::apply(two, rows.part(cut, rows.rows, apart));
        CHECK(two == one_by_one);
      }
    }
    set_thread_count(before);
    if (apart) check_merge_laws<side_record>(stream, side_record(12));  // exactly: a group belongs to one part
  }
}

TEST_CASE("side_record: rows in parts and codes of other tokens are refused") {
  const made_up rows(2);
  auto [x, decoded, codes, groups] = rows.part(0, 2);
  side_record record(1);
  CHECK_THROWS_AS(record(x, decoded, codes, std::vector<std::uint32_t>(3)), error);
  CHECK_THROWS_AS(record(x, decoded, codes, std::vector<std::uint32_t>{}), error);
  CHECK_THROWS_AS(record(x, decoded, sparse_codes(7), groups), error);
  side_record other(2);
  check_refused([&] { other += side_record(3); }, {"groups"});
}

}  // namespace audit_side_record_test
