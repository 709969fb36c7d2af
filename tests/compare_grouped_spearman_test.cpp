// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/grouped_spearman.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "scratch.hpp"

namespace compare_grouped_spearman_test {

using namespace qfa;

TEST_CASE("grouped_spearman: as spearman and the jackknife by themselves, ranks taken anew without each group") {
  constexpr std::size_t groups = 10;
  std::mt19937 random(4);
  std::normal_distribution<double> normal;
  std::vector<double> a, b;
  std::vector<std::uint32_t> group;
  for (std::size_t i = 0; i < 400; ++i) {
    a.push_back(std::round(4.0 * normal(random)));  // ties abound
    b.push_back(0.3 * a.back() + normal(random) + 0.1 * static_cast<double>(i % groups));
    group.push_back(static_cast<std::uint32_t>(i % 7 == 0 ? 9 : i % groups));  // of different sizes, in no order
  }
  std::vector<double> without;
  for (std::size_t g = 0; g < groups; ++g) {
    std::vector<double> some_a, some_b;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (group[i] != g) some_a.push_back(a[i]), some_b.push_back(b[i]);
    without.push_back(spearman(some_a, some_b));
  }
  const estimate got = grouped_spearman(a, b, group, groups);
  const estimate expected = jackknife(spearman(a, b), without, {.scale = interval_scale::atanh});
  CHECK(got.value == expected.value);
  CHECK(got.range.lower == expected.range.lower);
  CHECK(got.range.upper == expected.range.upper);
  CHECK(got.bias_corrected == expected.bias_corrected);
  CHECK(got.range.kind == interval_kind::two_sided);
  CHECK(grouped_spearman(a, b, group, groups, 0.5).range.upper < got.range.upper);
}

TEST_CASE("grouped_spearman: what does not vary, or is not there, has no correlation") {
  const std::vector<double> a{1.0, 2.0}, same{3.0, 3.0}, bad{1.0, std::nan("")};
  const std::vector<std::uint32_t> group{0, 1};
  CHECK(std::isnan(grouped_spearman(a, same, group, 8).value));
  CHECK(std::isnan(grouped_spearman({}, {}, {}, 8).value));
  qfa_test::check_refused([&] { grouped_spearman(a, bad, group, 8); }, {"NaN"});
  qfa_test::check_refused([&] { grouped_spearman(a, {}, group, 8); }, {"a group for each pair"});
}

}  // namespace compare_grouped_spearman_test
