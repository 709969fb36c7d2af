// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/verdict.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string_view>

namespace alignment_verdict_test {

TEST_CASE("verdict: names are distinct and lead back") {
  for (std::size_t i = 0; i < qfa::verdict_names.size(); ++i) {
    const auto v = static_cast<qfa::verdict>(i);
    CHECK(qfa::verdict_named(qfa::name(v)) == v);
    for (std::size_t j = 0; j < i; ++j)
      CHECK(qfa::verdict_names[i] != qfa::verdict_names[j]);
  }
  CHECK(qfa::name(qfa::verdict::garbled) == "garbled");
}

TEST_CASE("verdict_named: another word is no verdict") {
  for (const std::string_view text : {"", "refuse", "REFUSED", " refused", "yes"})
    CHECK(qfa::verdict_named(text) == std::nullopt);
}

}  // namespace alignment_verdict_test
