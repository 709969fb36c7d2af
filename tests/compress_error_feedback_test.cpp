// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/error_feedback.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"

namespace compress_error_feedback_test {

using qfa::column_order;
using qfa::feedback_options;
using qfa_test::check_refused;
using qfa_test::error_of;
using qfa_test::made_up_layer;
using qfa_test::matrix;

namespace {

/// A stranger's grid: -s, 0, s with s twice the mean magnitude of the group.
struct ternary_columns {
  struct parameters {
    double s = 0.0;
  };
  parameters find(std::span<const double> group) const {
    double sum = 0.0;
    for (const double w : group)
      sum += std::fabs(w);
    return {2.0 * sum / static_cast<double>(group.size())};
  }
  double value(double w, const parameters& p) const { return std::fabs(w) < 0.5 * p.s ? 0.0 : std::copysign(p.s, w); }
};
static_assert(qfa::column_quantizer<ternary_columns>);

}  // namespace

TEST_CASE("feed_forward: what is left makes up for what is done as well as it can") {
  // The best free weights w, given the first k as they are, have no gradient: (H (w - w0))_j = 0 for every j >= k.
  const auto of = made_up_layer(5, 40);
  for (const column_order order : {column_order::columns, column_order::activation})
    for (const std::size_t block : {1U, 7U, 16U, 40U})
      for (const std::size_t done : {1U, 16U, 39U}) {
        const auto f = qfa::factor_inverse(of.known.inputs, {}, 0.01, order);
        qfa::feedback_weights w(of.weights.view(), f);
        const qfa::feedback_weights before = w;
        w.feed_forward(
            block, [](std::size_t, std::size_t) {},
            [&](std::size_t, std::size_t i, std::span<const double> row) {
              return i < done ? std::nearbyint(row[i]) : row[i];
            });
        double mean = 0.0, worst = 0.0;
        const auto h = [&](std::size_t i, std::size_t j) {
          const double entry = 2.0 / 200.0 * of.known.inputs.gram()(f.order[i], f.order[j]);
          return i == j && f.silent[f.order[i]] != 0 ? 1.0 : entry;
        };
        for (std::size_t i = 0; i < 40; ++i)
          mean += h(i, i) / 40.0;
        for (std::size_t r = 0; r < 5; ++r)
          for (std::size_t j = done; j < 40; ++j) {
            double gradient = 0.0;
            for (std::size_t k = 0; k < 40; ++k)
              gradient += (h(j, k) + (j == k ? 0.01 * mean : 0.0)) * (w.row(r)[k] - before.row(r)[k]);
            worst = (std::max)(worst, std::fabs(gradient));
          }
        CHECK(worst < 1e-11);
        for (std::size_t r = 0; r < 5; ++r)
          for (std::size_t j = 0; j < done; ++j)
            CHECK(w.row(r)[j] == std::nearbyint(w.row(r)[j]));
      }
}

TEST_CASE("feed_forward: at the start of a block every weight is up to date") {
  const auto of = made_up_layer(3, 20);
  const auto f = qfa::factor_inverse(of.known.inputs, {});
  const auto round = [](std::size_t, std::size_t i, std::span<const double> row) { return std::nearbyint(row[i]); };
  qfa::feedback_weights one_by_one(of.weights.view(), f), by_blocks = one_by_one;
  std::vector<double> seen, expected;
  one_by_one.feed_forward(
      1,
      [&](std::size_t first, std::size_t) {
        if (first % 6 == 0) expected.insert(expected.end(), one_by_one.row(2).begin(), one_by_one.row(2).end());
      },
      round);
  std::vector<std::size_t> ends;
  by_blocks.feed_forward(
      6,
      [&](std::size_t, std::size_t last) {
        seen.insert(seen.end(), by_blocks.row(2).begin(), by_blocks.row(2).end());
        ends.push_back(last);
      },
      round);
  CHECK(ends == std::vector<std::size_t>{6, 12, 18, 20});
  REQUIRE(seen.size() == expected.size());
  for (std::size_t i = 0; i < seen.size(); ++i)
    CHECK(seen[i] == doctest::Approx(expected[i]).epsilon(1e-11));
}

TEST_CASE("quantize_with_feedback: a stranger's grid gains by it, in every order and grouping") {
  const auto of = made_up_layer(16, 60);
  for (const feedback_options& options :
       {feedback_options{}, feedback_options{.group = 20}, feedback_options{.group = 25, .static_groups = true},
        feedback_options{.order = column_order::activation, .block = 9}}) {
    const ternary_columns grid;
    matrix nearest = of.weights, fed = of.weights;
    const std::size_t group = options.group == 0 ? 60 : options.group;
    for (std::size_t r = 0; r < 16; ++r)
      for (std::size_t first = 0; first < 60; first += group) {
        const auto row = nearest.view().row(r).subspan(first, (std::min)(group, 60 - first));
        const auto found = grid.find(std::vector<double>(row.begin(), row.end()));
        for (float& w : row)
          w = static_cast<float>(grid.value(static_cast<double>(w), found));
      }
    qfa::quantize_with_feedback(fed.view(), {}, of.known, grid, options);
    CHECK(error_of(of, fed) < error_of(of, nearest));
  }
}

TEST_CASE("quantize_with_feedback: a silent column counts in a row's parameters, and as zero in a static group's") {
  // Column 8 of 24 has no input (made_up_layer).
  auto of = made_up_layer(1, 24);
  for (float& w : of.weights.values)
    w = 1.0f;
  of.weights.values[8] = 25.0f;
  const auto largest = [&](const feedback_options& options) {
    matrix q = of.weights;
    qfa::quantize_with_feedback(q.view(), {}, of.known, ternary_columns{}, options);
    return *std::ranges::max_element(q.values);
  };
  CHECK(largest({}) == 4.0f);                                                    // 2 (23 + 25) / 24
  CHECK(largest({.group = 24, .static_groups = true}) == 2.0f * 23.0f / 24.0f);  // 2 * 23 / 24
}

TEST_CASE("quantize_with_feedback: an empty block, and no Gram matrix, are refused") {
  auto of = made_up_layer(2, 8);
  check_refused([&] { qfa::quantize_with_feedback(of.weights.view(), {}, of.known, ternary_columns{}, {.block = 0}); },
                {"blocks"});
  of.known = qfa_test::calibrated_by(of.x, of.weights, false);
  check_refused([&] { qfa::quantize_with_feedback(of.weights.view(), {.name = "w"}, of.known, ternary_columns{}); },
                {"\"w\"", "Gram matrix"});
}

}  // namespace compress_error_feedback_test
