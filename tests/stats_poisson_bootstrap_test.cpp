// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/poisson_bootstrap.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "coverage/designs.hpp"
#include "laws.hpp"
#include "made_up.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/row_groups.hpp"
#include "statistics_oracle.hpp"

namespace stats_poisson_bootstrap_test {

using numbers = std::span<const double>;
using weights = std::span<const std::uint32_t>;

namespace {

double weighted_mean(const std::vector<double>& x, weights w) {
  double sum = 0.0, count = 0.0;
  for (std::size_t g = 0; g < x.size(); ++g) {
    sum += w[g] * x[g];
    count += w[g];
  }
  return sum / count;
}

double mean_of(const std::vector<double>& x) { return weighted_mean(x, std::vector<std::uint32_t>(x.size(), 1)); }

qfa::leave_one_out honest(const qfa::feature_table& table) {
  return qfa::leave_groups_out(table, [](const qfa::comoments& c) { return qfa::pearson(c); });
}

}  // namespace

TEST_CASE("poisson_count: inverts the distribution as scipy has it") {
  const qfa::json poisson = qfa_test::read_data("uncertainty.json").at("poisson");
  REQUIRE(poisson.size() > 4);
  for (const auto& at : poisson) {
    CAPTURE(at.at("u").get<double>());
    CHECK(qfa::poisson_count(at.at("u").get<double>()) == at.at("count").get<std::uint32_t>());
  }
  CHECK(qfa::poisson_count(1.0 - 0x1p-53) <= 20);
}

TEST_CASE("poisson_weights: mean and variance 1, and a function of seed, replicate and group alone") {
  const qfa::poisson_weights draw(5);
  double sum = 0.0, squares = 0.0;
  constexpr std::size_t replicates = 400, groups = 50;
  for (std::size_t b = 0; b < replicates; ++b)
    for (std::size_t g = 0; g < groups; ++g) {
      const double w = draw(b, g);
      sum += w;
      squares += (w - 1.0) * (w - 1.0);
    }
  const double n = replicates * groups;
  CHECK(std::fabs(sum / n - 1.0) < 4.0 / std::sqrt(n));
  CHECK(std::fabs(squares / n - 1.0) < 4.0 * std::sqrt(3.0 / n));  // Var (w - 1)^2 = 3
  CHECK(qfa::poisson_weights(5).of(7, groups) == draw.of(7, groups));
  CHECK(draw.of(7, groups) != draw.of(8, groups));
  CHECK(qfa::poisson_weights(6).of(7, groups) != draw.of(7, groups));
  const std::vector<std::uint32_t> more = draw.of(7, groups + 10), fewer = draw.of(7, groups);
  CHECK(std::equal(fewer.begin(), fewer.end(), more.begin()));
}

TEST_CASE("poisson_weights: a replicate in which nothing counted takes each group once") {
  const qfa::poisson_weights draw(1);
  std::size_t empty = 0;
  for (std::size_t b = 0; b < 200; ++b) {
    if (draw(b, 0) + draw(b, 1) > 0) continue;
    ++empty;
    CHECK(draw.of(b, 2) == std::vector<std::uint32_t>{1, 1});
  }
  CHECK(empty > 10);  // exp(-2) of 200
}

TEST_CASE("poisson_bootstrap: of a mean, the spread of the mean, and an interval that mirrors the replicates") {
  std::vector<double> x = qfa_test::draw(40, 3);
  for (double& v : x)
    v = v * v * v;  // skewed to the right
  const auto theta = [&](weights w) { return weighted_mean(x, w); };
  const qfa::estimate e = qfa::poisson_bootstrap(mean_of(x), x.size(), theta, {.seed = 2});
  double squares = 0.0;
  for (const double v : x)
    squares += (v - e.value) * (v - e.value);
  // The standard deviation of the sample over its root, and 5 % for 999 replicates.
  CHECK(e.range.standard_error == doctest::Approx(std::sqrt(squares) / 40.0).epsilon(0.05));
  REQUIRE(e.range.kind == qfa::interval_kind::two_sided);
  CHECK(e.range.lower < e.value);
  CHECK(e.value < e.range.upper);

  std::vector<double> values;
  for (std::size_t b = 0; b < 999; ++b) {
    const auto w = qfa::poisson_weights(2).of(b, x.size());
    values.push_back(theta(weights(w)));
  }
  std::sort(values.begin(), values.end());
  CHECK(e.range.lower == 2.0 * e.value - values[974]);
  CHECK(e.range.upper == 2.0 * e.value - values[24]);
  double mean = 0.0;
  for (const double v : values)
    mean += v / 999.0;
  CHECK(e.bias_corrected == doctest::Approx(2.0 * e.value - mean).epsilon(1e-12));

  const qfa::estimate on_log =
      qfa::poisson_bootstrap(mean_of(x), x.size(), theta, {.scale = qfa::interval_scale::log, .seed = 2});
  CHECK(on_log.range.lower == doctest::Approx(e.value * e.value / values[974]).epsilon(1e-12));
  const qfa::estimate narrow = qfa::poisson_bootstrap(mean_of(x), x.size(), theta, {.level = 0.5, .seed = 2});
  CHECK(narrow.range.lower == 2.0 * e.value - values[749]);
}

TEST_CASE("poisson_bootstrap: the same bits on any number of threads") {
  const std::vector<double> x = qfa_test::draw(30, 4);
  const std::size_t before = qfa::thread_count();
  const auto bounds = [&](std::size_t threads) {
    qfa::set_thread_count(threads);
    const qfa::estimate e = qfa::poisson_bootstrap(mean_of(x), x.size(), [&](weights w) { return weighted_mean(x, w); },
                                                   {.replicates = 199});
    return std::vector<double>{e.range.lower, e.range.upper, e.range.standard_error, e.bias_corrected};
  };
  const std::vector<double> one = bounds(1);
  for (const std::size_t threads : {2U, 3U, 8U})
    CHECK(bounds(threads) == one);
  qfa::set_thread_count(before);
}

TEST_CASE("poisson_bootstrap: what has no interval is refused with its reason") {
  const auto constant = [](weights w) { return w[0] > 1 ? 0.6 : 0.5; };
  const auto refused = [](const qfa::estimate& e) {
    return e.range.kind == qfa::interval_kind::refused && !e.range.reason.empty() && std::isnan(e.range.lower);
  };
  CHECK(refused(qfa::poisson_bootstrap(0.5, 7, constant)));
  CHECK_FALSE(refused(qfa::poisson_bootstrap(0.5, 8, constant)));
  CHECK(refused(qfa::poisson_bootstrap(qfa_test::not_a_number, 8, constant)));
  CHECK(refused(qfa::poisson_bootstrap(1.0, 8, constant, {.scale = qfa::interval_scale::logit})));
  CHECK(refused(qfa::poisson_bootstrap(0.5, 8, [](weights w) { return w[0] > 2 ? qfa_test::not_a_number : 0.5; })));
  CHECK(refused(qfa::poisson_bootstrap(0.5, 8, [](weights) { return 0.5; })));
  CHECK_THROWS_AS(qfa::poisson_bootstrap(0.5, 8, constant, {.replicates = 30}), qfa::error);
  const auto any = [](weights w) { return 0.3 + 0.1 * w[0] + 0.03 * w[1] + 0.007 * w[2]; };
  for (const auto& each : {std::pair(0.5, 3U), std::pair(0.9, 19U), std::pair(0.95, 39U)}) {
    const double level = each.first;
    const unsigned fewest = each.second;
    CAPTURE(level);
    CHECK_FALSE(refused(qfa::poisson_bootstrap(0.5, 8, any, {.level = level, .replicates = fewest})));
    CHECK_THROWS_AS(qfa::poisson_bootstrap(0.5, 8, any, {.level = level, .replicates = fewest - 1}), qfa::error);
  }
}

TEST_CASE("weighted_total: copies of a group are the group counted as often") {
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_table table = oracle.table("a");
  std::vector<std::uint32_t> each(table.groups(), 1), some(table.groups(), 1);
  some[3] = 0;
  some[5] = 2;
  for (const std::size_t f : {20U, 30U, 40U}) {
    CAPTURE(f);
    const qfa::comoments all = qfa::weighted_total(table, f, each);
    CHECK(all.count == table.tokens());
    CHECK(qfa_test::close(qfa::pearson(all), qfa::pearson(table.total(f).all)));
    qfa::comoments by_hand;
    for (std::size_t g = 0; g < table.groups(); ++g)
      for (std::uint32_t copy = 0; copy < some[g]; ++copy) {
        by_hand += table.cell(f, g).either;
        by_hand.add_zeros(table.tokens(g) - table.cell(f, g).either.count);
      }
    const qfa::comoments drawn = qfa::weighted_total(table, f, some);
    CHECK(drawn.count == by_hand.count);
    CHECK(qfa_test::close(qfa::pearson(drawn), qfa::pearson(by_hand)));
  }
  CHECK_THROWS_AS(qfa::weighted_total(table, 0, std::vector<std::uint32_t>{1, 1}), qfa::error);
}

TEST_CASE(
    "correlation_replicates: to first order what weighted cells give, and r itself where every group counts once") {
  const qfa_test::design d{.rows = 400, .rate = 0.02};
  constexpr std::uint32_t count = 30;
  const qfa::row_groups groups(d.rows);
  qfa::feature_table table(count, groups.groups());
  qfa_test::draw_stream(d, count, 3, [&](std::size_t first, std::size_t rows, const auto& x, const auto& y) {
    table(x, y, groups.of_tokens(first, rows, d.row_tokens));
  });
  const qfa::leave_one_out r = honest(table);
  std::vector<std::uint32_t> features;
  for (std::uint32_t f = 0; f < count; ++f)
    features.push_back(f);
  const qfa::correlation_replicates replicates(r, features);
  const std::vector<double> plain = replicates(std::vector<std::uint32_t>(r.groups, 1));
  for (std::size_t j = 0; j < features.size(); ++j)
    CHECK(qfa_test::close(plain[j], r.r[features[j]], 1e-12));

  // Over replicates the exact and the linear ones move together: what is left is of second order.
  double far = 0.0, moved = 0.0;
  for (std::size_t b = 0; b < 50; ++b) {
    const auto w = qfa::poisson_weights(9).of(b, r.groups);
    const std::vector<double> drawn = replicates(w);
    for (std::size_t j = 0; j < features.size(); ++j) {
      const double exact = std::atanh(qfa::pearson(qfa::weighted_total(table, features[j], w)));
      far += std::pow(std::atanh(drawn[j]) - exact, 2.0);
      moved += std::pow(exact - std::atanh(r.r[features[j]]), 2.0);
    }
  }
  CAPTURE(far / moved);
  CHECK(far < 0.15 * moved);
}

TEST_CASE("correlation_replicates: perfect and undefined correlations stay what they are") {
  qfa::leave_one_out r;
  r.groups = 8;
  r.r = {1.0, qfa_test::not_a_number, 0.0};
  r.shift.assign(24, 0.0f);
  const std::vector<std::uint32_t> all{0, 1, 2};
  const std::vector<double> drawn =
      qfa::correlation_replicates(r, all)(std::vector<std::uint32_t>{3, 0, 1, 0, 2, 1, 1, 0});
  CHECK(drawn[0] == 1.0);
  CHECK(std::isnan(drawn[1]));
  CHECK(drawn[2] == 0.0);
}

TEST_CASE("bootstrap_over: near the jackknife for a mean, paired for a difference, and strangers are refused") {
  const qfa_test::statistics_oracle oracle;
  const qfa::leave_one_out a = honest(oracle.table("a")), b = honest(oracle.table("b"));
  std::vector<std::uint32_t> features;
  for (std::uint32_t f = 19; f < oracle.features; ++f)
    if (a.ranges[f].kind == qfa::interval_kind::two_sided && b.ranges[f].kind == qfa::interval_kind::two_sided)
      features.push_back(f);
  const auto mean = [](numbers r) {
    double sum = 0.0;
    for (const double x : r)
      sum += x;
    return sum / static_cast<double>(r.size());
  };
  const qfa::estimate by_jackknife = qfa::estimate_over(a, features, mean, {});
  const qfa::estimate by_bootstrap = qfa::bootstrap_over(a, features, mean, {.seed = 1});
  CHECK(by_bootstrap.value == by_jackknife.value);
  CHECK(by_bootstrap.range.standard_error == doctest::Approx(by_jackknife.range.standard_error).epsilon(0.15));

  const auto gap = [&](numbers x, numbers y) { return mean(x) - mean(y); };
  CHECK(qfa::bootstrap_over(a, b, features, gap, {}).range.standard_error ==
        doctest::Approx(qfa::estimate_over(a, b, features, gap, {}).range.standard_error).epsilon(0.15));
  const qfa::estimate itself = qfa::bootstrap_over(a, a, features, gap, {});
  CHECK(itself.range.standard_error == 0.0);  // the same weights on both sides
  CHECK(itself.range.kind == qfa::interval_kind::refused);

  qfa::leave_one_out other = b;
  other.groups -= 1;
  CHECK_THROWS_AS(qfa::bootstrap_over(a, other, features, gap, {}), qfa::error);
}

}  // namespace stats_poisson_bootstrap_test
