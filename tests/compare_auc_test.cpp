// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/auc.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace compare_auc_test {

using qfa_test::close;
using qfa_test::draw;
using qfa_test::draw_labels;

using labels = std::vector<std::uint8_t>;

TEST_CASE("auc: the share of pairs that the positive wins, ties counting half") {
  for (unsigned seed = 0; seed < 30; ++seed) {
    const std::vector<double> scores = draw(40, seed, 1 + seed);
    const labels positive = draw_labels(40, seed + 100, 0.3);
    double won = 0.0;
    double pairs = 0.0;
    for (std::size_t i = 0; i < 40; ++i)
      for (std::size_t j = 0; j < 40; ++j) {
        if (positive[i] == 0 || positive[j] != 0) continue;
        pairs += 1.0;
        won += scores[i] > scores[j] ? 1.0 : scores[i] == scores[j] ? 0.5 : 0.0;
      }
    CAPTURE(seed);
    CHECK(close(qfa::auc(scores, positive), won / pairs, 1e-14));
  }
}

TEST_CASE("auc and average_precision: agree with scikit-learn, ties included") {
  const qfa::json stored = qfa_test::read_data("compare.json").at("auc");
  for (const auto& a : stored) {
    const std::vector<double> scores = qfa_test::numbers(a.at("score"));
    const labels positive = qfa_test::labels(a.at("label"));
    CHECK(close(qfa::auc(scores, positive), a.at("auc").get<double>(), 1e-14));
    CHECK(close(qfa::average_precision(scores, positive), a.at("average_precision").get<double>(), 1e-14));
  }
}

TEST_CASE("auc: undefined with one class, refused with NaN") {
  CHECK(std::isnan(qfa::auc(std::vector{1.0, 2.0}, labels{1, 1})));
  CHECK(std::isnan(qfa::auc(std::vector{1.0, 2.0}, labels{0, 0})));
  CHECK(std::isnan(qfa::auc(std::vector<double>{}, labels{})));
  CHECK_THROWS_AS(qfa::auc(std::vector{1.0, qfa_test::not_a_number}, labels{1, 0}), qfa::error);
  CHECK_THROWS_AS(qfa::auc(std::vector{1.0}, labels{1, 0}), qfa::error);
}

TEST_CASE("auc: any label but 0 is positive, and infinite scores are scores") {
  CHECK(qfa::auc(std::vector{1.0, 2.0, qfa_test::infinity}, labels{0, 7, 255}) == 1.0);
  CHECK(qfa::auc(std::vector{1.0, 1.0}, labels{0, 1}) == 0.5);
}

TEST_CASE("average_precision: the mean over positives of the precision at their place") {
  // Places of the positives: 1, 3 and 4, with precisions 1, 2/3 and 3/4.
  CHECK(close(qfa::average_precision(std::vector{0.9, 0.8, 0.7, 0.6, 0.1}, labels{1, 0, 1, 1, 0}),
              (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0, 1e-15));
  // A tie enters at once: two positives among three at the top.
  CHECK(close(qfa::average_precision(std::vector{2.0, 2.0, 2.0, 1.0}, labels{1, 0, 1, 0}), 2.0 / 3.0, 1e-15));
  CHECK(std::isnan(qfa::average_precision(std::vector{1.0}, labels{0})));
  CHECK(qfa::average_precision(std::vector{1.0}, labels{1}) == 1.0);
}

TEST_CASE("brier: the mean squared error of a probability") {
  CHECK(close(qfa::brier(std::vector{0.9, 0.2, 0.5}, labels{1, 0, 1}), (0.01 + 0.04 + 0.25) / 3.0, 1e-15));
  CHECK(qfa::brier(std::vector{1.0, 0.0}, labels{255, 0}) == 0.0);
  CHECK(std::isnan(qfa::brier(std::vector<double>{}, labels{})));
  CHECK_THROWS_AS(qfa::brier(std::vector{1.0}, labels{}), qfa::error);
}

}  // namespace compare_auc_test
