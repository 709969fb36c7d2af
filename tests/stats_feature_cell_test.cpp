// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/feature_cell.hpp"

#include <doctest/doctest.h>

#include <tuple>
#include <vector>

#include "laws.hpp"

namespace stats_feature_cell_test {

namespace {

const std::vector<std::tuple<float, float>> tokens{{1.0f, 2.0f}, {3.0f, 0.0f}, {0.0f, 4.0f}, {2.0f, 2.0f},
                                                   {0.5f, 0.0f}, {6.0f, 1.0f}, {0.0f, 0.25f}};

bool same(const qfa::comoments& a, const qfa::comoments& b) {
  using qfa_test::close;
  return a.count == b.count && close(a.mean_x, b.mean_x) && close(a.mean_y, b.mean_y) && close(a.xx, b.xx) &&
         close(a.yy, b.yy) && close(a.xy, b.xy);
}

bool same_cell(const qfa::feature_cell& a, const qfa::feature_cell& b) {
  return a.reference_firings == b.reference_firings && a.reference_max == b.reference_max &&
         a.compressed_max == b.compressed_max && same(a.either, b.either) && same(a.both, b.both) &&
         a.lost_mass == b.lost_mass && a.ghost_mass == b.ghost_mass && a.flip_energy == b.flip_energy &&
         a.on_energy == b.on_energy;
}

}  // namespace

TEST_CASE("feature_cell: merge laws over every cut") {
  qfa_test::check_merge_laws<qfa::feature_cell>(tokens, {}, same_cell);
  qfa_test::check_merge_laws<qfa::feature_cell>(std::vector<std::tuple<float, float>>{}, {}, same_cell);
}

TEST_CASE("feature_cell: known values of every number that is kept") {
  qfa::feature_cell cell;
  for (const auto& [x, y] : tokens)
    cell(x, y);
  CHECK(cell.reference_firings == 5);
  CHECK(cell.compressed_firings() == 5);
  CHECK(cell.both_firings() == 3);
  CHECK(cell.either.count == 7);
  CHECK(cell.reference_max == 6.0f);
  CHECK(cell.compressed_max == 4.0f);
  CHECK(cell.lost_mass == 3.5);
  CHECK(cell.ghost_mass == 4.25);
  CHECK(cell.flip_energy == 9.0 + 16.0 + 0.25 + 0.0625);
  CHECK(cell.on_energy == 1.0 + 0.0 + 25.0);
  CHECK(cell.either.sum_x() == doctest::Approx(12.5).epsilon(1e-15));
  CHECK(cell.either.sum_y() == doctest::Approx(9.25).epsilon(1e-15));
  CHECK(cell.both.sum_x() == doctest::Approx(9.0).epsilon(1e-15));
  CHECK(cell.both.sum_y() == doctest::Approx(5.0).epsilon(1e-15));
}

TEST_CASE("feature_cell: the energy where both fire does not come from a difference of large sums") {
  // x and y of a million, apart by a thousandth: x^2 - 2 x y + y^2 in doubles would keep five digits.
  qfa::feature_cell cell;
  for (int i = 0; i < 1000; ++i)
    cell(1048576.0f, 1048576.125f);
  CHECK(cell.on_energy == 1000.0 * 0.125 * 0.125);
}

}  // namespace stats_feature_cell_test
