// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/progress.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace core_progress_test {

TEST_CASE("progress: an empty listener is no error") { CHECK_NOTHROW(qfa::report_progress({}, "forward", 1, 2)); }

TEST_CASE("progress: the listener hears stage, done and total in this order") {
  std::vector<std::string> heard;
  const qfa::progress listener = [&](std::string_view stage, std::size_t done, std::size_t total) {
    heard.push_back(std::string(stage) + " " + std::to_string(done) + "/" + std::to_string(total));
  };
  qfa::report_progress(listener, "forward", 3, 8);
  qfa::report_progress(listener, "encode", 8, 8);
  CHECK(heard == std::vector<std::string>{"forward 3/8", "encode 8/8"});
}

}  // namespace core_progress_test
