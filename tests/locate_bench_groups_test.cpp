// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/bench_groups.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "qfa/sae/codes.hpp"

namespace locate_bench_groups_test {

using namespace qfa;

namespace {

/// Two features on 50 tokens a row, compressed with an error; the groups of the tokens are those of their rows.
noise_table made_table(std::size_t rows, const row_groups& groups) {
  noise_table out(std::vector<std::uint32_t>{0, 1}, 2, groups.groups());
  std::mt19937 random(7);
  for (std::size_t row = 0; row < rows; ++row) {
    sparse_codes a(2), b(2);
    for (std::size_t t = 0; t < 50; ++t) {
      for (std::uint32_t f = 0; f < 2; ++f) {
        const float x = 1.0f + static_cast<float>(random() % 16);
        a.push(f, x);
        b.push(f, x + static_cast<float>(random() % 4));
      }
      a.end_token();
      b.end_token();
    }
    out(a, b, std::vector<std::uint32_t>(50, groups.group_of(row)));
  }
  return out;
}

void check_close(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("bench_groups: numbers are those of tables that were filled by the joined groups from the start") {
  const row_groups gathered(128);  // 32 groups of four rows
  const bench_groups joined(gathered, 8.0);
  CHECK(joined.whole() == row_groups(128, 8));
  CHECK(joined.halves() == row_groups(128, 16));
  const feature_noise found = joined.noise(made_table(128, gathered));
  const feature_noise whole = made_table(128, joined.whole()).noise(),
                      halves = made_table(128, joined.halves()).noise();
  CHECK(found.groups == 8);
  CHECK(found.half_groups() == 16);
  check_close(found.all, whole.all);
  check_close(found.without, whole.without);
  check_close(found.half[0], halves.half[0]);
  check_close(found.half[1], halves.half[1]);
  check_close(found.half_without, halves.half_without);
  CHECK(std::fabs(found.half[0][0] - whole.half[0][0]) > 1e-9);  // other rows
}

TEST_CASE("bench_groups: groups that are long enough are kept, to the bit") {
  const row_groups gathered(128);
  for (const double length : {0.0, 1.0, 2.0}) {
    const bench_groups kept(gathered, length);
    CHECK(!kept.joined());
    CHECK(kept.halves() == gathered);
    const noise_table table = made_table(128, gathered);
    CHECK(kept.noise(table) == table.noise());
  }
  const bench_groups sixteen(gathered, 4.0);
  CHECK(sixteen.joined());
  CHECK(sixteen.halves() == sixteen.whole());
}

TEST_CASE("bench_groups: sums of losses by the groups of halves, and by those of the whole") {
  const row_groups gathered(128);
  std::vector<comparison_sum> sums(32);
  for (std::size_t g = 0; g < 32; ++g)
    sums[g](token_comparison{.kl = static_cast<double>(g)});
  const bench_groups groups(gathered, 8.0);
  const std::vector<comparison_sum> halves = groups.by_halves(sums);
  REQUIRE(halves.size() == 16);
  CHECK(halves[3].kl_nats == 6.0 + 7.0);
  CHECK(halves[3].tokens() == 2);
  const std::vector<comparison_sum> whole = groups.by_whole(halves);
  REQUIRE(whole.size() == 8);
  CHECK(whole[7].kl_nats == 28.0 + 29.0 + 30.0 + 31.0);
  CHECK(bench_groups(gathered).by_whole(bench_groups(gathered).by_halves(sums)) == sums);
  CHECK_THROWS_WITH(groups.by_whole(sums), doctest::Contains("a place for each of their groups"));
}

}  // namespace locate_bench_groups_test
