// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/number_set.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/compress/fields.hpp"

namespace compress_number_set_test {

using qfa::number_set;

TEST_CASE("number_set: holds what is listed, or everything") {
  const number_set some{7, 0, 5, 6, 5};
  CHECK(some.listed() == std::vector<std::size_t>{0, 5, 6, 7});
  CHECK(some.contains(6));
  CHECK_FALSE(some.contains(4));
  CHECK_FALSE(some.all());
  CHECK(some.below(7) == std::vector<std::size_t>{0, 5, 6});
  CHECK(number_set{}.all());
  CHECK(number_set{}.contains(123));
  CHECK(number_set{}.below(3) == std::vector<std::size_t>{0, 1, 2});
  CHECK(number_set(std::vector<std::size_t>{}).below(3).empty());
}

TEST_CASE("number_set: its text is the shortest, and reads back as the set") {
  CHECK(number_set{0, 2, 5, 6, 7}.text() == "0|2|5-7");
  CHECK(number_set{3, 4}.text() == "3-4");
  CHECK(number_set{9}.text() == "9");
  CHECK(number_set{}.text() == "all");
  for (const number_set& set : {number_set{}, number_set{0}, number_set{1, 2, 4, 8, 9, 10}, number_set{999999}})
    CHECK(number_set::from_text(set.text()) == set);
  CHECK(number_set::from_text("5-7|0") == number_set{0, 5, 6, 7});
  CHECK(number_set::from_text("4-4") == number_set{4});
}

TEST_CASE("number_set: what writes no set is none") {
  for (const std::string_view bad : {"", "|", "1|", "|1", "1||2", "a", "1-", "-1", "2-1", "1,2", "1 ", " 1", "1|1",
                                     "1-3|2", "1000000", "0-9999999999", "99999999999999999999", "ALL", "1-2-3"}) {
    CAPTURE(bad);
    CHECK_FALSE(number_set::from_text(bad));
  }
}

TEST_CASE("number_set: specs write it as it writes itself") {
  const auto no_policy = [](std::string_view) { return qfa::any_policy{}; };
  CHECK(qfa::value_to_text(number_set{1, 2}) == "1-2");
  CHECK(qfa::text_to_value<number_set>("1-2", no_policy) == number_set{1, 2});
  CHECK_FALSE(qfa::text_to_value<number_set>("2-1", no_policy));
  CHECK(qfa::value_kind<number_set>() == "numbers as 0|2|5-7, or all");
}

}  // namespace compress_number_set_test
