// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/weighted_auc.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"
#include "qfa/compare/auc.hpp"

namespace compare_weighted_auc_test {

using labels = std::vector<std::uint8_t>;

TEST_CASE("weighted_auc: the AUC of rows that are repeated as often as they count") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::vector<double> scores = qfa_test::draw(40, seed, 1 + seed);
    const labels positive = qfa_test::draw_labels(40, seed + 100, 0.4);
    const auto weight = [&](std::size_t i) { return (i * 7 + seed) % 4; };
    std::vector<double> repeated;
    labels repeated_positive;
    for (std::size_t i = 0; i < scores.size(); ++i)
      for (std::size_t k = 0; k < weight(i); ++k) {
        repeated.push_back(scores[i]);
        repeated_positive.push_back(positive[i]);
      }
    const qfa::weighted_auc of(scores, positive);
    CAPTURE(seed);
    CHECK(qfa_test::close(of(weight), qfa::auc(repeated, repeated_positive), 1e-13));
    CHECK(qfa_test::close(of([](std::size_t) { return 1.0; }), qfa::auc(scores, positive), 1e-13));
  }
}

TEST_CASE("weighted_auc: undefined where one class does not count, refused with NaN") {
  const qfa::weighted_auc of(std::vector{1.0, 2.0, 3.0}, labels{1, 0, 1});
  CHECK(of([](std::size_t i) { return i == 1 ? 0.0 : 1.0; }) != 0.5);
  CHECK(std::isnan(of([](std::size_t i) { return i == 1 ? 0.0 : 1.0; })));
  CHECK(of([](std::size_t i) { return i == 0 ? 3.0 : 1.0; }) == doctest::Approx(0.25));
  CHECK_THROWS_AS(qfa::weighted_auc(std::vector{1.0}, labels{1, 0}), qfa::error);
  CHECK_THROWS_AS(qfa::weighted_auc(std::vector{std::nan(""), 1.0}, labels{1, 0}), qfa::error);
}

}  // namespace compare_weighted_auc_test
