// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/reference_profiles.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace audit_reference_profiles_test {

using namespace qfa;

namespace {

/// Two features, four groups of two tokens.  Feature 0 fires on the reference with group + 1 on each first token;
/// feature 1 with 10 on the very last token alone.
feature_table made_table() {
  feature_table table(2, 4);
  sparse_codes x(2), y(2);
  std::vector<std::uint32_t> groups;
  for (std::uint32_t g = 0; g < 4; ++g)
    for (int t = 0; t < 2; ++t) {
      if (t == 0) x.push(0, static_cast<float>(g + 1)), y.push(0, 2.0f * static_cast<float>(g + 1));
      if (t == 1 && g == 3) x.push(1, 10.0f), y.push(1, 1.0f);
      x.end_token();
      y.end_token();
      groups.push_back(g);
    }
  table(x, y, groups);
  return table;
}

}  // namespace

TEST_CASE("reference_profiles: rate, mean over all tokens and peak of the reference, not of the compressed model") {
  const feature_table table = made_table();
  const std::vector<std::uint32_t> features{0, 1};
  const auto all = reference_profiles(table, features);
  CHECK(all[0].rate == doctest::Approx(0.5));
  CHECK(all[0].mean == doctest::Approx(10.0 / 8.0));
  CHECK(all[0].max == 4.0);
  CHECK(all[1].rate == doctest::Approx(1.0 / 8.0));
}

TEST_CASE("reference_profiles: halves and left-out groups share no token with the rest") {
  const feature_table table = made_table();
  const std::vector<std::uint32_t> features{0, 1};
  const auto even = reference_profiles(table, features, group_selection::even);
  CHECK(even[0].mean == doctest::Approx((1.0 + 3.0) / 4.0));
  CHECK(even[1].rate == 0.0);
  const auto odd = reference_profiles(table, features, group_selection::odd);
  CHECK(odd[0].max == 4.0);
  CHECK(odd[1].max == 10.0);
  const auto rest = reference_profiles(table, features, group_selection::all, 3);
  CHECK(rest[0].max == 3.0);
  CHECK(rest[0].rate == doctest::Approx(0.5));
  CHECK(rest[1].max == 0.0);
  CHECK(filled_groups(table).size() == 4);
}

TEST_CASE("correlations_on: r on the chosen groups, undefined where the feature is silent there") {
  const feature_table table = made_table();
  const std::vector<std::uint32_t> features{0, 1};
  const auto even = correlations_on(table, features, group_selection::even);
  CHECK(even[0] == doctest::Approx(1.0));
  CHECK(std::isnan(even[1]));
  CHECK(correlations_on(table, features, group_selection::odd)[1] == doctest::Approx(1.0));
  CHECK(std::isnan(correlations_on(table, features, group_selection::odd, 3)[1]));
}

}  // namespace audit_reference_profiles_test
