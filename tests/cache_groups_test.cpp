// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/groups.hpp"

#include <cstddef>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"

namespace cache_groups_test {

using qfa::cache_granularity;

namespace {

const qfa::cache_info info{.kv_heads = 2, .head_dim = 3};

// The number of each element's group, row by row, of 5 tokens.
std::vector<std::size_t> numbers(cache_granularity per, std::size_t group) {
  std::vector<float> x(30);
  std::vector<std::size_t> all(30, 99);
  qfa::for_each_part(qfa::matrix_view<float>(x.data(), 5, 6), qfa::tiling_of(per, group, 5, info),
                     [&](std::size_t g, std::span<float> part) {
                       for (float& value : part)
                         all[static_cast<std::size_t>(&value - x.data())] = g;
                     });
  return all;
}

// Group of token t, channel c by its definition.
template <class Definition>
void check_groups(cache_granularity per, std::size_t group, Definition definition) {
  CAPTURE(qfa::cache_granularity_names[static_cast<std::size_t>(per)]);
  const std::vector<std::size_t> found = numbers(per, group);
  for (std::size_t a = 0; a < 30; ++a)
    for (std::size_t b = 0; b < 30; ++b)
      REQUIRE((found[a] == found[b]) == (definition(a / 6, a % 6) == definition(b / 6, b % 6)));
  const std::set<std::size_t> distinct(found.begin(), found.end());
  const std::size_t count = qfa::tiling_of(per, group, 5, info).count(5, 6);
  CHECK(distinct.size() == count);
  CHECK(*distinct.rbegin() == count - 1);
}

}  // namespace

TEST_CASE("cache_granularity: elements share a group exactly where its definition says so") {
  using pair = std::pair<std::size_t, std::size_t>;
  check_groups(cache_granularity::tensor, 1, [](std::size_t, std::size_t) { return 0; });
  check_groups(cache_granularity::token, 1, [](std::size_t t, std::size_t) { return t; });
  check_groups(cache_granularity::token_head, 1, [](std::size_t t, std::size_t c) { return pair(t, c / 3); });
  check_groups(cache_granularity::channel, 1, [](std::size_t, std::size_t c) { return c; });
  for (const std::size_t g : std::vector<std::size_t>{1, 2, 4, 6, 64}) {
    check_groups(cache_granularity::channel_group, g, [&](std::size_t t, std::size_t c) { return pair(t, c / g); });
    check_groups(cache_granularity::token_group, g, [&](std::size_t t, std::size_t c) { return pair(t / g, c); });
  }
}

TEST_CASE("extents_of: zeros fill up the last group of channels only, and no other kind") {
  std::vector<float> x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const qfa::matrix_view<float> rows(x.data(), 2, 6);
  const auto extents = [&](cache_granularity per, std::size_t group) {
    std::vector<float> all;
    for (const auto& e : qfa::extents_of<qfa::float_format::fp32>(rows, qfa::tiling_of(per, group, 2, info))) {
      all.push_back(e.smallest);
      all.push_back(e.largest);
    }
    return all;
  };
  CHECK(extents(cache_granularity::channel_group, 4) == std::vector<float>{1, 4, 0, 6, 7, 10, 0, 12});
  CHECK(extents(cache_granularity::channel_group, 3) == std::vector<float>{1, 3, 4, 6, 7, 9, 10, 12});
  CHECK(extents(cache_granularity::token_group, 3) == std::vector<float>{1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12});
  CHECK(extents(cache_granularity::tensor, 1) == std::vector<float>{1, 12});
  CHECK(extents(cache_granularity::channel, 1) == extents(cache_granularity::token_group, 2));
}

TEST_CASE("extents_of: values are rounded to the arithmetic's type first") {
  std::vector<float> x{1.001f, -2.003f};
  const qfa::cache_tiling all{.rows = 1, .columns = 2};
  const auto e = qfa::extents_of<qfa::float_format::bf16>(qfa::matrix_view<float>(x.data(), 1, 2), all);
  CHECK(e.front().smallest == -2.0f);
  CHECK(e.front().largest == 1.0f);
}

}  // namespace cache_groups_test
