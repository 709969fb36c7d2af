// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/needed_statistics.hpp"

#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_needed_statistics_test {

using qfa::calibration;
using qfa_test::check_refused;

namespace {

calibration known_of(std::size_t channels, bool gram, std::size_t tokens = 1) {
  calibration known{qfa::input_statistics(channels, gram), std::vector<float>(channels, 1.0f)};
  const qfa_test::matrix x{tokens, channels, std::vector<float>(tokens * channels, 1.0f)};
  known.inputs(x.view());
  return known;
}

}  // namespace

TEST_CASE("needed statistics: what is there is accepted") {
  CHECK_NOTHROW(qfa::require_channels(known_of(3, false), 3, "foo", "here"));
  CHECK_NOTHROW(qfa::require_gram(known_of(3, true), 3, "foo", {}));
  CHECK_NOTHROW(qfa::require_column_peaks(known_of(3, false), 3, "foo", "here"));
}

TEST_CASE("needed statistics: one sentence names the policy, the place and what is missing") {
  check_refused([] { qfa::require_channels({}, 3, "foo", "here"); }, {"foo", "here", "none were seen"});
  check_refused([] { qfa::require_channels(known_of(3, false, 0), 3, "foo", "here"); }, {"foo", "none were seen"});
  check_refused([] { qfa::require_channels(known_of(4, false), 3, "foo", "here"); },
                {"here", "3 columns", "4 channels"});
  check_refused([] { qfa::require_gram(known_of(3, false), 3, "foo", {.name = "w"}); }, {"foo", "Gram", "\"w\""});
  check_refused([] { qfa::require_gram(known_of(4, true), 3, "foo", {.name = "w"}); }, {"\"w\"", "3", "4"});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    calibration spoiled = known_of(3, true);
    spoiled.inputs(qfa_test::matrix{1, 3, {0.0f, bad, 0.0f}}.view());
    check_refused([&] { qfa::require_channels(spoiled, 3, "foo", "here"); }, {"foo", "here", "channel 1", "finite"});
    check_refused([&] { qfa::require_gram(spoiled, 3, "foo", {.name = "w"}); }, {"foo", "\"w\"", "finite"});
  }
  calibration known = known_of(3, false);
  known.column_peaks.resize(2);
  check_refused([&] { qfa::require_column_peaks(known, 3, "foo", "here"); }, {"foo", "3 input", "here", "holds 2"});
}

}  // namespace compress_needed_statistics_test
