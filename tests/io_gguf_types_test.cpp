// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/gguf_types.hpp"

#include <set>
#include <string>

#include <doctest/doctest.h>

namespace io_gguf_types_test {

TEST_CASE("gguf_types: numbers and names are distinct and lead back to the type") {
  std::set<std::uint32_t> ids;
  std::set<std::string_view> names;
  for (const qfa::gguf_type& type : qfa::gguf_types) {
    ids.insert(type.id);
    names.insert(type.name);
    CHECK(qfa::find_gguf_type(type.id) == &type);
    CHECK(qfa::find_gguf_type(type.name) == &type);
    CHECK(type.elements >= 1);
    CHECK(type.bytes >= 1);
  }
  CHECK(ids.size() == qfa::gguf_types.size());
  CHECK(names.size() == qfa::gguf_types.size());
}

TEST_CASE("gguf_types: the published bits for each weight") {
  const auto bits = [](std::string_view name) {
    const qfa::gguf_type* const type = qfa::find_gguf_type(name);
    REQUIRE(type != nullptr);
    return 8.0 * static_cast<double>(type->bytes) / static_cast<double>(type->elements);
  };
  CHECK(bits("q4_0") == 4.5);
  CHECK(bits("q5_1") == 6.0);
  CHECK(bits("q8_0") == 8.5);
  CHECK(bits("q8_1") == 9.0);
  CHECK(bits("q2_K") == 2.625);
  CHECK(bits("q3_K") == 3.4375);
  CHECK(bits("q6_K") == 6.5625);
  CHECK(bits("iq2_xxs") == 2.0625);
  CHECK(bits("iq4_xs") == 4.25);
  CHECK(bits("mxfp4") == 4.25);
  CHECK(bits("nvfp4") == 4.5);
}

TEST_CASE("gguf_types: numbers that were taken back or never given are of no type") {
  for (const std::uint32_t id : {4U, 5U, 31U, 32U, 33U, 36U, 37U, 38U, 42U, 99U, 0xffffffffU})
    CHECK(qfa::find_gguf_type(id) == nullptr);
  CHECK(qfa::find_gguf_type("q4_k") == nullptr);
}

}  // namespace io_gguf_types_test
