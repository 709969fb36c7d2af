// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/checksum.hpp"

#include <doctest/doctest.h>

#include <string_view>

#include "scratch.hpp"

namespace io_checksum_test {

TEST_CASE("crc32: the check value that every description of it gives") {
  const std::string_view text = "123456789";
  CHECK(qfa::crc32(std::as_bytes(std::span(text))) == 0xcbf43926U);
  CHECK(qfa::crc32({}) == 0U);
  const qfa_test::scratch folder;
  CHECK(qfa::crc32_of_file(folder.write("a", "123456789")) == "cbf43926");
  CHECK(qfa::crc32_of_file(folder.write("b", "a\n")) == "ddeaa107");
  CHECK_THROWS_AS(qfa::crc32_of_file(folder.path() / "absent"), qfa::error);
}

}  // namespace io_checksum_test
