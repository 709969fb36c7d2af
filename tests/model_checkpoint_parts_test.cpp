// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/checkpoint_parts.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint_copy.hpp"
#include "model_threads.hpp"
#include "scratch.hpp"

namespace model_checkpoint_parts_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::checkpoint_copy;
using qfa_test::contains;
using qfa_test::make_tensor;

TEST_CASE("checkpoint parts: the first part that is missing or of another shape or type is named") {
  checkpoint_copy copy;
  copy.tensors["m.a"] = make_tensor(dtype::i32, {2, 3}, std::vector<std::int32_t>(6));
  copy.tensors["m.b"] = make_tensor(dtype::f32, {4}, std::vector<float>(4));
  const sharded_safetensors files = copy.files();
  const checkpoint_parts parts(files, "m", 6, 8);
  CHECK(parts.contains("a"));
  CHECK_FALSE(parts.contains("c"));
  CHECK(parts.out() == 6);
  CHECK(parts.in() == 8);
  const expected_part a{"a", {dtype::i8, dtype::i32}, {{1}, {2, 3}}}, b{"b", {dtype::f32}, {{4}}};
  CHECK_FALSE(parts.problem(std::vector{a, b}));
  CHECK_FALSE(parts.problem(std::vector{a, expected_part{"c", {dtype::i8}, {{1}}, false}, b}));

  const auto missing = parts.problem(std::vector{a, expected_part{"c", {dtype::i8}, {{1}}}});
  REQUIRE(missing);
  CHECK(contains(missing->sentence, "there is no tensor \"m.c\" in " + files.where()));
  CHECK(missing->passed == 2);

  const auto shape = parts.problem(std::vector{a, expected_part{"b", {dtype::f32}, {{5}, {6}}}});
  REQUIRE(shape);
  CHECK(contains(shape->sentence, "\"m.b\" in " + parts.at("b").file));
  CHECK(contains(shape->sentence, "shape (4), but a weight of (6, 8) makes it (5)"));
  CHECK(shape->passed == 2);

  const auto type = parts.problem(std::vector{a, expected_part{"b", {dtype::i8, dtype::f16}, {{4}}}});
  REQUIRE(type);
  CHECK(contains(type->sentence, "type F32, expected I8 or F16"));
  CHECK(type->passed == 3);
}

TEST_CASE("checkpoint parts: scales of every type are read as what they are and must be finite") {
  checkpoint_copy copy;
  copy.tensors["m.f32"] = make_tensor(dtype::f32, {2}, std::vector<float>{1.5f, -2.0f});
  copy.tensors["m.bf16"] = make_tensor(dtype::bf16, {2}, std::vector<std::uint16_t>{0x3fc0, 0xc000});
  copy.tensors["m.f16"] = make_tensor(dtype::f16, {2}, std::vector<std::uint16_t>{0x3e00, 0xc000});
  copy.tensors["m.f8"] = make_tensor(dtype::f8_e4m3, {2}, std::vector<std::uint8_t>{0x3c, 0xc0});
  copy.tensors["m.nan"] = make_tensor(dtype::f8_e4m3, {2}, std::vector<std::uint8_t>{0x3c, 0x7f});
  copy.tensors["m.inf"] =
      make_tensor(dtype::f32, {2}, std::vector<float>{1.0f, -std::numeric_limits<float>::infinity()});
  const sharded_safetensors files = copy.files();
  const checkpoint_parts parts(files, "m", 1, 1);
  for (const char* type : {"f32", "bf16", "f16", "f8"}) {
    CAPTURE(type);
    CHECK(parts.scales(type) == std::vector<float>{1.5f, -2.0f});
  }
  check_refused([&] { parts.scales("nan"); }, {"m.nan", "model.safetensors", "NaN at element 1", "scales"});
  check_refused([&] { parts.scales("inf"); }, {"m.inf", "model.safetensors", "an infinity at element 1", "scales"});
  check_refused([&] { parts.scales("none"); }, {"m.none"});
}

TEST_CASE("checkpoint parts: words and bytes are what the file holds") {
  checkpoint_copy copy;
  copy.tensors["m.words"] = make_tensor(dtype::i32, {2}, std::vector<std::int32_t>{-1, 0x01020304});
  copy.tensors["m.bytes"] = make_tensor(dtype::i8, {3}, std::vector<std::int8_t>{-1, 0, 1});
  const sharded_safetensors files = copy.files();
  const checkpoint_parts parts(files, "m", 1, 1);
  CHECK(parts.words("words") == std::vector<std::uint32_t>{0xffffffffU, 0x01020304U});
  const auto bytes = parts.bytes("bytes");
  CHECK(std::vector<std::uint8_t>(bytes.begin(), bytes.end()) == std::vector<std::uint8_t>{255, 0, 1});
}

TEST_CASE("checkpoint parts: a column's group is stored or follows from its place") {
  checkpoint_copy copy;
  copy.tensors["m.g"] = make_tensor(dtype::i32, {5}, std::vector<std::int32_t>{2, 0, 1, 1, 0});
  const sharded_safetensors files = copy.files();
  const checkpoint_parts parts(files, "m", 1, 5);
  using groups = std::vector<std::size_t>;
  CHECK(parts.group_of_column("g", 2, 3) == groups{2, 0, 1, 1, 0});
  CHECK(parts.group_of_column("none", 2, 3) == groups{0, 0, 1, 1, 2});
  check_refused([&] { parts.group_of_column("g", 3, 2); }, {"m.g", "column 0 into group 2", "there are 2 groups"});
}

TEST_CASE("checkpoint parts: a group size is of columns and divides them") {
  const auto read = [](const json& value) {
    const json object = parse_json(json{{"group_size", value}}.dump(), "c.json");
    return read_group_size(json_fields(object, "c.json"), "group_size");
  };
  CHECK(read(128) == 128);
  CHECK(read(-1) == 0);
  CHECK(read(nullptr) == 0);
  for (const json& value : {json(0), json(-2), json(1.5), json("32"), json(true), json::array()})
    check_refused([&] { read(value); }, {"group_size", "c.json", "-1 or above 0"});

  checkpoint_copy copy;
  copy.tensors["m.weight"] = make_tensor(dtype::f32, {1}, std::vector<float>(1));
  const sharded_safetensors files = copy.files();
  const checkpoint_parts parts(files, "m", 4, 24);
  CHECK(groups_of(0, parts).count == 1);
  CHECK(groups_of(0, parts).columns == 24);
  CHECK(groups_of(8, parts).count == 3);
  CHECK(groups_of(8, parts).columns == 8);
  check_refused([&] { groups_of(7, parts); }, {"groups of 7", "24 columns", "m.weight"});
  check_refused([&] { groups_of(48, parts); }, {"groups of 48"});
}

TEST_CASE("checkpoint parts: every weight is filled once whatever the number of threads") {
  qfa_test::for_each_thread_count([] {
    for (const std::size_t out : {1U, 31U, 32U, 33U, 100U})
      for (const std::size_t in : {1U, 32U, 65U}) {
        const std::vector<float> values =
            fill_weight(out, in, [](std::size_t o, std::size_t i) { return static_cast<float>(o * 1000 + i + 1); });
        REQUIRE(values.size() == out * in);
        for (std::size_t k = 0; k < values.size(); ++k)
          REQUIRE(values[k] == static_cast<float>(k / in * 1000 + k % in + 1));
      }
  });
}

}  // namespace model_checkpoint_parts_test
