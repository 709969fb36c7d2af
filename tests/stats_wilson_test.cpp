// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/wilson.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

#include "alignment_oracle.hpp"
#include "laws.hpp"
#include "scratch.hpp"

namespace stats_wilson_test {

using qfa_test::close;
using qfa_test::json_count;
using qfa_test::json_number;

TEST_CASE("wilson_interval: another program's intervals") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("wilson")) {
    const std::uint64_t k = json_count(known.at("k")), n = json_count(known.at("n"));
    CAPTURE(k);
    CAPTURE(n);
    const qfa::proportion p{k, n};
    CHECK(close(p.value(), json_number(known.at("rate")), 1e-15));
    CHECK(close(p.interval().lower, json_number(known.at("low"))));
    CHECK(close(p.interval().upper, json_number(known.at("high"))));
    const double exact_z = 1.959963984540054;
    CHECK(close(qfa::wilson_interval(k, n, exact_z).lower, json_number(known.at("low_exact_z"))));
    CHECK(close(qfa::wilson_interval(k, n, exact_z).upper, json_number(known.at("high_exact_z"))));
  }
}

TEST_CASE("wilson_interval: published intervals") {
  const qfa::bounds fp8 = qfa::wilson_interval(30, 99);
  CHECK(std::round(1000.0 * fp8.lower) == 221.0);
  CHECK(std::round(1000.0 * fp8.upper) == 400.0);
  const qfa::bounds four_bits = qfa::wilson_interval(36, 44);
  CHECK(std::round(100.0 * four_bits.lower) == 68.0);
  CHECK(std::round(100.0 * four_bits.upper) == 90.0);
}

TEST_CASE("wilson_interval: both ends solve the score equation and stay in their range") {
  for (std::uint64_t n : {1U, 2U, 15U, 1000U})
    for (std::uint64_t k = 0; k <= n; ++k) {
      const qfa::bounds found = qfa::wilson_interval(k, n, 2.5);
      const double p = static_cast<double>(k) / static_cast<double>(n);
      for (const double end : {found.lower, found.upper})
        CHECK(std::fabs((end - p) * (end - p) - 6.25 * end * (1.0 - end) / static_cast<double>(n)) < 1e-14);
      CHECK(found.lower >= 0.0);
      CHECK(found.lower <= p);
      CHECK(found.upper >= p);
      CHECK(found.upper <= 1.0);
      // What is a hit to one is a miss to the other.
      CHECK(close(qfa::wilson_interval(n - k, n, 2.5).lower, 1.0 - found.upper));
    }
  CHECK(qfa::wilson_interval(0, 20).lower == 0.0);
  CHECK(qfa::wilson_interval(20, 20).upper == 1.0);
}

TEST_CASE("wilson_interval: no trials, and what cannot be") {
  CHECK(std::isnan(qfa::proportion{}.value()));
  CHECK(std::isnan(qfa::wilson_interval(0, 0).lower));
  CHECK(std::isnan(qfa::wilson_interval(0, 0).upper));
  qfa_test::check_refused([] { qfa::wilson_interval(3, 2); }, {"no more hits than trials"});
  qfa_test::check_refused([] { qfa::wilson_interval(1, 2, 0.0); }, {"positive z"});
}

}  // namespace stats_wilson_test
