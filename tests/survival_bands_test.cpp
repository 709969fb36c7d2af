// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/bands.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <string_view>

namespace survival_bands_test {

using qfa::outcome;

TEST_CASE("correlation_bands: both limits are strict") {
  const qfa::correlation_bands bands;
  const double above = std::nextafter(0.9, 1.0), below = std::nextafter(0.5, 0.0);
  CHECK(bands(1.0) == outcome::survived);
  CHECK(bands(above) == outcome::survived);
  CHECK(bands(0.9) == outcome::blurred);
  CHECK(bands(0.7) == outcome::blurred);
  CHECK(bands(0.5) == outcome::blurred);
  CHECK(bands(below) == outcome::destroyed);
  CHECK(bands(0.0) == outcome::destroyed);
  CHECK(bands(-1.0) == outcome::destroyed);
}

TEST_CASE("correlation_bands: nothing is left of a feature without a correlation") {
  CHECK(qfa::correlation_bands{}(std::numeric_limits<double>::quiet_NaN()) == outcome::destroyed);
}

TEST_CASE("correlation_bands: the limits are the caller's to move") {
  const qfa::correlation_bands strict{.survives_above = 0.95, .destroyed_below = 0.3};
  CHECK(strict(0.94) == outcome::blurred);
  CHECK(strict(0.96) == outcome::survived);
  CHECK(strict(0.3) == outcome::blurred);
  CHECK(strict(0.29) == outcome::destroyed);
}

TEST_CASE("outcome: every one has a name of its own") {
  const std::set<std::string_view> names(qfa::outcome_names.begin(), qfa::outcome_names.end());
  CHECK(names.size() == 4);
  CHECK(names.count("") == 0);
  CHECK(qfa::name(outcome::survived) == "survived");
  CHECK(qfa::name(outcome::blurred) == "blurred");
  CHECK(qfa::name(outcome::destroyed) == "destroyed");
  CHECK(qfa::name(outcome::unmeasured) == "unmeasured");
}

}  // namespace survival_bands_test
