// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/correlation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace compare_correlation_test {

using qfa_test::close;
using qfa_test::draw;
using qfa_test::not_a_number;

namespace {

/// tau_b by its definition, over all pairs.
double all_pairs_tau(const std::vector<double>& a, const std::vector<double>& b) {
  const auto sign = [](double d) { return d > 0.0 ? 1.0 : d < 0.0 ? -1.0 : 0.0; };
  double excess = 0.0;
  double in_a = 0.0;
  double in_b = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const double da = sign(a[i] - a[j]);
      const double db = sign(b[i] - b[j]);
      excess += da * db;
      in_a += da * da;
      in_b += db * db;
    }
  return in_a * in_b == 0.0 ? not_a_number : excess / std::sqrt(in_a * in_b);
}

}  // namespace

TEST_CASE("correlations: agree with scipy, ties included") {
  const qfa::json stored = qfa_test::read_data("compare.json").at("pairs");
  for (const auto& pair : stored) {
    const std::vector<double> x = qfa_test::numbers(pair.at("x"));
    const std::vector<double> y = qfa_test::numbers(pair.at("y"));
    CHECK(close(qfa::pearson(x, y), pair.at("pearson").get<double>(), 1e-14));
    CHECK(close(qfa::spearman(x, y), pair.at("spearman").get<double>(), 1e-14));
    CHECK(close(qfa::kendall_tau_b(x, y), pair.at("kendall_tau_b").get<double>(), 1e-14));
  }
}

TEST_CASE("pearson: a line gives 1 or -1, never beyond") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const std::vector<double> x = draw(3 + seed % 50, seed);
    std::vector<double> up;
    std::vector<double> down;
    for (const double v : x) {
      up.push_back(3.0 * v + 0.7);
      down.push_back(-0.1 * v);
    }
    CHECK(close(qfa::pearson(x, up), 1.0, 1e-13));
    CHECK(close(qfa::pearson(x, down), -1.0, 1e-13));
    CHECK(qfa::pearson(x, x) == 1.0);
    CHECK(qfa::pearson(x, up) <= 1.0);
    CHECK(qfa::pearson(x, down) >= -1.0);
  }
}

TEST_CASE("pearson: undefined for constants, for fewer than two pairs and for values that are not finite") {
  // The computed mean of seven times 0.1 is not 0.1: only the extremes tell that the sequence is constant.
  const std::vector<double> x = draw(7, 1);
  CHECK(std::isnan(qfa::pearson(std::vector<double>(7, 0.1), x)));
  CHECK(std::isnan(qfa::pearson(x, std::vector<double>(7, 1e300))));
  CHECK(std::isnan(qfa::pearson(std::vector{1.0}, std::vector{2.0})));
  CHECK(std::isnan(qfa::pearson(std::vector<double>{}, std::vector<double>{})));
  CHECK(std::isnan(qfa::pearson(std::vector{1.0, not_a_number, 3.0}, std::vector{1.0, 2.0, 3.0})));
  CHECK(std::isnan(qfa::pearson(std::vector{1.0, 2.0, 3.0}, std::vector{1.0, qfa_test::infinity, 3.0})));
  CHECK_THROWS_AS(qfa::pearson(std::vector{1.0, 2.0}, std::vector{1.0}), qfa::error);
}

TEST_CASE("pearson: neither a far mean nor a tiny or a huge scale matters") {
  const std::vector<double> x{1.0, 4.0, 2.0, 8.0, 5.0, 7.0};
  const std::vector<double> y{2.0, 3.0, 1.0, 9.0, 4.0, 4.0};
  const double r = qfa::pearson(x, y);
  for (const double scale : {1e-200, 1e-300, 1e200, 1e300, -1e200}) {
    std::vector<double> scaled;
    for (const double v : x)
      scaled.push_back(v * scale);
    CHECK(close(qfa::pearson(scaled, y), scale > 0.0 ? r : -r, 1e-13));
  }
  std::vector<double> moved;
  for (const double v : x)
    moved.push_back(v + 1048576.0);  // exact
  CHECK(close(qfa::pearson(moved, y), r, 1e-13));
}

TEST_CASE("spearman: any increasing map gives 1, any decreasing one -1") {
  const std::vector<double> x = draw(100, 2, 40);
  std::vector<double> up;
  std::vector<double> down;
  for (const double v : x) {
    up.push_back(std::exp(20.0 * v));
    down.push_back(-v * v * v);
  }
  CHECK(close(qfa::spearman(x, up), 1.0, 1e-15));
  CHECK(close(qfa::spearman(x, down), -1.0, 1e-15));
  CHECK(qfa::pearson(x, up) < 0.9);
}

TEST_CASE("spearman: undefined for constants, and NaN is refused") {
  CHECK(std::isnan(qfa::spearman(std::vector{1.0, 1.0, 1.0}, std::vector{1.0, 2.0, 3.0})));
  CHECK(std::isnan(qfa::spearman(std::vector{1.0}, std::vector{1.0})));
  CHECK_THROWS_AS(qfa::spearman(std::vector{1.0, not_a_number}, std::vector{1.0, 2.0}), qfa::error);
  CHECK_THROWS_AS(qfa::spearman(std::vector{1.0, 3.0}, std::vector{1.0}), qfa::error);
}

TEST_CASE("kendall_tau_b: equals its definition over all pairs") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const std::size_t n = 2 + seed;
    const std::vector<double> a = draw(n, seed, 3 + seed);
    const std::vector<double> b = draw(n, seed + 1000, 2 + seed % 11);
    CAPTURE(seed);
    CHECK(close(qfa::kendall_tau_b(a, b), all_pairs_tau(a, b), 1e-14));
  }
}

TEST_CASE("kendall_tau_b: reversal gives -1, constants and single pairs nothing") {
  CHECK(qfa::kendall_tau_b(std::vector{1.0, 2.0, 3.0, 4.0}, std::vector{4.0, 3.0, 2.0, 1.0}) == -1.0);
  CHECK(qfa::kendall_tau_b(std::vector{1.0, 2.0, 2.0}, std::vector{10.0, 20.0, 20.0}) == 1.0);
  CHECK(std::isnan(qfa::kendall_tau_b(std::vector{1.0, 2.0}, std::vector{5.0, 5.0})));
  CHECK(std::isnan(qfa::kendall_tau_b(std::vector{1.0}, std::vector{5.0})));
  CHECK(std::isnan(qfa::kendall_tau_b(std::vector<double>{}, std::vector<double>{})));
  CHECK_THROWS_AS(qfa::kendall_tau_b(std::vector{1.0, not_a_number}, std::vector{1.0, 2.0}), qfa::error);
}

TEST_CASE("keep_complete_pairs: a pair with NaN on either side is left out, the others keep their order") {
  const qfa::complete_pairs kept =
      qfa::keep_complete_pairs(std::vector{1.0, not_a_number, 3.0, 4.0}, std::vector{5.0, 6.0, not_a_number, 8.0});
  CHECK(kept.a == std::vector{1.0, 4.0});
  CHECK(kept.b == std::vector{5.0, 8.0});
}

}  // namespace compare_correlation_test
