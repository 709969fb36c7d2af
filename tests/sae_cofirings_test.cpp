// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/cofirings.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "meaning_oracle.hpp"

namespace sae_cofirings_test {

using pairs = std::vector<qfa::cofiring_pair>;

/// Blocks of codes in which neighbors like to fire together.
std::vector<qfa::sparse_codes> made_up_blocks(std::size_t width, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<qfa::sparse_codes> blocks;
  for (std::size_t b = 0; b < 3; ++b) {
    qfa::sparse_codes codes(width);
    for (std::size_t t = 0; t < 40; ++t) {
      const std::size_t center = random() % 6 * (width / 6);
      for (std::size_t j = center; j < std::min(width, center + 4); ++j)
        if (random() % 5 != 0) codes.push(static_cast<std::uint32_t>(j), 1.0f);
      codes.end_token();
    }
    blocks.push_back(codes);
  }
  return blocks;
}

TEST_CASE("cofiring_features: what counting every pair gives, whatever the strips") {
  // 3000 features take two strips of 2^23 counters, and most of them are silent.
  for (const std::size_t width : {std::size_t{12}, std::size_t{3000}}) {
    const auto blocks = made_up_blocks(width, 7);
    std::vector<std::uint64_t> firings(width, 0);
    pairs expected;
    std::vector<std::uint64_t> both(width * width, 0);
    for (const auto& codes : blocks)
      for (std::size_t t = 0; t < codes.tokens(); ++t)
        for (const std::uint32_t a : codes[t].features) {
          ++firings[a];
          for (const std::uint32_t b : codes[t].features)
            ++both[a * width + b];
        }
    for (std::uint32_t a = 0; a < width; ++a)
      for (std::uint32_t b = a + 1; b < width; ++b)
        if (const std::uint64_t n = both[a * width + b];
            n > 0 && 3 * n > firings[a] + firings[b])  // n / (a + b - n) > 1/2
          expected.push_back({a, b, n});
    REQUIRE(expected.size() > 3);
    const auto block_at = [&](std::size_t b) { return blocks[b]; };
    CHECK(qfa::cofiring_features(blocks.size(), block_at, width, firings, 0.5) == expected);

    // Counted for these pairs alone, and in parts.
    pairs counted = expected;
    for (auto& p : counted)
      p.tokens = 0;
    for (const auto& codes : blocks)
      qfa::count_cofirings(codes, counted);
    CHECK(counted == expected);
  }
}

TEST_CASE("cofiring_features: a Jaccard index of the threshold itself is not above it") {
  qfa::sparse_codes codes(3);
  for (const std::vector<std::uint32_t>& fired : {std::vector<std::uint32_t>{0, 1, 2}, {0, 1}, {1}}) {
    for (const std::uint32_t j : fired)
      codes.push(j, 1.0f);
    codes.end_token();
  }
  const std::vector<std::uint64_t> firings{2, 3, 1};
  const auto block_at = [&](std::size_t) { return codes; };
  CHECK(qfa::cofiring_features(1, block_at, 3, firings, 0.5) == pairs{{0, 1, 2}});  // 2/3; 0 and 2: 1/2
}

TEST_CASE("merge_cofirings: counts of the same pair add up, others stand by themselves") {
  const pairs x{{0, 1, 2}, {0, 3, 1}, {2, 3, 4}}, y{{0, 2, 5}, {0, 3, 6}, {3, 4, 1}};
  CHECK(qfa::merge_cofirings(x, y) == pairs{{0, 1, 2}, {0, 2, 5}, {0, 3, 7}, {2, 3, 4}, {3, 4, 1}});
  CHECK(qfa::merge_cofirings(x, {}) == x);
}

}  // namespace sae_cofirings_test
