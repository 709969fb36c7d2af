// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/comoments.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "laws.hpp"

namespace stats_comoments_test {

using pairs = std::vector<std::tuple<double, double>>;

namespace {

constexpr bool known_values() {
  qfa::comoments c;
  for (const auto& [x, y] : {std::pair{4.0, 1.0}, {7.0, 3.0}, {13.0, 5.0}, {16.0, 7.0}})
    c(x, y);
  return c.count == 4 && c.mean_x == 10.0 && c.mean_y == 4.0 && c.xx == 90.0 && c.yy == 20.0 && c.xy == 42.0 &&
         c.energy_x() == 490.0 && c.sum_x() == 40.0 && c.sum_y() == 16.0;
}
static_assert(known_values());

bool same(const qfa::comoments& a, const qfa::comoments& b) {
  using qfa_test::close;
  return a.count == b.count && close(a.mean_x, b.mean_x) && close(a.mean_y, b.mean_y) && close(a.xx, b.xx) &&
         close(a.yy, b.yy) && close(a.xy, b.xy);
}

qfa::comoments filled(const pairs& stream) {
  qfa::comoments c;
  for (const auto& [x, y] : stream)
    c(x, y);
  return c;
}

/// Two passes in extended precision, from the definition.
long double exact_pearson(const pairs& stream) {
  const auto n = static_cast<long double>(stream.size());
  long double mean_x = 0.0L, mean_y = 0.0L, xx = 0.0L, yy = 0.0L, xy = 0.0L;
  for (const auto& [x, y] : stream)
    mean_x += x, mean_y += y;
  mean_x /= n;
  mean_y /= n;
  for (const auto& [x, y] : stream) {
    xx += (x - mean_x) * (x - mean_x);
    yy += (y - mean_y) * (y - mean_y);
    xy += (x - mean_x) * (y - mean_y);
  }
  return xy / std::sqrt(xx * yy);
}

pairs correlated(std::size_t n, double mean, double sd, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  pairs stream;
  for (std::size_t i = 0; i < n; ++i) {
    const double common = normal(random);
    stream.emplace_back(mean + sd * common, -2.0 * mean + sd * (0.8 * common + 0.6 * normal(random)));
  }
  return stream;
}

}  // namespace

TEST_CASE("comoments: merge laws over every cut") {
  qfa_test::check_merge_laws<qfa::comoments>(correlated(12, 3.0, 1.0, 1), {}, same);
  qfa_test::check_merge_laws<qfa::comoments>(pairs{}, {}, same);
  qfa_test::check_merge_laws<qfa::comoments>(pairs{{1.5, 2.5}}, {}, same);
  // Integer values with integer means: nothing may round.
  qfa_test::check_merge_laws<qfa::comoments>(pairs{{2.0, 4.0}, {2.0, 4.0}, {2.0, 4.0}, {2.0, 4.0}});
}

TEST_CASE("comoments: a mean a million times the deviation leaves r right to 1e-9") {
  for (const std::size_t n : {std::size_t{100}, std::size_t{4096}, std::size_t{200000}}) {
    const pairs stream = correlated(n, 1e6, 1.0, 2);
    const auto expected = static_cast<double>(exact_pearson(stream));
    CAPTURE(n);
    CHECK(std::fabs(qfa::pearson(filled(stream)) - expected) < 1e-9);
    // In 64 parts, as groups of rows are merged.
    qfa::comoments merged;
    for (std::size_t g = 0; g < 64; ++g) {
      qfa::comoments part;
      for (std::size_t i = n * g / 64; i < n * (g + 1) / 64; ++i)
        part(std::get<0>(stream[i]), std::get<1>(stream[i]));
      merged += part;
    }
    CHECK(std::fabs(qfa::pearson(merged) - expected) < 1e-9);
  }
}

TEST_CASE("comoments: zeros in closed form equal zeros one by one") {
  for (std::uint64_t zeros : {0U, 1U, 2U, 7U, 1000U}) {
    CAPTURE(zeros);
    for (const pairs& stream : {correlated(9, 3.0, 1.0, 3), pairs{{2.0, 5.0}}, pairs{}}) {
      qfa::comoments closed = filled(stream);
      closed.add_zeros(zeros);
      qfa::comoments visited = filled(stream);
      for (std::uint64_t i = 0; i < zeros; ++i)
        visited(0.0, 0.0);
      CHECK(same(closed, visited));
    }
  }
}

TEST_CASE("comoments: a side and its copy correlate at exactly 1, in any parts") {
  std::mt19937_64 random(4);
  std::gamma_distribution<double> gamma(2.0, 0.37);
  for (std::size_t n = 2; n < 200; ++n) {
    qfa::comoments parts, all;
    for (std::size_t i = 0; i < n; ++i) {
      const double x = gamma(random);
      all(x, x);
      if (i % 7 == 0) {
        parts += all;
        all = {};
      }
    }
    parts += all;
    parts.add_zeros(n);
    CHECK(parts.xx == parts.yy);
    CHECK(parts.xx == parts.xy);
    CHECK(qfa::pearson(parts) == 1.0);
    CHECK(qfa::published_pearson(parts) == 1.0);
  }
}

TEST_CASE("pearson: a side that does not vary has no correlation, under the published guard 0") {
  const qfa::comoments constant_x = filled({{2.0, 1.0}, {2.0, 5.0}, {2.0, 3.0}});
  const qfa::comoments constant_y = filled({{1.0, 0.1}, {4.0, 0.1}, {2.5, 0.1}});
  for (const qfa::comoments& c : {constant_x, constant_y, qfa::comoments{}, filled({{1.0, 2.0}})}) {
    CHECK(std::isnan(qfa::pearson(c)));
    CHECK(qfa::published_pearson(c) == 0.0);
  }
}

TEST_CASE("pearson: known values, both signs, and the clamp") {
  CHECK(qfa::pearson(filled({{1.0, 1.0}, {2.0, 2.0}, {3.0, 2.0}})) ==
        doctest::Approx(std::sqrt(3.0) / 2.0).epsilon(1e-15));
  CHECK(qfa::pearson(filled({{1.0, -3.0}, {2.0, -6.0}, {4.0, -12.0}})) == doctest::Approx(-1.0).epsilon(1e-15));
  CHECK(qfa::pearson({.count = 2, .mean_x = 0, .mean_y = 0, .xx = 1.0, .yy = 1.0, .xy = 1.1}) == 1.0);
  CHECK(qfa::pearson({.count = 2, .mean_x = 0, .mean_y = 0, .xx = 1.0, .yy = 1.0, .xy = -1.1}) == -1.0);
  CHECK(qfa::published_pearson({.count = 2, .mean_x = 0, .mean_y = 0, .xx = 1.0, .yy = 1.0, .xy = 1.1}) == 1.0);
  CHECK(qfa::published_pearson({.count = 2, .mean_x = 0, .mean_y = 0, .xx = 1.0, .yy = 1.0, .xy = -1.1}) == -1.0);
}

TEST_CASE("pearson: sums of squares whose product leaves the range of double") {
  const auto with = [](double xx, double yy, double xy) {
    return qfa::pearson({.count = 9, .mean_x = 0.0, .mean_y = 0.0, .xx = xx, .yy = yy, .xy = xy});
  };
  for (const double unit : {1e-200, 1e-160, 1e160, 1e200}) {
    CAPTURE(unit);
    CHECK(with(4.0 * unit, unit, unit) == doctest::Approx(0.5).epsilon(1e-14));
    CHECK(with(4.0 * unit, unit, -2.0 * unit) == doctest::Approx(-1.0).epsilon(1e-14));
  }
}

TEST_CASE("published_pearson: the product of the sums of squares counts as 1e-12 at least") {
  const auto with = [](double xx, double yy, double xy) {
    return qfa::comoments{.count = 9, .mean_x = 0.0, .mean_y = 0.0, .xx = xx, .yy = yy, .xy = xy};
  };
  // sqrt(1e-7 1e-7) is 1e-7, but the guard divides by 1e-6.
  CHECK(qfa::published_pearson(with(1e-7, 1e-7, 0.8e-7)) == doctest::Approx(0.08).epsilon(1e-12));
  CHECK(qfa::pearson(with(1e-7, 1e-7, 0.8e-7)) == doctest::Approx(0.8).epsilon(1e-12));
  // A thousandth above the limit the guard is out of the way.
  CHECK(qfa::published_pearson(with(1e-6, 1.001e-6, 0.5e-6)) == qfa::pearson(with(1e-6, 1.001e-6, 0.5e-6)));
}

}  // namespace stats_comoments_test
