// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/error.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <type_traits>

namespace core_error_test {

TEST_CASE("error: a sentence about the caller's data arrives unchanged") {
  CHECK_THROWS_WITH_AS(qfa::fail("weights.npy holds no rows, at least one was expected"),
                       "weights.npy holds no rows, at least one was expected", qfa::error);
  CHECK_THROWS_WITH_AS(qfa::require(false, "k must be at least 1"), "k must be at least 1", qfa::error);
}

TEST_CASE("error: require lets pass what holds") { CHECK_NOTHROW(qfa::require(true, "never said")); }

TEST_CASE("error: callers who know only the standard library can catch it") {
  static_assert(std::is_base_of_v<std::runtime_error, qfa::error>);
  CHECK_THROWS_AS(qfa::fail("anything"), std::runtime_error);
}

}  // namespace core_error_test
