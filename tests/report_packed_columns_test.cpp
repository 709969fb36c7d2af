// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/packed_columns.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "made_report.hpp"

namespace report_packed_columns_test {

using namespace qfa;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("packed_columns: each kind by its bytes, lowest first, and what has no value by its own") {
  // .5 is 5000 = 0x1388, -1 is -10000 = 0xd8f0, none 0x8000: 88 13 f0 d8 00 80; 9 is beyond what fits.
  CHECK(packed({"r", column_kind::share, {0.5, -1.0, none}})["data"] == "iBPw2ACA");
  CHECK(packed({"r", column_kind::share, {9.0, -9.0, 0.00004}})["data"] == "/38BgAAA");
  // 1 is 0x3f800000.
  CHECK(packed({"gain", column_kind::number, {1.0}})["data"] == "AACAPw==");
  CHECK(packed({"n", column_kind::count, {258.0, none, -1.0}})["data"] == "AgEAAP//////////");
  // 2^24 + 1, which no float is; 2^32 - 1 is none.
  CHECK(packed({"n", column_kind::count, {16777217.0, 4294967294.0, 4294967295.0}})["data"] == "AQAAAf7/////////");
  const report_json words = packed({"band", column_kind::word, {0.0, 1.0, none}, {"survived", "blurred"}});
  CHECK(words["data"] == "AAH/");
  CHECK(words["words"].dump() == R"(["survived","blurred"])");
  CHECK(words["as"] == "word");
  CHECK_FALSE(packed({"gain", column_kind::number, {1.0}}).contains("words"));
}

TEST_CASE("packed_columns: a whole table, the reference first") {
  const report_json table = packed(read_feature_columns(qfa_test::made_features({"reference", "p"}), "t"));
  CHECK(table["features"] == 12);
  CHECK(table["conditions"][0]["policy"] == "reference");
  CHECK(table["conditions"][0]["columns"][0]["name"] == "active");
  CHECK(table["conditions"][1]["columns"][0]["name"] == "r");
}

}  // namespace report_packed_columns_test
