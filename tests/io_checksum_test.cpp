// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/checksum.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <span>
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
  CHECK(qfa::crc32_of_file(folder.write("empty", "")) == "00000000");
  CHECK_THROWS_AS(qfa::crc32_of_file(folder.path() / "absent"), qfa::error);
}

TEST_CASE("crc32: a file larger than one window has the checksum of all its bytes") {
  const qfa_test::scratch folder;
  const auto path = folder.write("large", "1");
  // Zeros that take no room on the disk.  crc32 of "1" and 2^26 + 2^20 zeros, by Python's zlib.
  std::filesystem::resize_file(path, 1 + qfa::file_window::usual + (std::size_t{1} << 20));
  CHECK(qfa::crc32_of_file(path) == "fbdab304");
}

}  // namespace io_checksum_test
