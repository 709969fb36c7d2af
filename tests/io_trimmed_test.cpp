// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/trimmed.hpp"

#include <doctest/doctest.h>

namespace io_trimmed_test {

using qfa::trimmed;

TEST_CASE("trimmed: no blanks at either end, and all of those within") {
  CHECK(trimmed("\t one  two\r\n") == "one  two");
  CHECK(trimmed("one") == "one");
  CHECK(trimmed("\r\n \t").empty());
  CHECK(trimmed("").empty());
  CHECK(trimmed(" a ", "") == " a ");
  CHECK(trimmed(" \ta ", " ") == "\ta");  // of a caller's own blanks
}

}  // namespace io_trimmed_test
