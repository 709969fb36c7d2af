// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/counter_random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace compress_counter_random_test {

using qfa::counter_random;
using qfa::philox4x32_10;
using qfa::random_use;
using words = std::array<std::uint32_t, 4>;

constexpr const char* up = "model.layers.0.mlp.up_proj.weight";

TEST_CASE("philox4x32_10: the known answers of the Random123 distribution") {
  constexpr std::uint32_t ones = 0xffffffffU;
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) == words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32_10({ones, ones, ones, ones}, {ones, ones}) == words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("fnv1a_64: known hashes, bytes above 127 included") {
  CHECK(qfa::fnv1a_64("") == 0xcbf29ce484222325U);
  CHECK(qfa::fnv1a_64("a") == 0xaf63dc4c8601ec8cU);
  CHECK(qfa::fnv1a_64("\xff") == (0xcbf29ce484222325U ^ 0xffU) * 1099511628211U);
}

TEST_CASE("counter_random: seed, name, use and element are laid out as documented") {
  // By an independent implementation in Python, Gaussian numbers by statistics.NormalDist.
  CHECK(counter_random(1, up, random_use::noise).bits(0) == 0x4f5877954ae090ecU);
  CHECK(counter_random(1, up, random_use::noise).bits(1) == 0x8bbd4dd15acb40e3U);
  CHECK(counter_random(2, up, random_use::noise).bits(1) == 0xea191b2a99b9e6eaU);
  CHECK(counter_random(1, "", random_use::signs).bits(7) == 0xfe2ad611f19a26f4U);
  const counter_random all(0x0123456789abcdefU, "w", random_use::pruning);
  CHECK(all.bits(0xfedcba98765432U) == 0x3ba4d0b33e0638f1U);
  CHECK(all.uniform(0xfedcba98765432U) == 0.23298363090545926);
  CHECK(all.below(1000, 0xfedcba98765432U) == 232);
  CHECK(all.gaussian(0xfedcba98765432U) == doctest::Approx(-0.7290562388855484).epsilon(1e-15));
  CHECK(all.gaussian(0xfedcba98765432U) ==
        qfa::normal_quantile(static_cast<double>(2 * (0x3ba4d0b33e0638f1U >> 12) + 1) * 0x1p-53));
  CHECK(counter_random(1, up, random_use::noise).gaussian(0) == doctest::Approx(-0.49601007556838356).epsilon(1e-15));
}

TEST_CASE("counter_random: seeds, names, uses and elements have numbers of their own") {
  std::set<std::uint64_t> seen;
  std::size_t drawn = 0;
  for (const std::uint64_t seed : {0U, 1U, 2U})
    for (const char* name : {"", "a", "b"})
      for (const random_use use : {random_use::noise, random_use::permutation, random_use::pruning, random_use::signs})
        for (std::uint64_t element = 0; element < 100; ++element, ++drawn)
          seen.insert(counter_random(seed, name, use).bits(element));
  CHECK(seen.size() == drawn);
}

TEST_CASE("counter_random: uniform numbers fill the interval, and below its bound evenly") {
  const counter_random random(7, "w", random_use::noise);
  constexpr std::size_t n = 40000;
  std::vector<std::size_t> counts(10, 0);
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double u = random.uniform(i);
    CHECK((u >= 0.0 && u < 1.0));
    sum += u;
    ++counts.at(static_cast<std::size_t>(random.below(10, i)));
    CHECK(random.below(1, i) == 0);
  }
  // Five standard deviations: sqrt(1 / 12 n) and sqrt(n 0.1 0.9).
  CHECK(std::fabs(sum / n - 0.5) < 5.0 / std::sqrt(12.0 * n));
  for (const std::size_t count : counts)
    CHECK(std::fabs(static_cast<double>(count) - 0.1 * n) < 5.0 * std::sqrt(0.09 * n));
}

TEST_CASE("counter_random: Gaussian numbers have the moments and the tails of a normal distribution") {
  const counter_random random(1, "w", random_use::noise);
  constexpr std::size_t n = 100000;
  std::array<double, 5> moments{};
  std::size_t beyond_two = 0;
  double neighbors = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double g = random.gaussian(i);
    for (std::size_t k = 1; k < moments.size(); ++k)
      moments[k] += std::pow(g, static_cast<double>(k)) / n;
    beyond_two += std::fabs(g) > 2.0 ? 1U : 0U;
    neighbors += g * random.gaussian(i + 1) / n;
  }
  // Five standard deviations of each mean: those of g, g^2, g^3, g^4 have variance 1, 2, 15, 96.
  const double unit = 5.0 / std::sqrt(static_cast<double>(n));
  CHECK(std::fabs(moments[1]) < unit);
  CHECK(std::fabs(moments[2] - 1.0) < unit * std::sqrt(2.0));
  CHECK(std::fabs(moments[3]) < unit * std::sqrt(15.0));
  CHECK(std::fabs(moments[4] - 3.0) < unit * std::sqrt(96.0));
  CHECK(std::fabs(neighbors) < unit);
  CHECK(std::fabs(static_cast<double>(beyond_two) / n - 0.0455) < unit * std::sqrt(0.0455));
}

}  // namespace compress_counter_random_test
