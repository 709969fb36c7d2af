// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/leave_one_out.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/row_groups.hpp"
#include "statistics_oracle.hpp"

namespace stats_leave_one_out_test {

namespace {

qfa::leave_one_out honest(const qfa::feature_table& table) {
  return qfa::leave_groups_out(table, [](const qfa::comoments& c) { return qfa::pearson(c); });
}
qfa::leave_one_out published(const qfa::feature_table& table) {
  return qfa::leave_groups_out(table, qfa::published_pearson);
}

bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::fabs(a - b) <= tolerance;
}

}  // namespace

TEST_CASE("leave_groups_out: r and r without each group agree with the oracle, honest and published") {
  const qfa_test::statistics_oracle oracle;
  for (const std::string side : {"a", "b"}) {
    const qfa::feature_table table = oracle.table(side);
    for (const bool guarded : {false, true}) {
      const std::string name = side + (guarded ? ".r_published" : ".r");
      const qfa::leave_one_out got = guarded ? published(table) : honest(table);
      const std::vector<double> whole = oracle.doubles(name), without = oracle.doubles(name + "_without");
      REQUIRE(got.groups == oracle.groups);
      for (std::size_t f = 0; f < oracle.features; ++f) {
        CAPTURE(name);
        CAPTURE(f);
        CHECK(close(got.r[f], whole[f], 1e-10));
        for (std::size_t g = 0; g < oracle.groups; ++g) {
          CAPTURE(g);
          // What is kept is a float of the difference: 6e-8 of it.
          const double expected = without[f * oracle.groups + g];
          CHECK(close(got.without(g, f), expected, 1e-10 + 6e-8 * std::fabs(expected - whole[f])));
        }
      }
    }
  }
}

TEST_CASE("leave_groups_out: the interval of r agrees with the oracle") {
  const qfa_test::statistics_oracle oracle;
  for (const std::string side : {"a", "b"}) {
    const qfa::leave_one_out got = honest(oracle.table(side));
    const std::vector<double> rows = oracle.doubles(side + ".r_interval");
    std::size_t compared = 0;
    for (std::size_t f = 0; f < oracle.features; ++f) {
      const double* row = rows.data() + 6 * f;
      const qfa::interval& range = got.ranges[f];
      CAPTURE(side);
      CAPTURE(f);
      if (std::isnan(row[qfa_test::oracle_error])) {
        CHECK(range.kind != qfa::interval_kind::two_sided);
        continue;
      }
      ++compared;
      // scipy's t quantile, behind the oracle's ends, is right to 4e-10 only.
      CHECK(range.kind == qfa::interval_kind::two_sided);
      CHECK(range.scale_error == doctest::Approx(row[qfa_test::oracle_error]).epsilon(1e-7));
      CHECK(range.lower == doctest::Approx(row[qfa_test::oracle_lower]).epsilon(1e-8));
      CHECK(range.upper == doctest::Approx(row[qfa_test::oracle_upper]).epsilon(1e-8));
      CHECK(range.dof == doctest::Approx(row[qfa_test::oracle_dof]).epsilon(1e-11));
    }
    CHECK(compared >= 35);
  }
}

TEST_CASE("leave_groups_out: of even and of odd groups as the oracle has them") {
  const qfa_test::statistics_oracle oracle;
  for (const std::string side : {"a", "b"}) {
    const qfa::feature_table table = oracle.table(side);
    const std::vector<double> even = oracle.doubles(side + ".r_even"), odd = oracle.doubles(side + ".r_odd");
    for (std::size_t f = 0; f < oracle.features; ++f) {
      CAPTURE(f);
      CHECK(close(qfa::pearson(table.total(f, qfa::group_selection::even).all), even[f], 1e-10));
      CHECK(close(qfa::pearson(table.total(f, qfa::group_selection::odd).all), odd[f], 1e-10));
    }
  }
}

TEST_CASE("leave_groups_out: leaving a group out is computing without its tokens") {
  const qfa_test::statistics_oracle oracle;
  const qfa::leave_one_out got = honest(oracle.table("b"));
  for (const std::uint32_t g : {0U, 7U, 23U}) {
    std::vector<std::uint32_t> groups = oracle.group_of_token;
    std::replace(groups.begin(), groups.end(), g, qfa::skipped);
    qfa::feature_table table(oracle.features, oracle.groups);
    table(oracle.codes("x"), oracle.codes("b"), groups);
    const qfa::leave_one_out rest = honest(table);
    CHECK(rest.groups == oracle.groups - 1);  // a group without tokens is none
    for (std::size_t f = 0; f < oracle.features; ++f) {
      CAPTURE(f);
      CHECK(close(got.without(g, f), rest.r[f], 1e-8));
    }
  }
}

TEST_CASE("leave_groups_out: blocks of groups are left out as one, and what stands in none is not looked at") {
  const qfa_test::statistics_oracle oracle;
  const auto table_by = [&](auto place) {  // the same tokens, in other groups
    std::vector<std::uint32_t> groups = oracle.group_of_token;
    for (std::uint32_t& g : groups)
      g = place(g);
    qfa::feature_table table(oracle.features, oracle.groups);
    table(oracle.codes("x"), oracle.codes("b"), groups);
    return table;
  };
  const qfa::feature_table table = oracle.table("b");
  const auto over = [&](const qfa::group_blocks& blocks) {
    return qfa::leave_groups_out(
        table, [](const qfa::comoments& c) { return qfa::pearson(c); }, 0.95, blocks);
  };
  const auto same = [&](const qfa::leave_one_out& got, const qfa::leave_one_out& expected) {
    REQUIRE(got.groups == expected.groups);
    for (std::size_t f = 0; f < oracle.features; ++f) {
      CAPTURE(f);
      CHECK(close(got.r[f], expected.r[f], 1e-10));  // cells are merged in another order
      CHECK(got.evidence[f].groups == expected.evidence[f].groups);
      CHECK(got.evidence[f].effective == doctest::Approx(expected.evidence[f].effective));
      for (std::size_t g = 0; g < got.groups; ++g)
        CHECK(close(got.without(g, f), expected.without(g, f), 1e-8));
    }
  };
  const qfa::group_blocks pairs = qfa::blocks_of(table, qfa::group_selection::all, 2);
  REQUIRE(pairs.size() == (oracle.groups + 1) / 2);
  CHECK(pairs[1] == std::vector<std::size_t>{2, 3});
  same(over(pairs), honest(table_by([](std::uint32_t g) { return g / 2; })));
  const qfa::group_blocks odd = qfa::blocks_of(table, qfa::group_selection::odd);
  CHECK(odd[1] == std::vector<std::size_t>{3});
  same(over(odd), honest(table_by([](std::uint32_t g) { return g % 2 == 1 ? g : qfa::skipped; })));
}

TEST_CASE("leave_groups_out: the same bits on 1, 2, 3 and 8 threads") {
  const qfa_test::statistics_oracle oracle;
  const std::size_t before = qfa::thread_count();
  const auto run = [&](std::size_t threads) {
    qfa::set_thread_count(threads);
    return published(oracle.table("a"));
  };
  const qfa::leave_one_out expected = run(1);
  for (const std::size_t threads : {2U, 3U, 8U}) {
    const qfa::leave_one_out got = run(threads);
    CHECK(got.r == expected.r);
    CHECK(got.shift == expected.shift);
    for (std::size_t f = 0; f < oracle.features; ++f) {
      if (expected.ranges[f].kind == qfa::interval_kind::refused) continue;
      CHECK(got.ranges[f].lower == expected.ranges[f].lower);
      CHECK(got.ranges[f].upper == expected.ranges[f].upper);
    }
  }
  qfa::set_thread_count(before);
}

TEST_CASE("leave_groups_out: the reference against itself is 1 without every group, and one-sided") {
  const qfa_test::statistics_oracle oracle;
  const qfa::leave_one_out got = honest(oracle.table("x"));
  for (std::size_t f = 0; f < oracle.features; ++f) {
    CAPTURE(f);
    if (std::isnan(got.r[f])) continue;
    CHECK(got.r[f] == 1.0);
    if (got.evidence[f].effective < qfa::minimum_effective_groups) continue;
    for (std::size_t g = 0; g < oracle.groups; ++g)
      CHECK(got.without(g, f) == 1.0);
    CHECK(got.ranges[f].kind == qfa::interval_kind::at_least);
    CHECK(got.ranges[f].lower < 1.0);
  }
}

TEST_CASE("estimate_over: paired conditions lose the same group, and strangers are refused") {
  const qfa_test::statistics_oracle oracle;
  const qfa::leave_one_out a = honest(oracle.table("a"));
  const std::vector<std::uint32_t> features = oracle.chosen("measured_and_defined");
  // A condition minus itself is 0 without any group too, which only pairing gives.
  const auto difference = [](std::span<const double> x, std::span<const double> y) {
    double sum = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i)
      sum += x[i] - y[i];
    return sum;
  };
  const qfa::estimate none = qfa::estimate_over(a, a, features, difference, {});
  CHECK(none.value == 0.0);
  CHECK(none.range.standard_error == 0.0);
  CHECK(none.range.reason == "no group moves the value");
  qfa::feature_table other(oracle.features, 12);
  CHECK_THROWS_AS(qfa::estimate_over(a, honest(other), features, difference, {}), qfa::error);
}

// Coverage.  300 features over 400 rows of 128 tokens; documents of five rows share a rate, a strength and a noise, so
// tokens, and neighboring rows, are not independent.  r is known from 40,000 documents.  Of 300 intervals at 95 %, the
// share that covers has a standard error of sqrt(.95 .05 / 300) = .0126: accepted within 1.96 of them and .01.
namespace {

constexpr std::size_t rows = 400;
constexpr std::size_t row_tokens = 128;
constexpr std::size_t document_rows = 5;
constexpr std::size_t repetitions = 300;

/// One document's firings, (token in the document, x, y).
struct firing {
  std::size_t token;
  float x, y;
};

template <class Random>
std::vector<firing> document(Random& random) {
  std::normal_distribution<double> normal;
  std::gamma_distribution<double> burst(1.0), magnitude(4.0, 0.25);
  std::uniform_int_distribution<std::size_t> place(0, document_rows * row_tokens - 1);
  std::uniform_real_distribution<double> uniform;
  const double rate = 0.02 * burst(random), strength = std::exp(0.3 * normal(random));
  const double noise = 0.3 * std::exp(0.6 * normal(random)), lost = 0.2 * uniform(random);
  std::vector<std::size_t> tokens(std::poisson_distribution<std::size_t>(rate * document_rows * row_tokens)(random));
  for (std::size_t& t : tokens)
    t = place(random);
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  std::vector<firing> out;
  for (const std::size_t t : tokens) {
    const double x = strength * magnitude(random);
    const double y = uniform(random) < lost ? 0.0 : (std::max)(0.0, x + noise * normal(random));
    out.push_back({t, static_cast<float>(x), static_cast<float>(y)});
  }
  return out;
}

double true_r() {
  std::mt19937_64 random(101);
  qfa::comoments all;
  constexpr std::size_t documents = 40000;
  for (std::size_t d = 0; d < documents; ++d)
    for (const firing& f : document(random))
      all(static_cast<double>(f.x), static_cast<double>(f.y));
  all.add_zeros(documents * document_rows * row_tokens - all.count);
  return qfa::pearson(all);
}

/// The table of all repetitions, each a feature; `group_of` maps a row to its group.
template <class GroupOf>
qfa::feature_table draw(GroupOf group_of) {
  std::mt19937_64 random(202);
  constexpr std::size_t documents = (rows + document_rows - 1) / document_rows;
  std::vector<std::vector<std::pair<std::uint32_t, firing>>> by_token(documents * document_rows * row_tokens);
  for (std::uint32_t f = 0; f < repetitions; ++f)
    for (std::size_t d = 0; d < documents; ++d)
      for (const firing& fired : document(random))
        by_token[d * document_rows * row_tokens + fired.token].emplace_back(f, fired);
  qfa::sparse_codes reference(repetitions), compressed(repetitions);
  std::vector<std::uint32_t> groups;
  for (std::size_t t = 0; t < rows * row_tokens; ++t) {
    for (const auto& [f, fired] : by_token[t]) {
      if (fired.x > 0.0f) reference.push(f, fired.x);
      if (fired.y > 0.0f) compressed.push(f, fired.y);
    }
    reference.end_token();
    compressed.end_token();
    groups.push_back(static_cast<std::uint32_t>(group_of(t / row_tokens)));
  }
  qfa::feature_table table(repetitions, 64);
  table(reference, compressed, groups);
  return table;
}

double coverage(const qfa::leave_one_out& r, double truth) {
  double covered = 0.0;
  for (const qfa::interval& range : r.ranges)
    covered += range.lower <= truth && truth <= range.upper ? 1.0 : 0.0;
  return covered / static_cast<double>(r.features());
}

}  // namespace

TEST_CASE("leave_groups_out: intervals at 95 percent cover the truth as often as they promise") {
  const double truth = true_r();
  const qfa::row_groups groups(rows);
  const qfa::leave_one_out r = honest(draw([&](std::size_t row) { return groups.group_of(row); }));
  const double covered = coverage(r, truth);
  CAPTURE(truth);
  for (const qfa::group_evidence& evidence : r.evidence)
    CHECK(evidence.effective >= 10.0);
  CHECK(std::fabs(covered - 0.95) <= 1.96 * std::sqrt(0.95 * 0.05 / repetitions) + 0.01);

  // What the acceptance would not let pass: groups that are not runs of rows, and Fisher's z on single firings.
  const qfa::leave_one_out interleaved = honest(draw([](std::size_t row) { return row % 64; }));
  const double interleaved_covered = coverage(interleaved, truth);
  qfa::leave_one_out fisher = r;
  const qfa::feature_table table = draw([&](std::size_t row) { return groups.group_of(row); });
  for (std::size_t f = 0; f < fisher.features(); ++f) {
    const double reach = 1.959963985 / std::sqrt(static_cast<double>(table.total(f).fired.reference_firings) - 3.0);
    fisher.ranges[f].lower = std::tanh(std::atanh(r.r[f]) - reach);
    fisher.ranges[f].upper = std::tanh(std::atanh(r.r[f]) + reach);
  }

  CHECK(interleaved_covered < 0.90);
  CHECK(coverage(fisher, truth) < 0.85);
}

}  // namespace stats_leave_one_out_test
