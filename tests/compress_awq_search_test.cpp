// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/awq_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"

namespace compress_awq_search_test {

using qfa::awq_search;
using qfa::tensor_role;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::error_of;
using qfa_test::layer;
using qfa_test::matrix;
using qfa_test::oracle_layer;
using qfa_test::same_bits;

namespace {

std::vector<std::pair<std::string, awq_search>> variants() {
  return {{"rtn", {.group = 16, .scale = false, .clip = false}},
          {"scale", {.group = 16, .clip = false}},
          {"clip", {.group = 16, .scale = false}},
          {"both", {.group = 16}}};
}

}  // namespace

TEST_CASE("awq_search: both searches find what the float64 reference finds from the tokens themselves") {
  const double tokens = static_cast<double>(oracle_layer().known.inputs.tokens());
  for (const auto& [name, policy] : variants()) {
    const matrix q = compressed(oracle_layer().weights, policy, oracle_layer().known);
    qfa_test::check_values(q.values, "awq." + name + ".values");
    CHECK(error_of(oracle_layer(), q) / tokens ==
          doctest::Approx(qfa_test::oracle("awq." + name + ".objective").front()).epsilon(1e-6));
  }
}

TEST_CASE("awq_search: the search for scales never does worse than none") {
  for (const unsigned seed : {1U, 2U, 3U}) {
    const auto of = qfa_test::made_up_layer(20, 60, 200, seed);
    const awq_search plain{.bits = 3, .group = 20, .scale = false, .clip = false};
    const awq_search scaled{.bits = 3, .group = 20, .clip = false};
    // Rounding the result to float moves the error by about 1e-7 of itself.
    CHECK(error_of(of, compressed(of.weights, scaled, of.known)) <=
          (1.0 + 1e-6) * error_of(of, compressed(of.weights, plain, of.known)));
  }
}

TEST_CASE("awq_search: the exponents reach from 0 to 0.95, and the first least error wins") {
  // Eight channels, the first louder and louder: the louder, the more of its size the best scale takes.
  std::set<int> chosen;
  for (const float loudness : {1.0f, 10.0f, 100.0f, 1000.0f, 1e4f, 1e5f})
    for (unsigned seed = 1; seed <= 5; ++seed) {
      layer of{qfa_test::random_matrix(4, 8, seed), qfa_test::random_matrix(50, 8, seed + 50), {}};
      for (std::size_t t = 0; t < 50; ++t)
        of.x.view()(t, 0) *= loudness;
      of.known = qfa_test::calibrated_by(of.x, of.weights);
      int best = -1;
      double least = 0.0;
      matrix q;
      for (int i = 0; i < 20; ++i) {
        std::vector<double> s(8);
        for (std::size_t j = 0; j < 8; ++j)
          s[j] = std::pow(of.known.inputs.sum_abs()[j] / 50.0, i / 20.0);
        const double middle = std::sqrt(*std::ranges::max_element(s) * *std::ranges::min_element(s));
        for (double& x : s)
          x /= middle;
        matrix tried = of.weights;
        for (std::size_t r = 0; r < 4; ++r) {
          std::vector<double> scaled(8);
          for (std::size_t j = 0; j < 8; ++j)
            scaled[j] = static_cast<double>(of.weights.view()(r, j)) * s[j];
          const qfa::awq_grid grid{3};
          const auto found = grid.find(scaled);
          for (std::size_t j = 0; j < 8; ++j)
            tried.view()(r, j) = static_cast<float>(grid.value(scaled[j], found) / s[j]);
        }
        const double error = error_of(of, tried);
        if (best < 0 || error < least) {
          best = i;
          least = error;
          q = tried;
        }
      }
      chosen.insert(best);
      CHECK(same_bits(compressed(of.weights, awq_search{.bits = 3, .group = 0, .clip = false}, of.known).values,
                      q.values));
    }
  CHECK(chosen.contains(0));
  CHECK(chosen.contains(19));
}

TEST_CASE("awq_search: groups are clamped at their largest magnitude times a share, whichever end that is of") {
  // The -8 is heard most: limits from 20 down to 11 leave it as it is and move the grid's other end alone.
  const matrix w = qfa_test::row_matrix({20, -8, -1, 6});
  const auto known = qfa_test::calibrated_by(matrix{3, 4, {0, 100, 0, 0, 0, 0, 1, 0, 0, 0, 0, 10}}, w);
  const matrix got = compressed(w, awq_search{.bits = 2, .group = 0, .scale = false}, known);
  const qfa::awq_grid grid{2};
  double least = std::numeric_limits<double>::infinity();
  std::vector<float> best;
  for (int i = 0; i < 10; ++i) {
    const double limit = 20.0 * (1.0 - i / 20.0);
    std::vector<double> clamped{20, -8, -1, 6};
    for (double& c : clamped)
      c = std::clamp(c, -limit, limit);
    const auto found = grid.find(clamped);
    const auto gap = [&](double v) { return v - grid.value(std::clamp(v, -limit, limit), found); };
    const double error = std::pow(100 * gap(-8), 2) + std::pow(gap(-1), 2) + std::pow(10 * gap(6), 2);
    if (error < least) {
      least = error;
      best.clear();
      for (const double c : clamped)
        best.push_back(static_cast<float>(grid.value(c, found)));
    }
  }
  CHECK(got.values == best);
  CHECK(got.values.front() < 20.0f);
}

TEST_CASE("awq_search: ranges shrink to 0.55 of themselves and no further, q's not at all") {
  // Nobody hears the 20, so the less of it is covered the better: a step of 0.55 * 20 / 3 leaves 2 nearest to itself.
  const matrix w = qfa_test::row_matrix({20, 2, 2, 0});
  const auto known = qfa_test::calibrated_by(matrix{2, 4, {0, 1, 2, 1, 0, -1, 1, 1}}, w);
  const awq_search policy{.bits = 2, .group = 0, .scale = false};
  const float step = static_cast<float>(20 * 0.55 / 3.0);
  CHECK(compressed(w, policy, known).values == std::vector<float>{11, step, step, 0});
  CHECK(compressed(w, policy, known, {.role = tensor_role::query}).values == std::vector<float>{20, 0, 0, 0});
}

TEST_CASE("awq_search: q and k keep their range, as in the tool") {
  const auto of = qfa_test::made_up_layer(20, 60);
  const awq_search clipping{.bits = 3, .group = 20};
  awq_search not_clipping = clipping;
  not_clipping.clip = false;
  for (const tensor_role role : {tensor_role::query, tensor_role::key, tensor_role::value, tensor_role::down}) {
    const bool kept = same_bits(compressed(of.weights, clipping, of.known, {.role = role}).values,
                                compressed(of.weights, not_clipping, of.known, {.role = role}).values);
    CHECK(kept == (role == tensor_role::query || role == tensor_role::key));
  }
}

TEST_CASE("awq_search: a short last group is a group like any other, and group=0 is the row") {
  const auto of = qfa_test::made_up_layer(8, 30);
  const awq_search by_group{.group = 13, .scale = false, .clip = false};
  const matrix whole = compressed(of.weights, by_group, of.known);
  for (const std::size_t first : {0U, 13U, 26U}) {
    const std::size_t width = first == 26 ? 4 : 13;
    const auto cut = [&](const matrix& m) {
      matrix part{m.rows, width, {}};
      for (std::size_t r = 0; r < m.rows; ++r) {
        const auto row = m.view().row(r).subspan(first, width);
        part.values.insert(part.values.end(), row.begin(), row.end());
      }
      return part;
    };
    const matrix alone = compressed(cut(of.weights), awq_search{.group = 0, .scale = false, .clip = false},
                                    qfa_test::calibrated_by(cut(of.x), cut(of.weights)));
    CHECK(same_bits(alone.values, cut(whole).values));
  }
}

TEST_CASE("awq_grid: a known group") {
  // scale = 30 / 15 = 2, zero = 5: -10 .. 20; halves go to the even code.
  const qfa::awq_grid grid{4};
  const auto p = grid.find(std::vector<double>{-10, 3, 20});
  CHECK(grid.scale(p) == 2.0);
  CHECK(p.zero == 5.0);
  CHECK(grid.value(3.0, p) == 4.0);
  CHECK(grid.value(1.0, p) == 0.0);
  CHECK(grid.value(-99.0, p) == -10.0);
  CHECK(grid.value(99.0, p) == 20.0);
  CHECK(grid.scale(grid.find(std::vector<double>{7, 7})) == 1e-5 / 15);  // a group of one value has no range
  CHECK(grid.find(std::vector<double>{1, 16}).zero == 0.0);
  // Clamped to -10 .. 10 the group runs from -5 to 10.
  const auto clamped = grid.find(std::vector<double>{-5, 3, 20}, 10.0);
  CHECK(grid.scale(clamped) == 1.0);
  CHECK(clamped.zero == 5.0);
  CHECK(grid.value(20.0, clamped) == 10.0);
  CHECK(grid.value(-99.0, clamped) == -5.0);
  CHECK(grid.find(std::vector<double>{0, 20}, 0.4).limit == 0.4);
}

TEST_CASE("awq_grid: a group clamped at both ends gets the even zero point, whatever its last bits") {
  const qfa::awq_grid grid{4};
  for (int i = 1; i < 300; ++i) {
    const double limit = 0.01 * i;
    const auto p = grid.find(std::vector<double>{-9, 9}, limit);
    if (p.zero != 8.0 || grid.value(-9.0, p) != -8.0 * grid.scale(p) || grid.value(9.0, p) != 7.0 * grid.scale(p))
      FAIL_CHECK(limit);
  }
}

TEST_CASE("awq_search: it keeps the laws of calibrated policies") {
  for (const auto& [name, policy] : variants())
    qfa_test::check_calibrated_laws(policy, "awq_search");
  qfa_test::check_calibrated_laws(awq_search{.bits = 2, .group = 0}, "awq_search");
}

TEST_CASE("awq_search: it says what it is, how many bits it takes, and refuses other bits") {
  CHECK(awq_search{}.name() == "awq_search:bits=4");
  CHECK(awq_search{.bits = 3, .group = 32, .clip = false}.name() == "awq_search:bits=3,group=32,clip=false");
  CHECK(awq_search{.group = 30}.stored_bits(10, 64) == 10 * 64 * 4 + 30 * 20 + 64 * 16);
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  CHECK(awq_search{.group = huge, .scale = false}.stored_bits(10, 64) == 10 * 64 * 4 + 10 * 20);
  CHECK(awq_search{.group = 0, .scale = false}.stored_bits(10, 64) == 10 * 64 * 4 + 10 * 20);
  for (const int bits : {1, 9})
    check_refused([&] { awq_search{.bits = bits}.validate(); }, {"awq_search's bits"});
}

}  // namespace compress_awq_search_test
