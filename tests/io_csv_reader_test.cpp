// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/csv_reader.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "qfa/io/csv.hpp"
#include "scratch.hpp"

namespace io_csv_reader_test {

using rows = std::vector<qfa::csv_row>;
using qfa::parse_csv;

TEST_CASE("parse_csv: rows, quotes and line breaks") {
  CHECK(parse_csv("a,b\r\n1,2\r\n", "x") == rows{{1, {"a", "b"}}, {2, {"1", "2"}}});
  CHECK(parse_csv("a,b\n1,2", "x") == rows{{1, {"a", "b"}}, {2, {"1", "2"}}});
  CHECK(parse_csv("\"a,\"\"b\"\"\r\nc\",d\nnext", "x") == rows{{1, {"a,\"b\"\r\nc", "d"}}, {3, {"next"}}});
  CHECK(parse_csv("\xef\xbb\xbfid\n", "x") == rows{{1, {"id"}}});
  CHECK(parse_csv("a\rb,c", "x") == rows{{1, {"a\rb", "c"}}});  // a lone CR is text
}

TEST_CASE("parse_csv: empty cells are cells, empty lines are no rows") {
  CHECK(parse_csv(",\n\n\r\na,,\n", "x") == rows{{1, {"", ""}}, {4, {"a", "", ""}}});
  CHECK(parse_csv("a,", "x") == rows{{1, {"a", ""}}});
  CHECK(parse_csv("\"\"", "x") == rows{{1, {""}}});
  CHECK(parse_csv("", "x").empty());
  CHECK(parse_csv("\n", "x").empty());
}

TEST_CASE("parse_csv: what csv_writer wrote comes back") {
  std::ostringstream out;
  qfa::csv_writer writer(out);
  writer.row("a,b", "say \"no\"", "two\nlines", "");
  writer.row("plain", 17, 0.5, " spaced ");
  const rows back = parse_csv(out.str(), "x");
  REQUIRE(back.size() == 2);
  CHECK(back[0].cells == std::vector<std::string>{"a,b", "say \"no\"", "two\nlines", ""});
  CHECK(back[1] == qfa::csv_row{3, {"plain", "17", "0.5", " spaced "}});
}

TEST_CASE("parse_csv: broken quotes are refused by line") {
  qfa_test::check_refused([] { parse_csv("a\n\"b\nc", "\"f\""); }, {"\"f\"", "line 2", "never closed"});
  qfa_test::check_refused([] { parse_csv("a\nb\"c", "\"f\""); }, {"line 2", "quote within"});
  qfa_test::check_refused([] { parse_csv("\"a\nb\"c", "\"f\""); }, {"line 2", "after a closing quote"});
}

TEST_CASE("parse_csv: no more cells than it may have are read, however short they are") {
  CHECK(parse_csv("a,b\n\"c\",d\n", "x", 4).size() == 2);
  qfa_test::check_refused([] { parse_csv("a,b\nc,d,\n", "\"f\"", 4); }, {"\"f\"", "more than 4 cells", "line 2"});
  CHECK(parse_csv(std::string(1000, ','), "x")[0].cells.size() == 1001);
}

TEST_CASE("read_cell: a number and nothing else, as its type has them") {
  std::uint32_t id = 0;
  CHECK(qfa::read_cell("17", id));
  CHECK(id == 17);
  for (const char* const cell : {"", " 1", "1 ", "1x", "-1", "1.5", "4294967296"})
    CHECK_FALSE(qfa::read_cell(cell, id));
  double x = 0.0;
  CHECK(qfa::read_cell("-2.5e3", x));
  CHECK(x == -2500.0);
  CHECK_FALSE(qfa::read_cell("1e999", x));
}

TEST_CASE("parse_csv: no bytes bring it down") {
  const std::string valid = "id,condition,verdict\r\n\"a,\"\"1\"\"\",kivi,refused\n\n2,,\n";
  CHECK(qfa_test::torment(valid, 500, [](const std::string& bytes) { parse_csv(bytes, "x"); }) > valid.size() / 2);
}

}  // namespace io_csv_reader_test
