// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/random_groups.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "qfa/cache/uniform.hpp"
#include "scratch.hpp"

namespace cache_random_groups_test {

using qfa::cache_granularity;
using qfa::cache_range;
using qfa::random_groups;
using qfa::random_partition;
using qfa::uniform_cache;
using qfa_test::cached_text;
using qfa_test::check_refused;
using qfa_test::held_after;
using qfa_test::held_at_once;
using qfa_test::made_text;

namespace {

uniform_cache symmetric(cache_granularity per, int bits) {
  return {.bits = bits, .range = cache_range::symmetric, .keys = per, .values = per};
}

double error_of(const cached_text& held, const cached_text& text) {
  double sum = 0.0;
  for (std::size_t i = 0; i < text.keys.size(); ++i)
    sum += std::pow(static_cast<double>(held.keys[i]) - static_cast<double>(text.keys[i]), 2.0);
  return sum;
}

}  // namespace

TEST_CASE("random_partition: every element has a group, and sizes differ by one at most") {
  const qfa::counter_random random(1, "a", qfa::random_use::permutation);
  for (const std::size_t elements : {std::size_t{1}, std::size_t{12}, std::size_t{23}, std::size_t{276}})
    for (const std::size_t groups : {std::size_t{1}, std::size_t{5}, std::size_t{12}}) {
      const std::vector<std::size_t> group = random_partition(elements, groups, random, 0);
      std::vector<std::size_t> sizes(groups, 0);
      for (const std::size_t g : group)
        ++sizes.at(g);
      CHECK(group.size() == elements);
      CHECK(*std::ranges::max_element(sizes) - *std::ranges::min_element(sizes) <= 1);
    }
  CHECK_THROWS_AS(random_partition(3, 0, random, 0), qfa::error);
}

TEST_CASE("random_partition: any two elements are as likely to share a group, under any seed or later numbers") {
  // Of 12 elements in 4 groups of 3, two share one with probability 2/11 = 0.182; a standard error is 0.0086.
  for (const std::size_t a : {std::size_t{0}, std::size_t{4}, std::size_t{10}})
    for (const bool by_seed : {true, false}) {
      int together = 0;
      for (std::size_t s = 0; s < 2000; ++s) {
        const qfa::counter_random random(by_seed ? s : 1, "a", qfa::random_use::permutation);
        const std::vector<std::size_t> group = random_partition(12, 4, random, by_seed ? 0 : 12 * s);
        together += group[a] == group[a + 1] ? 1 : 0;
      }
      CHECK(std::fabs(together / 2000.0 - 2.0 / 11.0) < 4.0 * 0.0086);
    }
}

TEST_CASE("random_partition: every element falls into every group equally often") {
  // Of 3000 draws a third; a standard error is 0.0086.
  std::vector<int> counts(9, 0);
  for (std::size_t s = 0; s < 3000; ++s) {
    const std::vector<std::size_t> group =
        random_partition(3, 3, qfa::counter_random(s, "a", qfa::random_use::permutation), 0);
    for (std::size_t i = 0; i < 3; ++i)
      ++counts[i * 3 + group[i]];
  }
  for (const int count : counts)
    CHECK(std::fabs(count / 3000.0 - 1.0 / 3.0) < 4.0 * 0.0086);
}

TEST_CASE("random_groups: obeys the laws of caches") {
  qfa_test::check_call_laws(random_groups{.bits = 3, .seed = 1});
  qfa_test::check_call_laws(random_groups{.bits = 3, .groups = 5, .seed = 1, .range = cache_range::asymmetric});
  qfa_test::check_call_laws(random_groups{.bits = 8, .seed = 1, .arithmetic = qfa::float_format::bf16});
}

TEST_CASE("random_groups: each group is rounded by its own largest magnitude, as the grid's formula has it") {
  const cached_text text = made_text(23);
  const cached_text held = held_after(random_groups{.bits = 3, .seed = 4}, text, {9, 14});
  for (const bool keys : {true, false})
    for (const auto& [first, tokens] : {std::pair<std::size_t, std::size_t>{0, 9}, {9, 14}}) {
      const std::vector<float>&x = keys ? text.keys : text.values, &found = keys ? held.keys : held.values;
      const qfa::counter_random random(4, keys ? "keys of layer 3" : "values of layer 3", qfa::random_use::permutation);
      const std::vector<std::size_t> group = random_partition(tokens * 12, 12, random, first * 12);
      for (std::size_t g = 0; g < 12; ++g) {
        float peak = 0.0f;
        for (std::size_t i = 0; i < group.size(); ++i)
          if (group[i] == g) peak = (std::max)(peak, std::fabs(x[first * 12 + i]));
        const float scale = peak / 3.0f;  // codes -4 to 3
        for (std::size_t i = 0; i < group.size(); ++i)
          if (group[i] == g) REQUIRE(found[first * 12 + i] == std::nearbyint(x[first * 12 + i] / scale) * scale);
      }
    }
}

TEST_CASE("random_groups: one group is a scale for the tensor, and of a lone token each channel has its scale") {
  const cached_text text = made_text(23);
  const std::vector<std::size_t> calls{9, 1, 1, 6, 1, 5};
  CHECK(held_after(random_groups{.bits = 3, .groups = 1, .seed = 1}, text, calls) ==
        held_after(symmetric(cache_granularity::tensor, 3), text, calls));
  const std::vector<std::size_t> one_by_one(23, 1);
  const cached_text channels = held_after(symmetric(cache_granularity::channel, 3), text, one_by_one);
  CHECK(held_after(random_groups{.bits = 3, .seed = 1}, text, one_by_one) == channels);
  CHECK(held_after(random_groups{.bits = 3, .groups = 1000, .seed = 1}, text, one_by_one) == channels);
  CHECK(held_at_once(random_groups{.bits = 3, .seed = 1}, text) !=
        held_at_once(symmetric(cache_granularity::channel, 3), text));
}

TEST_CASE("random_groups: an outlying channel spoils random groups, while channels of their own spare the others") {
  const cached_text text = made_text(40);  // keys have one
  const double channel = error_of(held_at_once(symmetric(cache_granularity::channel, 4), text), text);
  const double tensor = error_of(held_at_once(symmetric(cache_granularity::tensor, 4), text), text);
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const double random = error_of(held_at_once(random_groups{.bits = 4, .seed = seed}, text), text);
    CHECK(random > 2.0 * channel);
    CHECK(random < tensor);
  }
  CHECK(held_at_once(random_groups{.bits = 4, .seed = 1}, text) !=
        held_at_once(random_groups{.bits = 4, .seed = 2}, text));
}

TEST_CASE("random_groups: as many bits as a scale for each channel takes") {
  const qfa::cache_info info = qfa_test::small_cache();
  for (const std::size_t tokens : {std::size_t{0}, std::size_t{1}, std::size_t{37}}) {
    CHECK(random_groups{.bits = 3, .seed = 1}.stored_bits(tokens, info) ==
          symmetric(cache_granularity::channel, 3).stored_bits(tokens, info));
    uniform_cache asymmetric = symmetric(cache_granularity::channel, 5);
    asymmetric.range = cache_range::asymmetric;
    asymmetric.arithmetic = qfa::float_format::bf16;
    CHECK(random_groups{.bits = 5, .seed = 1, .range = cache_range::asymmetric, .arithmetic = qfa::float_format::bf16}
              .stored_bits(tokens, info) == asymmetric.stored_bits(tokens, info));
  }
  CHECK(random_groups{.bits = 4, .groups = 2, .seed = 1}.stored_bits(10, info).keys == 10 * 12 * 4 + 2 * 32);
  CHECK(random_groups{.bits = 4, .groups = 2000, .seed = 1}.stored_bits(10, info).keys == 10 * 12 * 4 + 120 * 32);
}

TEST_CASE("random_groups: says what it is, and refuses what it cannot be") {
  CHECK(random_groups{.bits = 3, .seed = 1}.name() == "random_groups:bits=3,seed=1");
  CHECK(random_groups{.bits = 3, .groups = 7, .seed = 1}.name() == "random_groups:bits=3,groups=7,seed=1");
  CHECK(qfa::point_of(random_groups{}) == qfa::cache_point::before_rope);
  CHECK(qfa::reads_of(random_groups{}) == qfa::attention_reads::stored);
  for (const int bits : {1, 9})
    check_refused([&] { random_groups{.bits = bits}.validate(); }, {"bits must lie between 2 and 8"});
  check_refused([&] { held_at_once(random_groups{.bits = 1}, made_text(2)); }, {"not 1"});
  check_refused(
      [&] {
        held_at_once(random_groups{.bits = 2, .arithmetic = qfa::float_format::fp16}, qfa_test::text_of(2, 1e5f));
      },
      {"the keys of layer 3 are too large for random_groups with arithmetic=fp16"});
}

}  // namespace cache_random_groups_test
