// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/least_minority.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "qfa/predict/honest_prediction.hpp"

namespace predict_least_minority_test {

TEST_CASE("minority_of: the smaller class, whichever it is") {
  using labels = std::vector<std::uint8_t>;
  CHECK(qfa::minority_of(labels{}) == 0);
  CHECK(qfa::minority_of(labels{1, 1, 1}) == 0);
  CHECK(qfa::minority_of(labels{1, 0, 1, 1}) == 1);
  CHECK(qfa::minority_of(labels{0, 0, 1, 0, 1}) == 2);
}

TEST_CASE("refused_auc: no value, no interval, and the bar that fits and baselines share") {
  const qfa::estimate none = qfa::refused_auc();
  CHECK(std::isnan(none.value));
  CHECK(none.range.kind == qfa::interval_kind::refused);
  CHECK(none.range.reason == "the smaller class has fewer than 25 features, too few for an AUC");
  CHECK(qfa::honest_options{}.least_minority == 25);
}

}  // namespace predict_least_minority_test
