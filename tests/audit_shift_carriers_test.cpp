// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/shift_carriers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "qfa/stats/row_groups.hpp"
#include "shift_oracle.hpp"

namespace audit_shift_carriers_test {

using namespace qfa;
using qfa_test::shift_oracle;

namespace {

bool near_to(double a, double b) { return qfa_test::close(a, b, 1e-11); }

/// A pass over the oracle's rows, in so many groups.
shift_record record_of(const shift_oracle& oracle, std::size_t groups, bool moved = true) {
  const std::vector<float> h = oracle.floats("h"), after = moved ? oracle.floats("h_compressed") : h;
  const sparse_codes x = oracle.codes("x"), y = moved ? oracle.codes("y") : x;
  shift_record out(shift_oracle::features, groups);
  out(oracle.dictionary, {{h.data(), shift_oracle::tokens, shift_oracle::width}, &x},
      {{after.data(), shift_oracle::tokens, shift_oracle::width}, &y},
      row_groups(shift_oracle::rows, groups).of_rows(0, shift_oracle::rows));
  return out;
}

}  // namespace

TEST_CASE("find_shift_carriers: few carry half, chosen on one half of the groups and held against the other") {
  const shift_oracle oracle;
  const shift_record record = record_of(oracle, 16);
  const shift_carriers got = find_shift_carriers(record);
  CHECK(got.groups == 16);
  double on_even = 0.0, on_odd = 0.0, even = 0.0, odd = 0.0, least = 1e300, largest_left = 0.0;
  for (std::size_t g = 0; g < 16; ++g)
    (g % 2 == 0 ? even : odd) += record.sums()[g].total().explained;
  for (std::uint32_t f = 0; f < shift_oracle::features; ++f) {
    const bool chosen = std::ranges::find(got.features, f) != got.features.end();
    double here = 0.0;
    for (std::size_t g = 0; g < 16; g += 2) {
      here += record.feature(f, g).along;
      if (chosen) on_odd += record.feature(f, g + 1).along;
    }
    if (chosen) on_even += here, least = (std::min)(least, here);
    if (!chosen) largest_left = (std::max)(largest_left, here);
  }
  REQUIRE(!got.features.empty());
  CHECK(near_to(got.chosen_share, on_even / even));
  CHECK(got.chosen_share >= 0.5);
  CHECK(on_even - least < 0.5 * even);  // one fewer would not do
  CHECK(least >= largest_left);
  CHECK(near_to(got.share.value, on_odd / odd));
  CHECK(got.share.range.kind == interval_kind::two_sided);
  CHECK(got.share.range.dof == 7.0);
}

TEST_CASE(
    "find_shift_carriers: half of 8 groups is too few for an interval, and nothing is carried where nothing moves") {
  const shift_oracle oracle;
  const shift_carriers few = find_shift_carriers(record_of(oracle, 8));
  CHECK(!few.features.empty());
  CHECK(few.share.range.kind == interval_kind::refused);
  CHECK(find_shift_carriers(record_of(oracle, 16, false)).features.empty());
}

}  // namespace audit_shift_carriers_test
