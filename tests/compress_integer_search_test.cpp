// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/integer_search.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "integer_oracle.hpp"

namespace compress_integer_search_test {

using qfa::shrink_search;
using qfa_test::integer_matrix;
using qfa_test::matrix;

namespace {

std::vector<std::size_t> bettered_steps(const shrink_search& search, const qfa::integer_scale& choices,
                                        std::span<const float> group) {
  std::vector<std::size_t> steps;
  search(choices, group, [&](std::size_t step) { steps.push_back(step); });
  return steps;
}

}  // namespace

TEST_CASE("shrink_search: it tries int of maxshrink times grid steps, from the full range downward") {
  CHECK(shrink_search{.grid = 100, .maxshrink = 0.8}.steps() == 80);
  CHECK(shrink_search{.grid = 100, .maxshrink = 0.2}.steps() == 20);
  CHECK(shrink_search{.grid = 100, .maxshrink = 0.29}.steps() == 28);  // 0.29 is less than it looks, as in Python
  CHECK(shrink_search{.grid = 100}.factor(0) == 1.0f);
  CHECK(shrink_search{.grid = 100}.factor(30) == 0.7f);
}

TEST_CASE("shrink_search: GPTQ's and llm-compressor's best steps are those of their definitions") {
  const matrix weights = integer_matrix("weights");
  for (const std::string name : {"gptq_mse:group=128", "llm_compressor_mse:group=32"}) {
    CAPTURE(name);
    const qfa::integer policy = qfa_test::integer_of(name);
    const matrix steps = integer_matrix(name.starts_with("gptq") ? "gptq.mse.step" : "llmc.mse.step");
    const std::size_t size = weights.values.size() / steps.values.size();
    const shrink_search search = policy.search_settings();
    std::vector<std::vector<std::size_t>> bettered;
    std::vector<bool> any(search.steps(), false);
    for (std::size_t g = 0; g < steps.values.size(); ++g) {
      bettered.push_back(bettered_steps(search, policy.scales(), {weights.values.data() + g * size, size}));
      for (const std::size_t step : bettered.back())
        any[step] = true;
    }
    const std::size_t taken = search.steps_taken(any);
    for (std::size_t g = 0; g < bettered.size(); ++g) {
      std::size_t best = 0;
      for (const std::size_t step : bettered[g])
        if (step < taken) best = step;
      CAPTURE(g);
      CHECK(static_cast<float>(best) == steps.values[g]);
    }
  }
}

TEST_CASE("shrink_search: equal errors leave the first, and the first step always counts") {
  const std::vector<float> zeros(8, 0.0f);
  CHECK(bettered_steps({}, qfa::integer_scale{.bits = 4}, zeros) == std::vector<std::size_t>{0});
}

TEST_CASE("shrink_search: patience counts steps in a row, and zero of it means no end") {
  const std::vector<bool> gains{true, false, false, true, false, false, false, true};
  CHECK(shrink_search{.patience = 1}.steps_taken(gains) == 2);
  CHECK(shrink_search{.patience = 2}.steps_taken(gains) == 3);
  CHECK(shrink_search{.patience = 3}.steps_taken(gains) == 7);
  CHECK(shrink_search{.patience = 4}.steps_taken(gains) == 8);
  CHECK(shrink_search{.patience = 0}.steps_taken(gains) == 8);
}

}  // namespace compress_integer_search_test
