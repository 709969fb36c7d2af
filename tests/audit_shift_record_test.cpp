// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/shift_record.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "qfa/core/parallel.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/sae/decode.hpp"
#include "scratch.hpp"

namespace audit_shift_record_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

constexpr std::size_t rows = 12, length = 60, tokens = rows * length, d = 9, width = 150, groups = 4;

/// A decoder of three blocks of features, codes that come, go and change, and activations that follow them in part.
struct sides {
  sae s;
  sparse_codes x{width}, y{width};
  std::vector<float> h, moved;

  explicit sides(input_norm norm = input_norm::none) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    s.d_in = d;
    s.d_sae = width;
    s.norm = norm;
    for (std::size_t i = 0; i < width * d; ++i)
      s.w_dec.push_back(normal(random));
    for (std::size_t i = 0; i < d; ++i)
      s.b_dec.push_back(normal(random));
    for (std::size_t t = 0; t < tokens; ++t) {
      for (std::uint32_t f = 0; f < width; ++f) {
        const unsigned fate = random() % 16;
        const float value = 0.1f + std::fabs(normal(random));
        if (fate < 4) x.push(f, value);
        if (fate == 0 || fate == 15) y.push(f, value);  // as it was, or born
        if (fate == 1 || fate == 2) y.push(f, 1.2f * value);
      }
      x.end_token();
      y.end_token();
    }
    for (std::size_t i = 0; i < tokens * d; ++i) {
      h.push_back(3.0f * normal(random));
      moved.push_back(h.back() + normal(random));
    }
  }

  matrix_view<const float> of(const std::vector<float>& v, std::size_t first, std::size_t last) const {
    return matrix_view<const float>(v.data(), tokens, d).rows_between(first * length, last * length);
  }
  static sparse_codes between(const sparse_codes& codes, std::size_t first, std::size_t last) {
    sparse_codes out(width);
    for (std::size_t t = first * length; t < last * length; ++t)
      out.append_token(codes[t].features, codes[t].values);
    return out;
  }
  /// Rows [first, last), three to a group.
  void fill(shift_record& record, std::size_t first, std::size_t last) const {
    std::vector<std::uint32_t> group;
    for (std::size_t r = first; r < last; ++r)
      group.push_back(static_cast<std::uint32_t>(r / 3));
    const sparse_codes before = between(x, first, last), after = between(y, first, last);
    record(s, {of(h, first, last), &before}, {of(moved, first, last), &after}, group);
  }
  shift_record whole() const {
    shift_record record(width, groups);
    fill(record, 0, rows);
    return record;
  }
};

double explained_by_features(const shift_record& record) {
  double sum = 0.0;
  for (std::size_t f = 0; f < width; ++f)
    for (std::size_t g = 0; g < groups; ++g)
      sum += record.feature(f, g).along;
  return sum;
}

}  // namespace

TEST_CASE("shift_record: the parts add up to the shift, the features to what is explained") {
  for (const input_norm norm : {input_norm::none, input_norm::constant_norm_rescale, input_norm::layer_norm}) {
    const sides both(norm);
    const shift_record record = both.whole();
    const shift_parts all = record.sums().total().total();
    CHECK(all.decoded + all.missed + all.cross == doctest::Approx(all.shift).epsilon(1e-12));
    // What is explained is a sum of both signs: 1e-12 of what was added up.
    CHECK(std::fabs(all.decoded + 0.5 * all.cross - all.explained) < 1e-12 * all.decoded);
    CHECK(std::fabs(explained_by_features(record) + all.frame - all.explained) < 1e-12 * all.decoded);
    CHECK((all.frame != 0.0) == (norm != input_norm::none));
    // P by decoding both codes, which is float: 2^-24 of numbers of about 20.
    std::vector<float> before(tokens * d), after(tokens * d);
    const auto as_matrix = [](std::vector<float>& v) { return matrix_view<float>(v.data(), tokens, d); };
    decode(both.s, both.x, frames_of(both.s, both.of(both.h, 0, rows)), as_matrix(before));
    decode(both.s, both.y, frames_of(both.s, both.of(both.moved, 0, rows)), as_matrix(after));
    double decoded = 0.0;
    for (std::size_t i = 0; i < before.size(); ++i)
      decoded += std::pow(static_cast<double>(after[i]) - static_cast<double>(before[i]), 2);
    CHECK(all.decoded == doctest::Approx(decoded).epsilon(1e-5));
  }
}

TEST_CASE("shift_record: shifts of one kind are told for what they are") {
  sides both;
  const auto all_of = [&] { return both.whole().sums().total(); };
  SUBCASE("nothing but a bias: all lies in its mean, and no feature has a part in it") {
    both.y = both.x;
    for (std::size_t i = 0; i < both.h.size(); ++i) {
      both.h[i] = static_cast<float>(i % 7);
      both.moved[i] = both.h[i] + 0.25f * static_cast<float>(i % d);
    }
    const group_shift all = all_of();
    const double squares =
        std::accumulate(all.by.begin(), all.by.end(), 0.0, [](double sum, double x) { return sum + x * x; });
    CHECK(squares / static_cast<double>(all.tokens()) == doctest::Approx(all.total().shift).epsilon(1e-14));
    CHECK(all.total().missed == all.total().shift);
    CHECK(all.total().decoded == 0.0);
    CHECK(both.whole().feature(3, 0) == feature_shift{});
  }
  SUBCASE("one feature alone: it has all of it") {
    both.y = sparse_codes(width);
    for (std::size_t t = 0; t < tokens; ++t) {
      for (std::size_t i = 0; i < both.x[t].features.size(); ++i)
        both.y.push(both.x[t].features[i], both.x[t].values[i] * (both.x[t].features[i] == 70 ? 2.0f : 1.0f));
      both.y.end_token();
    }
    for (float& w : both.s.w_dec)
      w = std::round(8.0f * w);
    std::ranges::fill(both.h, 0.0f);
    std::ranges::fill(both.moved, 0.0f);
    for (std::size_t t = 0; t < tokens; ++t)
      for (std::size_t i = 0; i < both.x[t].features.size(); ++i)
        for (std::size_t k = 0; both.x[t].features[i] == 70 && k < d; ++k)
          both.moved[t * d + k] = both.x[t].values[i] * both.s.w_dec[70 * d + k];  // rounded to float
    const shift_parts all = all_of().total();
    CHECK(all.shift > 100.0);
    CHECK(all.missed < 1e-12 * all.shift);
    CHECK(all.explained == doctest::Approx(all.shift).epsilon(1e-7));
    const shift_record record = both.whole();
    double along = 0.0;
    for (std::size_t g = 0; g < groups; ++g)
      along += record.feature(70, g).along;
    CHECK(along == doctest::Approx(all.explained).epsilon(1e-12));
    CHECK(explained_by_features(record) == along);
  }
  SUBCASE("across everything that the decoder reaches: nothing is explained, whatever the codes do") {
    for (std::size_t i = 0; i < both.s.w_dec.size(); i += d)
      both.s.w_dec[i] = 0.0f;
    for (std::size_t i = 0; i < both.h.size(); ++i)
      both.moved[i] = both.h[i] + (i % d == 0 ? 2.0f : 0.0f);
    const shift_parts all = all_of().total();
    CHECK(all.shift == doctest::Approx(4.0 * tokens).epsilon(1e-5));
    CHECK(all.explained == 0.0);
    CHECK(all.decoded > 0.0);
    CHECK(all.cross == doctest::Approx(-2.0 * all.decoded).epsilon(1e-12));
  }
}

TEST_CASE("shift_record: positions and groups are told apart") {
  const sides both;
  const shift_record record = both.whole();
  for (std::size_t g = 0; g < groups; ++g) {
    const group_shift& sums = record.sums()[g];
    CHECK(sums.tokens() == 3 * length);
    for (const std::size_t p : {std::size_t{0}, std::size_t{1}, length - 1}) {
      double squares = 0.0;
      for (std::size_t r = 3 * g; r < 3 * g + 3; ++r)
        for (std::size_t i = 0; i < d; ++i) {
          const std::size_t at = (r * length + p) * d + i;
          squares += std::pow(static_cast<double>(both.moved[at]) - static_cast<double>(both.h[at]), 2);
        }
      CHECK(sums.by_position[p].shift == doctest::Approx(squares).epsilon(1e-13));
    }
  }
}

TEST_CASE("shift_record: neither blocks, nor threads, nor who takes which groups moves a bit") {
  const sides both;
  set_thread_count(1);
  const shift_record whole = both.whole();
  archive_writer out("shift", 1);
  out(whole);
  const auto bytes = std::move(out).finish();
  for (const std::size_t block : {1U, 2U, 5U, 11U}) {
    set_thread_count(block);
    shift_record cut(width, groups);
    for (std::size_t r = 0; r < rows; r += block)
      both.fill(cut, r, (std::min)(rows, r + block));
    CHECK(cut == whole);
  }
  set_thread_count(1);
  for (unsigned who = 0; who < 16; who += 3) {
    shift_record parts[2]{shift_record(width, groups), shift_record(width, groups)};
    for (std::size_t g = groups; g-- > 0;)
      both.fill(parts[who >> g & 1U], 3 * g, 3 * g + 3);
    shift_record merged;
    merged += parts[1];
    merged += parts[0];
    archive_writer again("shift", 1);
    again(merged);
    CHECK(std::move(again).finish() == bytes);
  }
  archive_reader in(bytes, "shift", 1, "the shift");
  shift_record back;
  in(back);
  CHECK(back == whole);
}

TEST_CASE("shift_record: sides of other tokens, widths and parts of rows are refused") {
  const sides both;
  shift_record record(width, groups);
  const sparse_codes two = sides::between(both.x, 0, 2), one = sides::between(both.x, 0, 1);
  const auto h = [&](std::size_t n) { return both.of(both.h, 0, n); };
  const std::vector<std::uint32_t> group(2, 0), seven(7, 0);
  check_refused([&] { record(both.s, {h(2), &two}, {h(2), &two}, seven); }, {"whole rows"});
  check_refused([&] { record(both.s, {h(2), &two}, {h(1), &one}, group); }, {"same tokens"});
  check_refused([&] { record(both.s, {h(2), &two}, {h(2), &one}, group); }, {"codes of each token"});
  shift_record narrow(width - 1, groups);
  check_refused([&] { narrow(both.s, {h(2), &two}, {h(2), &two}, group); }, {"the SAE that the record was made for"});
}

}  // namespace audit_shift_record_test
