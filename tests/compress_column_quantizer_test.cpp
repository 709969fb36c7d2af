// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/column_quantizer.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

namespace compress_column_quantizer_test {

using qfa::gptq_grid;

namespace {

struct without_value {
  struct parameters {};
  parameters find(std::span<const double>) const { return {}; }
};
static_assert(!qfa::column_quantizer<without_value> && !qfa::column_quantizer<int>);

gptq_grid::parameters found(const gptq_grid& grid, const std::vector<double>& group) { return grid.find(group); }

}  // namespace

TEST_CASE("gptq_grid: known symmetric grids") {
  const gptq_grid grid{.bits = 4};
  const auto p = found(grid, {-7.5, 3.0, 1.0});  // scale 2 * 7.5 / 15
  CHECK(p.scale == 1.0);
  CHECK(p.zero == 8.0);
  CHECK(grid.value(2.5, p) == 2.0);  // halves to even
  CHECK(grid.value(3.5, p) == 4.0);
  CHECK(grid.value(-7.5, p) == -8.0);
  CHECK(grid.value(7.5, p) == 7.0);  // the largest weight is clipped
  CHECK(grid.value(-99.0, p) == -8.0);
  CHECK(grid.code(-99.0, p) == 0.0);
  CHECK(grid.code(99.0, p) == 15.0);
}

TEST_CASE("gptq_grid: a symmetric group without negative weights loses half of its range, as in the tools") {
  const auto p = found({.bits = 4}, {15.0, 1.0});
  CHECK(p.scale == 1.0);
  CHECK(gptq_grid{.bits = 4}.value(15.0, p) == 7.0);
}

TEST_CASE("gptq_grid: known asymmetric grids reach from low to high, zero included") {
  const gptq_grid grid{.bits = 2, .symmetric = false};
  const auto p = found(grid, {-1.0, 2.0});
  CHECK(p.scale == 1.0);
  CHECK(p.zero == 1.0);
  CHECK(grid.value(-5.0, p) == -1.0);
  CHECK(grid.value(5.0, p) == 2.0);
  CHECK(found(grid, {3.0, 6.0}).scale == 2.0);  // from 0 to 6
  CHECK(found(grid, {3.0, 6.0}).zero == 0.0);
  CHECK(found(grid, {-3.0, -6.0}).zero == 3.0);
}

TEST_CASE("gptq_grid: zeros have the grid from -1 to 1, and stay zero") {
  CHECK(found({.bits = 2}, {0.0, 0.0}).scale == 2.0 / 3.0);
  for (const bool symmetric : {true, false})
    for (int bits = 2; bits <= 8; ++bits) {
      const gptq_grid grid{bits, symmetric};
      CHECK(grid.value(0.0, found(grid, {0.0})) == 0.0);
    }
  const double tiny = std::numeric_limits<double>::denorm_min();
  CHECK(std::isfinite(gptq_grid{8}.value(tiny, found({.bits = 8}, {tiny}))));
}

TEST_CASE("gptq_grid: mse shrinks down to a fifth, and of equal shares takes the largest") {
  // At 2 bits a share of 0.25 puts the step at 1, which every weight but one meets; 0.26 is still better for that one,
  // 0.04^2.4 each of the others.
  std::vector<double> group(2000, 1.0);
  group[7] = -6.0;
  CHECK(found({.bits = 2, .mse = true}, group).scale == doctest::Approx(1.04));
  CHECK(found({.bits = 4, .mse = true}, {0.0, 0.0}).scale == 2.0 / 15.0);
}

TEST_CASE("gptq_grid: mse takes the first of the shares 1, 0.99 to 0.21 with the least error") {
  std::mt19937 random(8);
  std::normal_distribution<double> normal;
  for (const bool symmetric : {true, false})
    for (int round = 0; round < 20; ++round) {
      std::vector<double> group(32);
      for (double& w : group)
        w = normal(random) + (symmetric ? 0.0 : 0.5);
      group[5] = -6.0;  // an outlier, so that the whole range is not the best
      const gptq_grid grid{.bits = 3, .symmetric = symmetric};
      const auto error = [&](const gptq_grid::parameters& p) {
        double sum = 0.0;
        for (const double w : group)
          sum += std::pow(std::fabs(grid.value(w, p) - w), 2.4);
        return sum;
      };
      const auto whole = grid.find(group);
      double low = 0.0, high = 0.0;
      for (const double w : group)
        low = (std::min)(low, w), high = (std::max)(high, w);
      if (symmetric) high = -(low = -(std::max)(-low, high));
      auto best = whole;
      for (int percent = 99; percent >= 21; --percent) {
        const double share = percent / 100.0;
        gptq_grid::parameters p{share * (high - low) / 7.0, 4.0};
        if (!symmetric) p.zero = std::nearbyint(-share * low / p.scale);
        if (error(p) < error(best)) best = p;
      }
      const auto searched = found({.bits = 3, .symmetric = symmetric, .mse = true}, group);
      CHECK(searched.scale == doctest::Approx(best.scale).epsilon(1e-12));
      CHECK(searched.zero == best.zero);
      CHECK(searched.scale < whole.scale);
    }
}

TEST_CASE("grouped_code_bits: codes, and a scale of 16 bits and a zero point for each group of each row") {
  CHECK(qfa::grouped_code_bits(3, 40, 16, 4) == 120.0 * 4.0 + 9.0 * (16.0 + 4.0));  // the last group of a row has 8
  CHECK(qfa::grouped_code_bits(3, 40, 0, 4) == 120.0 * 4.0 + 3.0 * (16.0 + 4.0));
}

}  // namespace compress_column_quantizer_test
