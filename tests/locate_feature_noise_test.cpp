// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/feature_noise.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "model_threads.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/leave_one_out.hpp"

namespace locate_feature_noise_test {

using namespace qfa;

namespace {

struct made_codes {
  sparse_codes reference, compressed;
  std::vector<std::uint32_t> groups;
};

/// 8192 tokens in `groups` groups of features 0 to 39: feature 7 never comes out of the compressed model, feature 8
/// fires in group 3 only, and feature 9 never fires on the reference.
made_codes make_codes(std::size_t groups) {
  made_codes out{sparse_codes(40), sparse_codes(40), {}};
  std::mt19937 random(11);
  for (std::size_t t = 0; t < 8192; ++t) {
    const auto g = static_cast<std::uint32_t>(t * groups / 8192);
    out.groups.push_back(g);
    for (std::uint32_t f = 0; f < 40; ++f) {
      const bool fires = random() % 4 == 0 && f != 9 && (f != 8 || g == 3);
      const float x = 1.0f + static_cast<float>(random() % 64) / 16.0f;
      const float y = x + static_cast<float>(random() % (f + 1)) / 8.0f;
      if (fires) out.reference.push(f, x);
      if ((fires ? random() % 8 != 0 : random() % 32 == 0) && f != 7) out.compressed.push(f, y);
    }
    out.reference.end_token();
    out.compressed.end_token();
  }
  return out;
}

double same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)) ? 0.0 : std::fabs(a - b); }

}  // namespace

TEST_CASE("feature_noise: nu of every set of groups is that of the table that audits keep") {
  constexpr std::size_t groups = 9;
  const made_codes codes = make_codes(groups);
  const std::vector<std::uint32_t> chosen{0, 3, 7, 8, 9, 39};
  noise_table table(chosen, 40, groups);
  table(codes.reference, codes.compressed, codes.groups);
  feature_table audit(40, groups);
  audit(codes.reference, codes.compressed, codes.groups);
  const feature_noise noise = table.noise();
  REQUIRE(noise.features() == chosen.size());
  // A table of the same tokens without some group, from the start.
  const auto nu_without = [&](std::uint32_t feature, auto left_out) {
    comoments all;
    std::uint64_t tokens = 0;
    for (std::size_t g = 0; g < groups; ++g) {
      if (left_out(g)) continue;
      tokens += audit.tokens(g);
      all += audit.cell(feature, g).either;
    }
    all.add_zeros(tokens - all.count);
    return noise_to_signal(all);
  };
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::uint32_t f = chosen[i];
    CAPTURE(f);
    CHECK(same(noise.all[i], noise_to_signal(audit.total(f).all)) == 0.0);
    CHECK(same(noise.half[0][i], noise_to_signal(audit.total(f, group_selection::even).all)) == 0.0);
    CHECK(same(noise.half[1][i], noise_to_signal(audit.total(f, group_selection::odd).all)) == 0.0);
    for (std::size_t g = 0; g < groups; ++g) {
      // Merged from both sides: the last bits may differ.
      CHECK(same(noise.without_group(g)[i], nu_without(f, [&](std::size_t o) { return o == g; })) < 1e-9);
      CHECK(same(noise.half_without_group(g)[i],
                 nu_without(f, [&](std::size_t o) { return o == g || o % 2 != g % 2; })) < 1e-9);
    }
  }
  CHECK(noise.all[0] > 0.0);
  CHECK(noise.all[5] > noise.all[0]);
  CHECK(noise.all[2] == std::numeric_limits<double>::infinity());  // nothing comes out
  CHECK(std::isnan(noise.all[4]));                                 // nothing goes in
  CHECK(std::isnan(noise.half[0][3]));                             // nothing goes in on even groups
  CHECK(std::isnan(noise.without_group(3)[3]));
}

TEST_CASE("feature_noise: a reference against itself has none, and r = 0 has no end of it") {
  const made_codes codes = make_codes(2);
  const std::vector<std::uint32_t> chosen{1, 2};
  noise_table table(chosen, 40, 2);
  table(codes.reference, codes.reference, codes.groups);
  CHECK(table.noise().all == std::vector<double>{0.0, 0.0});
  CHECK(noise_to_signal(comoments{.count = 4, .xx = 1.0, .yy = 1.0, .xy = 0.0}) ==
        std::numeric_limits<double>::infinity());
}

TEST_CASE("feature_noise: the same bits for every number of threads and however tokens come in batches") {
  const made_codes codes = make_codes(5);
  const std::vector<std::uint32_t> chosen{0, 1, 2, 10, 20, 30, 39};
  noise_table whole(chosen, 40, 5);
  whole(codes.reference, codes.compressed, codes.groups);
  qfa_test::for_each_thread_count([&] {
    noise_table again(chosen, 40, 5);
    again(codes.reference, codes.compressed, codes.groups);
    CHECK(again == whole);
    const feature_noise a = again.noise(), b = whole.noise();
    CHECK(a.without == b.without);
    CHECK(a.all == b.all);
  });
  noise_table parts(chosen, 40, 5);
  for (std::size_t first = 0; first < codes.groups.size(); first += 1000) {
    const std::size_t last = std::min(first + 1000, codes.groups.size());
    sparse_codes a(40), b(40);
    for (std::size_t t = first; t < last; ++t) {
      a.append_token(codes.reference[t].features, codes.reference[t].values);
      b.append_token(codes.compressed[t].features, codes.compressed[t].values);
    }
    parts(a, b, std::span(codes.groups).subspan(first, last - first));
  }
  CHECK(parts == whole);
}

TEST_CASE("feature_noise: tables of different groups merge, and go into archives, without rounding") {
  const made_codes codes = make_codes(5);
  const std::vector<std::uint32_t> chosen{0, 7, 8, 39};
  noise_table whole(chosen, 40, 5);
  whole(codes.reference, codes.compressed, codes.groups);
  const auto part = [&](std::uint32_t first, std::uint32_t last) {
    noise_table out(chosen, 40, 5);
    for (std::size_t t = 0; t < codes.groups.size(); ++t) {
      if (codes.groups[t] < first || codes.groups[t] >= last) continue;
      sparse_codes a(40), b(40);
      a.append_token(codes.reference[t].features, codes.reference[t].values);
      b.append_token(codes.compressed[t].features, codes.compressed[t].values);
      out(a, b, std::span(codes.groups).subspan(t, 1));
    }
    return out;
  };
  const auto bytes = [](const noise_table& table) {
    archive_writer out("noise", 1);
    out(table);
    return std::move(out).finish();
  };
  const auto through_archive = [&](const noise_table& table) {
    const std::vector<std::byte> kept = bytes(table);
    archive_reader in(kept, "noise", 1, "the table");
    noise_table out;
    in(out);
    in.finish();
    return out;
  };
  for (std::uint32_t cut = 0; cut <= 5; ++cut) {
    CAPTURE(cut);
    noise_table merged = through_archive(part(cut, 5));
    CHECK(merged == part(cut, 5));
    merged += through_archive(part(0, cut));
    CHECK(merged == whole);
    noise_table adopted;
    adopted += merged;
    adopted += noise_table();
    CHECK(adopted == whole);
  }
  // Two groups of five, four features of 48 bytes: the other three groups are not sent.
  CHECK(bytes(whole).size() - bytes(part(2, 4)).size() == 3 * 4 * 48);
  CHECK(through_archive(noise_table()) == noise_table());
  const std::vector<std::uint32_t> others{0, 7, 8, 38};
  noise_table of_others(others, 40, 5), fewer(chosen, 40, 4);
  CHECK_THROWS_WITH(of_others += whole, doctest::Contains("the same features and groups"));
  CHECK_THROWS_WITH(fewer += whole, doctest::Contains("the same features and groups"));
}

TEST_CASE("feature_noise: what does not fit is refused") {
  const made_codes codes = make_codes(3);
  const std::vector<std::uint32_t> chosen{1};
  noise_table narrow(chosen, 39, 3), few(chosen, 40, 2);
  CHECK_THROWS_WITH(narrow(codes.reference, codes.compressed, codes.groups), doctest::Contains("another width"));
  CHECK_THROWS_WITH(few(codes.reference, codes.compressed, codes.groups), doctest::Contains("beyond its groups"));
  CHECK_THROWS_WITH(few(codes.reference, codes.compressed, std::span(codes.groups).first(5)),
                    doctest::Contains("token by token"));
  CHECK_THROWS_WITH(noise_table(chosen, 40, 0), doctest::Contains("at least one group"));
}

}  // namespace locate_feature_noise_test
