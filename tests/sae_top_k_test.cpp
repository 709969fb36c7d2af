// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/top_k.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "scratch.hpp"

namespace sae_top_k_test {

namespace {

struct firing {
  std::uint32_t feature;
  float value;
  bool operator==(const firing&) const = default;
};

void offer(qfa::top_k_candidates& candidates, std::uint32_t feature, float value) {
  candidates.append(feature, std::span(&value, 1));
}

std::vector<firing> result_of(qfa::top_k_candidates& candidates) {
  std::vector<firing> out;
  const auto& result = candidates.result();
  for (std::size_t i = 0; i < result.size(); ++i)
    out.push_back({result.features()[i], result.values()[i]});
  return out;
}

/// By sorting everything: the definition.
std::vector<firing> by_sorting(std::vector<firing> all, std::size_t k) {
  std::erase_if(all, [](const firing& f) { return !(f.value > 0.0f); });
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.value > b.value; });
  all.resize(std::min(k, all.size()));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.feature < b.feature; });
  return all;
}

}  // namespace

TEST_CASE("top_k_candidates: equals a stable sort, with many ties, for every k, one by one and in runs") {
  std::mt19937 bits(5);
  for (std::size_t k = 1; k <= 20; ++k)
    for (std::size_t n : {0u, 1u, 7u, 40u, 200u})
      for (std::size_t run : {1u, 4u, 16u}) {
        CAPTURE(k);
        CAPTURE(n);
        CAPTURE(run);
        qfa::top_k_candidates candidates(k);
        std::vector<firing> all;
        std::vector<float> values;
        for (std::size_t j = 0; j < n; ++j) {
          values.push_back(static_cast<float>(bits() % 9) - 2.0f);
          all.push_back({static_cast<std::uint32_t>(j), values.back()});
        }
        for (std::size_t j = 0; j < n; j += run)
          candidates.append(j, std::span<const float>(values).subspan(j, std::min(run, n - j)));
        CHECK(result_of(candidates) == by_sorting(all, k));
      }
}

TEST_CASE("top_k_candidates: the bar is the k-th largest so far once 2k were kept, and turns away its equals") {
  qfa::top_k_candidates candidates(2);
  for (std::uint32_t j = 0; j < 3; ++j)
    offer(candidates, j, 1.0f + static_cast<float>(j));
  CHECK(candidates.bar() == 0.0f);
  offer(candidates, 3, 3.0f);
  CHECK(candidates.bar() == 3.0f);
  offer(candidates, 4, 3.0f);
  CHECK(result_of(candidates) == std::vector<firing>{{2, 3.0f}, {3, 3.0f}});
}

TEST_CASE("kth_largest: is the element that sorting would put there, from denormals to infinity") {
  std::mt19937 bits(6);
  std::vector<float> values{std::numeric_limits<float>::infinity(), std::numeric_limits<float>::denorm_min(),
                            std::numeric_limits<float>::max(), 1.0f, 1.0f};
  for (int i = 0; i < 50; ++i)
    values.push_back(std::ldexp(static_cast<float>(bits() % 1000 + 1), i - 25));
  std::vector<float> sorted = values;
  std::sort(sorted.begin(), sorted.end(), std::greater<>{});
  for (std::size_t k = 1; k <= values.size(); ++k)
    CHECK(qfa::detail::kth_largest(values, k) == sorted[k - 1]);
}

TEST_CASE("top_k_candidates: none at all is refused") {
  qfa_test::check_refused([] { qfa::top_k_candidates{0}; }, {"at least one"});
}

}  // namespace sae_top_k_test
