// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/packed_columns.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "made_report.hpp"

namespace report_packed_columns_test {

using namespace qfa;

namespace {

constexpr float none = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("packed_columns: each kind by its bytes, lowest first, and what has no value by its own") {
  // .5 is 5000 = 0x1388, -1 is -10000 = 0xd8f0, none 0x8000: 88 13 f0 d8 00 80; 9 is beyond what fits.
  CHECK(packed({"r", column_kind::share, {0.5f, -1.0f, none}})["data"] == "iBPw2ACA");
  CHECK(packed({"r", column_kind::share, {9.0f, -9.0f, 0.00004f}})["data"] == "/38BgAAA");
  // 1 is 0x3f800000.
  CHECK(packed({"gain", column_kind::number, {1.0f}})["data"] == "AACAPw==");
  CHECK(packed({"n", column_kind::count, {258.0f, none, -1.0f}})["data"] == "AgEAAP//////////");
  const report_json words = packed({"band", column_kind::word, {0.0f, 1.0f, none}, {"survived", "blurred"}});
  CHECK(words["data"] == "AAH/");
  CHECK(words["words"].dump() == R"(["survived","blurred"])");
  CHECK(words["as"] == "word");
  CHECK_FALSE(packed({"gain", column_kind::number, {1.0f}}).contains("words"));
}

TEST_CASE("packed_columns: a whole table, the reference first") {
  const report_json table = packed(read_feature_columns(qfa_test::made_features({"reference", "p"}), "t"));
  CHECK(table["features"] == 12);
  CHECK(table["conditions"][0]["policy"] == "reference");
  CHECK(table["conditions"][0]["columns"][0]["name"] == "active");
  CHECK(table["conditions"][1]["columns"][0]["name"] == "r");
}

}  // namespace report_packed_columns_test
