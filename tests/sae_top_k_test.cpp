// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/top_k.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace {

std::vector<qfa::firing> taken(qfa::top_k_candidates& candidates) {
  std::vector<qfa::firing> out;
  candidates.take([&](std::uint32_t feature, float value) { out.push_back({feature, value}); });
  return out;
}

/// By sorting everything: the definition.
std::vector<qfa::firing> by_sorting(std::vector<qfa::firing> all, std::size_t k) {
  std::erase_if(all, [](const qfa::firing& f) { return !(f.value > 0.0f); });
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.value > b.value; });
  all.resize(std::min(k, all.size()));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.feature < b.feature; });
  return all;
}

}  // namespace

TEST_CASE("top_k_candidates: equals a stable sort, with many ties, for every k") {
  std::mt19937 bits(5);
  for (std::size_t k = 1; k <= 20; ++k)
    for (std::size_t n : {0u, 1u, 7u, 40u, 200u}) {
      CAPTURE(k);
      CAPTURE(n);
      qfa::top_k_candidates candidates(k);
      std::vector<qfa::firing> all;
      for (std::size_t j = 0; j < n; ++j) {
        all.push_back({static_cast<std::uint32_t>(j * 3), static_cast<float>(bits() % 9) - 2.0f});
        candidates(all.back().feature, all.back().value);
      }
      CHECK(taken(candidates) == by_sorting(all, k));
      CHECK(taken(candidates).empty());  // it begins anew
      CHECK(candidates.bar() == 0.0f);
    }
}

TEST_CASE("top_k_candidates: the bar is the k-th largest so far once 2k were kept, and turns away its equals") {
  qfa::top_k_candidates candidates(2);
  for (std::uint32_t j = 0; j < 3; ++j) candidates(j, 1.0f + static_cast<float>(j));
  CHECK(candidates.bar() == 0.0f);
  candidates(3, 3.0f);
  CHECK(candidates.bar() == 3.0f);
  candidates(4, 3.0f);
  CHECK(taken(candidates) == std::vector<qfa::firing>{{2, 3.0f}, {3, 3.0f}});
}
