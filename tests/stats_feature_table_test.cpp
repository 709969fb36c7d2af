// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/feature_table.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "laws.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/archive.hpp"

namespace stats_feature_table_test {

namespace {

constexpr std::size_t width = 300;  // five blocks of 64, the last one ragged
constexpr std::size_t rows = 96;
constexpr std::size_t row_tokens = 10;

struct stream {
  qfa::sparse_codes reference{width};
  qfa::sparse_codes compressed{width};
  std::vector<std::uint32_t> groups;

  std::size_t tokens() const { return groups.size(); }
};

/// Codes of one token for both sides: rates fall with the feature's number, the last ten never fire.
void add_token(stream& s, std::mt19937_64& random) {
  std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
  for (std::uint32_t f = 0; f < width; ++f) {
    const float rate = f >= width - 10 ? 0.0f : f == 64 ? 1.0f : 0.3f / (1.0f + 0.05f * static_cast<float>(f));
    const bool fires = uniform(random) < rate;
    const float x = uniform(random) + 0.01f;
    const float shift = 0.3f * uniform(random);
    if (fires) s.reference.push(f, x);
    const float fate = uniform(random);
    if (fires ? fate > 0.1f : fate < 0.1f * rate) s.compressed.push(f, x + shift);
  }
  s.reference.end_token();
  s.compressed.end_token();
}

const stream& everything() {
  static const stream all = [] {
    stream s;
    std::mt19937_64 random(11);
    s.groups = qfa::row_groups(rows).of_tokens(0, rows, row_tokens);
    for (std::size_t t = 0; t < s.groups.size(); ++t)
      add_token(s, random);
    return s;
  }();
  return all;
}

void copy_token(const qfa::sparse_codes& from, std::size_t t, qfa::sparse_codes& to) {
  for (std::size_t i = 0; i < from[t].features.size(); ++i)
    to.push(from[t].features[i], from[t].values[i]);
  to.end_token();
}

/// Tokens [first, last) as a stream of their own.
stream part(const stream& s, std::size_t first, std::size_t last) {
  stream out;
  for (std::size_t t = first; t < last; ++t) {
    copy_token(s.reference, t, out.reference);
    copy_token(s.compressed, t, out.compressed);
    out.groups.push_back(s.groups[t]);
  }
  return out;
}

void add(qfa::feature_table& table, const stream& s) { table(s.reference, s.compressed, s.groups); }

qfa::feature_table empty_table() { return {width, qfa::row_groups(rows).groups()}; }

qfa::feature_table filled(const stream& s) {
  qfa::feature_table table = empty_table();
  add(table, s);
  return table;
}

bool close_sums(const qfa::comoments& a, const qfa::comoments& b) {
  using qfa_test::close;
  return a.count == b.count && close(a.mean_x, b.mean_x) && close(a.mean_y, b.mean_y) && close(a.xx, b.xx) &&
         close(a.yy, b.yy) && close(a.xy, b.xy);
}

/// Counts and extremes to the bit, sums up to rounding.
bool close(const qfa::feature_table& a, const qfa::feature_table& b) {
  using qfa_test::close;
  if (a.width() != b.width() || a.groups() != b.groups()) return false;
  for (std::size_t g = 0; g < a.groups(); ++g) {
    if (a.tokens(g) != b.tokens(g)) return false;
    for (std::size_t f = 0; f < a.width(); ++f) {
      const qfa::feature_cell &p = a.cell(f, g), &q = b.cell(f, g);
      if (p.reference_firings != q.reference_firings || p.reference_max != q.reference_max ||
          p.compressed_max != q.compressed_max || !close_sums(p.either, q.either) || !close_sums(p.both, q.both) ||
          !close(p.lost_mass, q.lost_mass) || !close(p.ghost_mass, q.ghost_mass) ||
          !close(p.flip_energy, q.flip_energy) || !close(p.on_energy, q.on_energy))
        return false;
    }
  }
  return true;
}

float value_of(const qfa::sparse_codes::token& token, std::size_t feature) {
  for (std::size_t i = 0; i < token.features.size(); ++i)
    if (token.features[i] == feature) return token.values[i];
  return 0.0f;
}

}  // namespace

TEST_CASE("feature_table: every cell equals one that was fed densely, to the bit") {
  const stream& s = everything();
  const qfa::feature_table table = filled(s);
  for (std::size_t f = 0; f < width; ++f) {
    CAPTURE(f);
    std::vector<qfa::feature_cell> dense(table.groups());
    std::vector<std::uint64_t> tokens(table.groups(), 0);
    for (std::size_t t = 0; t < s.tokens(); ++t) {
      const float x = value_of(s.reference[t], f), y = value_of(s.compressed[t], f);
      ++tokens[s.groups[t]];
      if (x > 0.0f || y > 0.0f) dense[s.groups[t]](x, y);
    }
    for (std::size_t g = 0; g < table.groups(); ++g) {
      CHECK(table.cell(f, g) == dense[g]);
      CHECK(table.tokens(g) == tokens[g]);
    }
  }
  CHECK(table.tokens() == s.tokens());
}

TEST_CASE("feature_table: silent tokens enter the totals in closed form") {
  const stream& s = everything();
  const qfa::feature_table table = filled(s);
  for (std::size_t f = 0; f < width; f += 7) {
    for (const auto half : {qfa::group_selection::all, qfa::group_selection::even, qfa::group_selection::odd}) {
      qfa::comoments dense;
      for (std::size_t t = 0; t < s.tokens(); ++t)
        if (half == qfa::group_selection::all || (s.groups[t] % 2 == 1) == (half == qfa::group_selection::odd))
          dense(static_cast<double>(value_of(s.reference[t], f)), static_cast<double>(value_of(s.compressed[t], f)));
      const qfa::feature_totals total = table.total(f, half);
      CHECK(close_sums(total.all, dense));
      CHECK(total.tokens == dense.count);
      CHECK(table.tokens(half) == dense.count);
    }
  }
}

TEST_CASE("feature_table: the same bits on 1, 2, 3 and 8 threads") {
  const std::size_t before = qfa::thread_count();
  qfa::set_thread_count(1);
  const qfa::feature_table expected = filled(everything());
  for (const std::size_t threads : {1U, 2U, 3U, 8U, 64U}) {
    CAPTURE(threads);
    qfa::set_thread_count(threads);
    CHECK(filled(everything()) == expected);
    qfa::feature_table merged = filled(part(everything(), 0, 320));
    merged += filled(part(everything(), 320, everything().tokens()));
    CHECK(close(merged, expected));
  }
  qfa::set_thread_count(before);
}

TEST_CASE("feature_table: the same bits however the stream is cut into batches") {
  const stream& s = everything();
  const qfa::feature_table expected = filled(s);
  for (const std::size_t batch : {1U, 3U, 10U, 37U, 100U, 959U}) {
    CAPTURE(batch);
    qfa::feature_table table = empty_table();
    for (std::size_t t = 0; t < s.tokens(); t += batch)
      add(table, part(s, t, t + batch < s.tokens() ? t + batch : s.tokens()));
    CHECK(table == expected);
  }
}

TEST_CASE("feature_table: the same bits from machines that share the stream at group boundaries") {
  const stream& s = everything();
  const qfa::feature_table expected = filled(s);
  for (std::size_t cut = 0; cut <= s.tokens(); ++cut) {
    if (cut > 0 && cut < s.tokens() && s.groups[cut] == s.groups[cut - 1]) continue;
    CAPTURE(cut);
    qfa::feature_table merged = filled(part(s, 0, cut));
    merged += filled(part(s, cut, s.tokens()));
    CHECK(merged == expected);
    qfa::feature_table backward = filled(part(s, cut, s.tokens()));
    backward += filled(part(s, 0, cut));
    CHECK(backward == expected);
  }
}

TEST_CASE("feature_table: groups that follow a machine's own rows give another table") {
  // What the laws above are there to notice: the second half's rows numbered from 0 again.
  const stream& s = everything();
  const std::size_t half = s.tokens() / 2;
  stream second = part(s, half, s.tokens());
  qfa::feature_table wrong = filled(part(s, 0, half));
  second.groups = qfa::row_groups(rows).of_tokens(0, rows / 2, row_tokens);
  add(wrong, second);
  CHECK_FALSE(close(wrong, filled(s)));
}

TEST_CASE("feature_table: groups that are joined hold the tokens and the cells of both") {
  stream pairs = everything();
  for (std::uint32_t& g : pairs.groups)
    if (g != qfa::skipped) g /= 2;
  const qfa::feature_table table = filled(everything());
  std::vector<std::uint32_t> places(table.groups());
  for (std::size_t g = 0; g < places.size(); ++g)
    places[g] = static_cast<std::uint32_t>(g / 2);
  qfa::feature_table expected(width, (table.groups() + 1) / 2);
  add(expected, pairs);
  CHECK(close(table.joined(places), expected));
  CHECK(table.joined(places, table.groups()).groups() == table.groups());
}

TEST_CASE("feature_table: merge laws over every cut, in batches of several tokens") {
  std::vector<std::tuple<qfa::sparse_codes, qfa::sparse_codes, std::vector<std::uint32_t>>> batches;
  const std::vector<std::size_t> ends{0, 1, 4, 4, 13, 40, 41, 60};  // one batch without tokens, groups cut in between
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    const stream s = part(everything(), ends[i], ends[i + 1]);
    batches.emplace_back(s.reference, s.compressed, s.groups);
  }
  qfa_test::check_merge_laws(batches, empty_table(),
                             [](const qfa::feature_table& a, const qfa::feature_table& b) { return close(a, b); });
}

TEST_CASE("feature_table: a skipped token is in no count and no sum") {
  const stream& s = everything();
  stream masked = s, kept;
  for (std::size_t t = 0; t < s.tokens(); ++t) {
    if (t % row_tokens == 0) {
      masked.groups[t] = qfa::skipped;
      continue;
    }
    copy_token(s.reference, t, kept.reference);
    copy_token(s.compressed, t, kept.compressed);
    kept.groups.push_back(s.groups[t]);
  }
  CHECK(filled(masked) == filled(kept));
  CHECK(filled(masked).tokens() == s.tokens() - rows);
}

TEST_CASE("feature_table: the tokens alone are those of the table, and merging them counts no firing") {
  qfa::feature_table table(width, qfa::row_groups(rows).groups());
  const stream& all = everything();
  table(all.reference, all.compressed, all.groups);
  qfa::feature_table tokens = table.tokens_only();
  CHECK(tokens.width() == width);
  CHECK(tokens.groups() == table.groups());
  for (std::size_t g = 0; g < table.groups(); ++g) {
    CHECK(tokens.tokens(g) == table.tokens(g));
    CHECK(tokens.tokens(g) > 0);
    for (std::size_t f = 0; f < width; ++f)
      CHECK(tokens.cell(f, g) == qfa::feature_cell{});
  }
  tokens += table;
  CHECK(tokens.cell(64, 0) == table.cell(64, 0));
  CHECK(tokens.tokens(0) == 2 * table.tokens(0));
}

TEST_CASE("feature_table: a feature or a group that never fires has an empty cell, and equality tells tables apart") {
  const qfa::feature_table table = filled(everything());
  CHECK(table.cell(width - 1, 0) == qfa::feature_cell{});
  CHECK(empty_table().cell(0, 0) == qfa::feature_cell{});
  CHECK(empty_table().total(3).tokens == 0);
  CHECK_FALSE(table == empty_table());
  CHECK_FALSE(empty_table() == qfa::feature_table(width, 1));
  qfa::feature_table one(2, 1), other(2, 1);
  qfa::sparse_codes silent(2), fires(2);
  silent.end_token();
  fires.push(1, 0.5f);
  fires.end_token();
  const std::vector<std::uint32_t> group{0};
  one(silent, fires, group);
  other(fires, silent, group);
  CHECK_FALSE(one == other);
}

TEST_CASE("feature_table: codes, tokens and groups that do not fit are refused, and leave the table as it was") {
  qfa::feature_table table(3, 2);
  qfa::sparse_codes right(3), wrong(4);
  right.end_token();
  wrong.end_token();
  qfa::sparse_codes longer = right;
  longer.end_token();
  const std::vector<std::uint32_t> one{0}, two{0, 0}, beyond{2};
  CHECK_THROWS_AS(table(wrong, right, one), qfa::error);
  CHECK_THROWS_AS(table(right, wrong, one), qfa::error);
  CHECK_THROWS_AS(table(right, longer, one), qfa::error);
  CHECK_THROWS_AS(table(right, right, two), qfa::error);
  CHECK_THROWS_AS(table(right, right, beyond), qfa::error);
  CHECK_THROWS_AS(table += qfa::feature_table(3, 3), qfa::error);
  CHECK_THROWS_AS(table += qfa::feature_table(4, 2), qfa::error);
  CHECK_THROWS_AS(qfa::feature_table(3, 0), qfa::error);
  CHECK(table == qfa::feature_table(3, 2));
}

TEST_CASE("feature_table: archives bring back every cell, equal tables give equal bytes, and filling goes on") {
  const stream& all = everything();
  const auto bytes_of = [](const qfa::feature_table& table) {
    qfa::archive_writer out("table", 1);
    out(table);
    return std::move(out).finish();
  };
  const auto back = [](std::span<const std::byte> bytes) {
    qfa::archive_reader in(bytes, "table", 1, "these bytes");
    qfa::feature_table out(7, 3);  // what was there before is gone
    in(out);
    in.finish();
    return out;
  };
  const qfa::feature_table whole = filled(all), first = filled(part(all, 0, 335));  // within a group
  CHECK(back(bytes_of(first)) == first);
  CHECK(back(bytes_of(qfa::feature_table())) == qfa::feature_table());
  qfa::feature_table resumed = back(bytes_of(first));
  add(resumed, part(all, 335, all.tokens()));
  CHECK(resumed == whole);
  // At a boundary of groups, with the cells of the parts in another order than one pass makes them.
  const std::size_t cut = qfa::row_groups(rows).first_row_of(9) * row_tokens;
  qfa::feature_table merged = filled(part(all, cut, all.tokens()));
  merged += filled(part(all, 0, cut));
  CHECK(merged == whole);
  CHECK(bytes_of(merged) == bytes_of(whole));
  CHECK(bytes_of(resumed) == bytes_of(whole));
}

}  // namespace stats_feature_table_test
