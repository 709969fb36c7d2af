// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/worst_features.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "controls_made_up.hpp"

namespace audit_worst_features_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("worst_features: where all are hurt alike, the worst of half of the rows are ordinary on the other half") {
  const feature_table table = lossy_table(std::vector<float>(100, 0.65f), 1);  // r is about 0.9
  const survey s = take_survey(table, honest);
  const worst_features w = find_worst_features(table, s);
  CHECK(w.chosen == 5);
  REQUIRE(w.listed.size() == 5);
  CHECK(w.mean.range.kind == interval_kind::two_sided);
  CHECK(w.mean.range.lower > w.chosen_mean);
  for (std::size_t i = 0; i < 5; ++i) {
    const std::uint32_t f = w.listed[i].feature;
    CHECK(w.listed[i].chosen_r == pearson(table.total(f, group_selection::even).all));
    CHECK(w.listed[i].r.value == pearson(table.total(f, group_selection::odd).all));
    CHECK(w.listed[i].r.range.dof < 7.0);  // of the odd groups alone
    if (i > 0) CHECK(w.listed[i - 1].chosen_r <= w.listed[i].chosen_r);
  }
  CHECK(std::ranges::count_if(s.counted, [&](std::uint32_t f) {
          return pearson(table.total(f, group_selection::even).all) < w.listed[4].chosen_r;
        }) == 4);
}

TEST_CASE("worst_features: what is hurt everywhere is found, a silent feature first, and nothing of nothing") {
  std::vector<float> loss = losses(60, [](std::size_t f) { return f == 7 || f == 21; });
  loss[33] = std::numeric_limits<float>::quiet_NaN();  // above no threshold: never fires
  const feature_table table = lossy_table(loss, 1);
  const worst_features w = find_worst_features(table, take_survey(table, honest));
  REQUIRE(w.chosen == 3);
  CHECK(w.listed[0].feature == 33);
  CHECK(w.listed[0].r.value == 0.0);
  std::vector<std::uint32_t> found{w.listed[1].feature, w.listed[2].feature};
  std::ranges::sort(found);
  CHECK(found == std::vector<std::uint32_t>{7, 21});
  CHECK(w.hurt.value == 1.0);
  CHECK(find_worst_features(feature_table(3, 16), take_survey(feature_table(3, 16), honest)).chosen == 0);
}

}  // namespace audit_worst_features_test
