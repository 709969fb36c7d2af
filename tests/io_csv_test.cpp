// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/csv.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "qfa/io/csv_reader.hpp"

namespace io_csv_test {

namespace {

template <class... Cells>
std::string row(const Cells&... cells) {
  std::ostringstream out;
  qfa::csv_writer(out).row(cells...);
  return out.str();
}

}  // namespace

TEST_CASE("csv: cells are separated by commas and rows end in CRLF") {
  std::ostringstream out;
  qfa::csv_writer csv(out);
  csv.row("feature", "r");
  csv.row(17, 0.93);
  csv.cell(std::string("a"));
  csv.cell(true);
  csv.end_row();
  CHECK(out.str() == "feature,r\r\n17,0.93\r\na,1\r\n");
}

TEST_CASE("csv: commas, quotes and line breaks are quoted, nothing else") {
  CHECK(row("a,b", "say \"hi\"", "x\r\ny", " plain ; text ") ==
        "\"a,b\",\"say \"\"hi\"\"\",\"x\r\ny\", plain ; text \r\n");
  CHECK(row("", "") == ",\r\n");
}

TEST_CASE("csv: a text that a spreadsheet would compute stands behind an apostrophe, a number does not") {
  CHECK(row("=1+1", "+x", "-x", "@SUM(A1)", "'quoted'") == "'=1+1,'+x,'-x,'@SUM(A1),''quoted'\r\n");
  CHECK(row("=A1,\"B1\"", "\t=1", "\r=1", "\n=1") == "\"'=A1,\"\"B1\"\"\",'\t=1,\"'\r=1\",\"'\n=1\"\r\n");
  CHECK(row(-0.5, -7, "a=1", " =1", "rtn:bits=4") == "-0.5,-7,a=1, =1,rtn:bits=4\r\n");
}

TEST_CASE("csv: csv_text takes away what was put before a text, and nothing else") {
  for (const std::string text : {"", "a", "=1", "+", "-x", "@", "\t", "\n", "'", "''", "'a", "'=1", "a'", "\"'"}) {
    CAPTURE(text);
    const auto rows = qfa::parse_csv(row(text, "end"), "t");
    REQUIRE(rows.size() == 1);
    CHECK(qfa::csv_text(rows[0].cells[0]) == text);
  }
  CHECK(qfa::csv_text("'a") == "'a");  // which no csv_writer wrote
}

TEST_CASE("csv: a number takes the fewest digits that read back to it") {
  CHECK(row(0.1, 1.0, 1e300, -0.0, 0.1f) == "0.1,1,1e+300,-0,0.1\r\n");
  CHECK(row(1.0 / 3.0) == "0.3333333333333333\r\n");
  CHECK(row(std::int64_t{-5}, std::uint64_t{18446744073709551615U}) == "-5,18446744073709551615\r\n");
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const double x = std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 200) - 100);
    CHECK(std::stod(row(x)) == x);
  }
}

TEST_CASE("csv: no value is an empty cell, an infinity is written out") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(row(1, nan, 2.5) == "1,,2.5\r\n");
  CHECK(row(nan, std::nanf("")) == ",\r\n");
  CHECK(row(std::numeric_limits<double>::infinity()) == "inf\r\n");
}

}  // namespace io_csv_test
