// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/percentile.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "alignment_oracle.hpp"
#include "scratch.hpp"

namespace stats_percentile_test {

TEST_CASE("percentile: the straight line through the sorted values") {
  const std::vector<double> values{40.0, 10.0, 30.0, 20.0};
  CHECK(qfa::percentile(values, 0.0) == 10.0);
  CHECK(qfa::percentile(values, 100.0) == 40.0);
  CHECK(qfa::percentile(values, 50.0) == 25.0);
  CHECK(qfa::percentile(values, 25.0) == 17.5);  // place 0.75
  CHECK(qfa::percentile(std::vector<double>{3.0}, 95.0) == 3.0);
}

TEST_CASE("percentile: numpy's value of real peaks, to the bit") {
  const std::vector<double> peaks = qfa_test::alignment_vectors().doubles("outlier_channels.peak");
  const double threshold = qfa_test::alignment_numbers().at("outlier_channels").at("threshold").get<double>();
  CHECK(qfa::percentile(peaks, 95.0) == doctest::Approx(threshold).epsilon(1e-15));
  // The line is followed from its nearer end: numpy 1.24 has percentile([0.1, 0.7], 90) == 0.64.
  CHECK(qfa::percentile(std::vector<double>{0.1, 0.7}, 90.0) == 0.7 - (0.7 - 0.1) * (1.0 - 0.9));
}

TEST_CASE("percentile: no value, and what cannot be") {
  CHECK(std::isnan(qfa::percentile({}, 50.0)));
  CHECK(std::isnan(qfa::percentile(std::vector<double>{1.0, std::nan("")}, 50.0)));
  qfa_test::check_refused([] { qfa::percentile(std::vector<double>{1.0}, 101.0); }, {"from 0 to 100"});
  qfa_test::check_refused([] { qfa::percentile(std::vector<double>{1.0}, -1.0); }, {"from 0 to 100"});
}

TEST_CASE("percentile_rank: values below count, equal ones half, NaN not") {
  const std::vector<double> values{1.0, 2.0, 2.0, 3.0, std::nan("")};
  CHECK(qfa::percentile_rank(0.0, values) == 0.0);
  CHECK(qfa::percentile_rank(2.0, values) == 50.0);
  CHECK(qfa::percentile_rank(2.5, values) == 75.0);
  CHECK(qfa::percentile_rank(9.0, values) == 100.0);
  CHECK(std::isnan(qfa::percentile_rank(1.0, {})));
  CHECK(std::isnan(qfa::percentile_rank(std::nan(""), values)));
}

}  // namespace stats_percentile_test
