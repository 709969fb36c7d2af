// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/top_contexts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace meaning_top_contexts_test {

/// One feature, 9 rows of 20 tokens that all fire, with many ties.
qfa::sparse_codes tied_codes(std::size_t first_row, std::size_t last_row) {
  qfa::sparse_codes codes(1);
  for (std::size_t t = first_row * 20; t < last_row * 20; ++t) {
    codes.push(0, static_cast<float>(1 + t * 7 % 5));
    codes.end_token();
  }
  return codes;
}

qfa::top_contexts kept_of(std::size_t first_row, std::size_t last_row) {
  const std::vector<std::uint32_t> ids(180, 0);
  qfa::top_contexts kept(1);
  kept(qfa::firings_by_feature(tied_codes(first_row, last_row)),
       {{ids.data(), last_row - first_row, 20}, first_row, 0, {}});
  return kept;
}

TEST_CASE("top_contexts: the 50 strongest, ties by row and position, the same in any cut and order of the rows") {
  std::vector<qfa::context> all;
  const qfa::sparse_codes codes = tied_codes(0, 9);
  for (std::uint32_t t = 0; t < 180; ++t)
    all.push_back({codes[t].values[0], t / 20, t % 20});
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.value > b.value; });
  all.resize(50);
  const qfa::top_contexts whole = kept_of(0, 9);
  CHECK(std::vector(whole[0].begin(), whole[0].end()) == all);
  CHECK(all.back().value == all[36].value);  // a tie straddles the cut
  for (std::size_t cut = 1; cut < 9; ++cut) {
    qfa::top_contexts merged = kept_of(cut, 9);
    merged += kept_of(0, cut);
    CHECK(merged == whole);
  }
  qfa::top_contexts adopted;
  adopted += whole;
  adopted += qfa::top_contexts{};
  CHECK(adopted == whole);
}

TEST_CASE("context_overlap: places count, not activations, and the share is of k however short the lists") {
  const std::vector<qfa::context> a{{3.0f, 0, 1}, {2.0f, 0, 2}, {1.0f, 4, 0}};
  const std::vector<qfa::context> b{{9.0f, 0, 2}, {8.0f, 1, 1}, {7.0f, 0, 1}, {6.0f, 4, 0}};
  CHECK(qfa::shared_contexts(a, b, 50) == 3);
  CHECK(qfa::context_overlap(a, b, 50) == 0.06);
  CHECK(qfa::context_overlap(a, b, 2) == 0.5);
  CHECK(qfa::context_overlap(a, {}, 2) == 0.0);
  CHECK(std::isnan(qfa::context_overlap({}, {}, 2)));
}

}  // namespace meaning_top_contexts_test
