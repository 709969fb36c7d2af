// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/mergeable.hpp"

#include "laws.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace core_mergeable_test {

namespace {

struct counter {
  std::size_t n = 0;
  void operator()(int) { ++n; }
  counter& operator+=(const counter& other) {
    n += other.n;
    return *this;
  }
  bool operator==(const counter&) const = default;
};
static_assert(qfa::mergeable<counter, int>);
static_assert(!qfa::mergeable<counter, std::string>);
static_assert(!qfa::mergeable<counter, int, int>);
static_assert(!qfa::mergeable<int, int>);

struct without_equality {
  void operator()(int) {}
  without_equality& operator+=(const without_equality&) { return *this; }
};
static_assert(!qfa::mergeable<without_equality, int>);

struct returns_a_copy : counter {
  returns_a_copy operator+=(const returns_a_copy&) { return *this; }
  bool operator==(const returns_a_copy&) const = default;
};
static_assert(!qfa::mergeable<returns_a_copy, int>);

/// A sum of products: a sample is two arguments.
struct products {
  double sum = 0.0;
  void operator()(double x, double y) { sum += x * y; }
  products& operator+=(const products& other) {
    sum += other.sum;
    return *this;
  }
  bool operator==(const products&) const = default;
};
static_assert(qfa::mergeable<products, double, double>);

/// Adopts a width on its first merge, as the per-feature tables do.
struct histogram {
  std::vector<std::size_t> counts;
  void operator()(std::size_t bin) { ++counts.at(bin); }
  histogram& operator+=(const histogram& other) {
    if (counts.empty()) counts.resize(other.counts.size());
    for (std::size_t i = 0; i < other.counts.size(); ++i) counts[i] += other.counts[i];
    return *this;
  }
  bool operator==(const histogram&) const = default;
};

}  // namespace

TEST_CASE("merge laws: a counter obeys them") {
  qfa_test::check_merge_laws<counter>(std::vector<int>{3, 1, 4, 1, 5});
  qfa_test::check_merge_laws<counter>(std::vector<int>{});
}

TEST_CASE("merge laws: a sample of two arguments comes as a tuple") {
  const std::vector<std::tuple<double, double>> stream{{1, 2}, {0.1, 3}, {-4, 0.7}, {1e3, 1e-3}};
  qfa_test::check_merge_laws<products>(stream, {}, [](const products& a, const products& b) {
    return qfa_test::close(a.sum, b.sum);
  });
}

TEST_CASE("merge laws: an accumulator may begin with a width") {
  qfa_test::check_merge_laws(std::vector<std::size_t>{0, 2, 2, 1}, histogram{{0, 0, 0}});
}

TEST_CASE("close: rounding is forgiven, NaN and infinities are not numbers") {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(qfa_test::close(1.0, 1.0 + 1e-15));
  CHECK(qfa_test::close(1e6, 1e6 + 1e-8));
  CHECK_FALSE(qfa_test::close(1.0, 1.0 + 1e-9));
  CHECK(qfa_test::close(nan, nan));
  CHECK_FALSE(qfa_test::close(nan, 0.0));
  CHECK(qfa_test::close(inf, inf));
  CHECK_FALSE(qfa_test::close(inf, -inf));
  CHECK_FALSE(qfa_test::close(inf, 1e300));
}

}  // namespace core_mergeable_test
