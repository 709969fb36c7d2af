// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/rank_biased_overlap.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "laws.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/json.hpp"

namespace compare_rank_biased_overlap_test {

using items = std::vector<std::uint64_t>;

TEST_CASE("rank_biased_overlap: the oracle's lists, longer and shorter, with nothing and with all in common") {
  const auto numbers = qfa::read_json(std::filesystem::path(QFA_TEST_DATA) / "analyses.json");
  std::size_t undefined = 0;
  for (const auto& c : numbers["a7"]["rbo_cases"]) {
    const auto first = c["first"].get<items>(), second = c["second"].get<items>();
    const double p = c["p"].get<double>(), found = qfa::rank_biased_overlap(first, second, p);
    CAPTURE(c.dump());
    if (c["rbo"].is_null()) {
      CHECK(std::isnan(found));
      ++undefined;
      continue;
    }
    CHECK(qfa_test::close(found, c["rbo"].get<double>(), 1e-13));
    CHECK(qfa_test::close(qfa::rank_biased_overlap(second, first, p), found, 1e-13));
  }
  CHECK(undefined < numbers["a7"]["rbo_cases"].size());
  CHECK(std::isnan(qfa::rank_biased_overlap(items{}, items{1})));
}

TEST_CASE("rank_biased_overlap: refuses an item that comes twice, and a persistence of 0 or 1") {
  CHECK_THROWS_AS(qfa::rank_biased_overlap(items{1, 2, 1}, items{1}), qfa::error);
  CHECK_THROWS_AS(qfa::rank_biased_overlap(items{1}, items{1}, 1.0), qfa::error);
  CHECK_THROWS_AS(qfa::rank_biased_overlap(items{1}, items{1}, 0.0), qfa::error);
}

}  // namespace compare_rank_biased_overlap_test
