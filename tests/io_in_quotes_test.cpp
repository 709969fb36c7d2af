// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/in_quotes.hpp"

#include <filesystem>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace io_in_quotes_test {

TEST_CASE("in_quotes: plain text stands as it is") {
  CHECK(qfa::in_quotes("W_enc") == "\"W_enc\"");
  CHECK(qfa::in_quotes(std::filesystem::path("a/b.npy")) == "\"a/b.npy\"");
  CHECK(qfa::in_quotes("") == "\"\"");
}

TEST_CASE("in_quotes: what a terminal might obey is spelled out") {
  CHECK(qfa::in_quotes(std::string_view("\x1b[2J\n\0\x7f\xc3\xa9 ~", 11)) == "\"\\x1b[2J\\x0a\\x00\\x7f\\xc3\\xa9 ~\"");
}

TEST_CASE("in_quotes: a text of any length makes a short message") {
  CHECK(qfa::in_quotes(std::string(200, 'a')).size() == 202);
  CHECK(qfa::in_quotes(std::string(201, 'a')) == "\"" + std::string(200, 'a') + "...\"");
}

}  // namespace io_in_quotes_test
