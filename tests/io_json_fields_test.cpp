// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/json_fields.hpp"

#include <string>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_json_fields_test {

using qfa_test::check_refused;

TEST_CASE("json_fields: fields of the right kinds, missing and null ones alike") {
  const qfa::json config = qfa::parse_json(
      R"({"name": "x", "layers": 3, "tied": false, "eps": 1e-5, "whole": 2, "none": null, "inner": {"k": 4}})",
      "config");
  const qfa::json_fields fields(config, "\"config.json\"");
  CHECK(fields.text("name") == "x");
  CHECK(fields.size("layers") == 3);
  CHECK(fields.flag("tied") == false);
  CHECK(fields.number("eps") == 1e-5);
  CHECK(fields.number("whole") == 2.0);
  CHECK(fields.object("inner")->size("k") == 4);
  CHECK(fields.needed_text("name") == "x");
  CHECK(fields.needed_size("layers") == 3);
  for (const char* absent : {"none", "other"}) {
    CHECK(!fields.contains(absent));
    CHECK(!fields.text(absent));
    CHECK(!fields.size(absent));
    CHECK(!fields.flag(absent));
    CHECK(!fields.number(absent));
    CHECK(!fields.object(absent));
    check_refused([&] { fields.needed_text(absent); }, {absent, "config.json", "string"});
    check_refused([&] { fields.needed_size(absent); }, {absent, "config.json", "whole number"});
  }
}

TEST_CASE("json_fields: a field of another kind is refused by its name, its file and what was expected") {
  const qfa::json config = qfa::parse_json(R"({"a": -1, "b": 1.5, "c": "3", "d": [1], "e": 1})", "config");
  const qfa::json_fields fields(config, "\"config.json\"");
  for (const char* field : {"a", "b", "c", "d"})
    check_refused([&] { fields.size(field); }, {field, "config.json", "whole number"});
  check_refused([&] { fields.text("e"); }, {"\"e\"", "string"});
  check_refused([&] { fields.flag("e"); }, {"\"e\"", "true or false"});
  check_refused([&] { fields.number("c"); }, {"\"c\"", "number"});
  check_refused([&] { fields.object("d"); }, {"\"d\"", "object"});
}

TEST_CASE("json_fields: what is no object has no fields") {
  const qfa::json list = qfa::parse_json("[]", "config");
  check_refused([&] { qfa::json_fields(list, "\"config.json\""); }, {"config.json", "object"});
}

}  // namespace io_json_fields_test
