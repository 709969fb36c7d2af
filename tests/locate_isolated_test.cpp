// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/isolated.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/identity.hpp"
#include "qfa/compress/rtn.hpp"

namespace locate_isolated_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("isolated: every unit under every policy, with its bits and its own damage") {
  const unit_bench bench(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(published),
                         {.losses = false});
  const target_patterns targets{.include = {"*.0.attention.*", "*.1.mlp.*"}};
  const auto units = bench.units(unit_kind::tensors, targets);
  const std::vector<any_policy> policies{rtn{.bits = 4}, identity{}, rtn{.bits = 8}};
  const std::vector<isolated_unit> found = measure_isolated(bench, units, policies, targets);
  REQUIRE(units.size() == 6);
  REQUIRE(found.size() == 18);
  const auto sum = [](const isolated_unit& one) {
    double all = 0.0;
    for (const double nu : one.effect.noise.all)
      all += nu;
    return all;
  };
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i].option == i / 6);
    CHECK(found[i].unit == i % 6);
    if (found[i].option == 1) {
      CHECK(sum(found[i]) == 0.0);
      continue;
    }
    const weight_slice& slice = units[i % 6].parts.front().tensor.slice;
    const std::size_t bits = found[i].option == 0 ? 4 : 8;
    CHECK(*found[i].bits == static_cast<double>(slice.rows * (slice.columns * bits + 32)));
    CHECK(sum(found[i]) > 0.0);
    if (found[i].option == 2) CHECK(sum(found[i]) < 0.1 * sum(found[i - 12]));
  }
  // Where there is but one unit, nothing else can be compressed beside it.
  for (std::size_t u = 0; u < units.size(); ++u) {
    CAPTURE(u);
    const auto only = measure_isolated(bench, std::span(units).subspan(u, 1), std::span(policies).first(1), targets);
    REQUIRE(only.size() == 1);
    CHECK(only[0].effect.noise.all == found[u].effect.noise.all);
  }
}

TEST_CASE("isolated: the choice of one unit, and of all but one") {
  CHECK(one_of_all(1, 3) == std::vector<std::size_t>{left_alone, 0, left_alone});
  CHECK(all_but_one(1, 3) == std::vector<std::size_t>{0, left_alone, 0});
}

}  // namespace locate_isolated_test
