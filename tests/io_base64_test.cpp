// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/base64.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace io_base64_test {

TEST_CASE("base64: the vectors of RFC 4648, section 10, and every digit") {
  const auto of = [](std::string_view text) {
    return qfa::base64(std::vector<std::uint8_t>(text.begin(), text.end()));
  };
  CHECK(of("").empty());
  CHECK(of("f") == "Zg==");
  CHECK(of("fo") == "Zm8=");
  CHECK(of("foo") == "Zm9v");
  CHECK(of("foob") == "Zm9vYg==");
  CHECK(of("fooba") == "Zm9vYmE=");
  CHECK(of("foobar") == "Zm9vYmFy");
  std::vector<std::uint8_t> sixes;  // 0, 1, ... 63, six bits each
  for (unsigned i = 0; i < 64; i += 4) {
    const unsigned three = (i << 18U) | ((i + 1) << 12U) | ((i + 2) << 6U) | (i + 3);
    for (const unsigned shift : {16U, 8U, 0U})
      sixes.push_back(static_cast<std::uint8_t>(three >> shift));
  }
  CHECK(qfa::base64(sixes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

}  // namespace io_base64_test
