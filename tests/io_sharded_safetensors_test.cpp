// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/sharded_safetensors.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/safetensors_writer.hpp"
#include "scratch.hpp"

namespace io_sharded_safetensors_test {

using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

constexpr const char* index_name = "model.safetensors.index.json";

void write_one(const std::filesystem::path& path, const std::string& name, float value) {
  const std::vector<float> values{value};
  const std::vector<qfa::tensor_to_write> tensors{qfa::as_tensor<float>(name, {1}, values)};
  qfa::write_safetensors(path, tensors, {{"first", name}});
}

float first(const qfa::sharded_safetensors& all, std::string_view name) { return qfa::read_floats(all.at(name)).at(0); }

}  // namespace

TEST_CASE("sharded_safetensors: one file, by its name or its directory") {
  const scratch here;
  write_one(here.path() / "model.safetensors", "a", 1.0f);
  for (const auto& path : {here.path(), here.path() / "model.safetensors"}) {
    const qfa::sharded_safetensors all(path);
    CHECK(first(all, "a") == 1.0f);
    CHECK(all.names() == std::vector<std::string>{"a"});
    CHECK(all.metadata().at("first") == "a");
    CHECK(all.files() == 1);
    CHECK(!all.contains("b"));
    check_refused([&] { all.at("b"); }, {"\"b\"", here.path().filename().string()});
  }
}

TEST_CASE("sharded_safetensors: many files, by the index or its directory, in both access modes") {
  const scratch here;
  write_one(here.path() / "m-1.safetensors", "a", 1.0f);
  write_one(here.path() / "m-2.safetensors", "b", 2.0f);
  write_one(here.path() / "model.safetensors", "stray", 3.0f);  // the index goes first
  const auto index = here.write(index_name, R"({"metadata": {"total_size": 8},
      "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}})");
  for (const qfa::file_access access : {qfa::file_access::mapped, qfa::file_access::read})
    for (const auto& path : {here.path(), index}) {
      const qfa::sharded_safetensors original(path, {.access = access});
      const qfa::sharded_safetensors all = original;
      CHECK(first(all, "a") == 1.0f);
      CHECK(first(all, "b") == 2.0f);
      CHECK(all.names() == std::vector<std::string>{"a", "b"});
      CHECK(all.files() == 2);
      CHECK(!all.contains("stray"));
    }
}

TEST_CASE(
    "sharded_safetensors: file names that lead out of the directory are refused, also where they would lead back") {
  const scratch here;
  write_one(here.path() / "m.safetensors", "a", 1.0f);
  for (const char* file : {"../m.safetensors", "sub/../m.safetensors", "/etc/passwd", "./m.safetensors", "..", ".", "",
                           "..\\\\m.safetensors", "C:m.safetensors", "a/m.safetensors", "m.safetensors\\u0000"}) {
    CAPTURE(file);
    here.write(index_name, R"({"weight_map": {"a": ")" + std::string(file) + "\"}}");
    check_refused([&] { qfa::sharded_safetensors(here.path()); }, {"\"a\"", "plain file name", index_name});
  }
}

TEST_CASE("sharded_safetensors: a tensor is of its own file, whichever was opened last") {
  const scratch here;
  const std::vector<float> one{1.0f}, three{3.0f};
  const std::vector<qfa::tensor_to_write> tensors{qfa::as_tensor<float>("a", {1}, one),
                                                  qfa::as_tensor<float>("c", {1}, three)};
  qfa::write_safetensors(here.path() / "m-1.safetensors", tensors, {});
  write_one(here.path() / "m-2.safetensors", "b", 2.0f);
  here.write(index_name, R"({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors",
      "c": "m-1.safetensors"}})");
  const qfa::sharded_safetensors all(here.path());
  CHECK(first(all, "a") == 1.0f);
  CHECK(first(all, "b") == 2.0f);
  CHECK(first(all, "c") == 3.0f);
}

TEST_CASE("sharded_safetensors: links are followed, since caches of downloads are made of them") {
  const scratch blobs, here;
  write_one(blobs.path() / "0123abcd", "a", 1.0f);
  std::filesystem::create_symlink(blobs.path() / "0123abcd", here.path() / "model.safetensors");
  CHECK(first(qfa::sharded_safetensors(here.path()), "a") == 1.0f);
  std::filesystem::remove(blobs.path() / "0123abcd");
  check_refused([&] { qfa::sharded_safetensors(here.path()); }, {"model.safetensors"});
}

TEST_CASE("stays_in_directory: plain names do, whatever else they hold") {
  CHECK(qfa::stays_in_directory("model-00001-of-00002.safetensors"));
  CHECK(qfa::stays_in_directory(".hidden"));
  CHECK(qfa::stays_in_directory("a b"));
}

TEST_CASE("sharded_safetensors: a tensor missing from its file is named with tensor and file") {
  const scratch here;
  write_one(here.path() / "m.safetensors", "a", 1.0f);
  here.write(index_name, R"({"weight_map": {"a": "m.safetensors", "b": "m.safetensors"}})");
  check_refused([&] { qfa::sharded_safetensors(here.path()); }, {"\"b\"", "m.safetensors", "not there"});
}

TEST_CASE("sharded_safetensors: a missing shard, a broken shard and a broken index are refused by name") {
  const scratch here;
  here.write(index_name, R"({"weight_map": {"a": "m.safetensors"}})");
  check_refused([&] { qfa::sharded_safetensors(here.path()); }, {"no file", "m.safetensors"});
  here.write("m.safetensors", "12345");
  check_refused([&] { qfa::sharded_safetensors(here.path()); }, {"m.safetensors", "too short"});
  for (const char* index : {"{}", "[]", R"({"weight_map": ["a"]})"}) {
    here.write(index_name, index);
    check_refused([&] { qfa::sharded_safetensors(here.path()); }, {index_name, "weight_map"});
  }
  here.write(index_name, R"({"weight_map": {"a": 1}})");
  check_refused([&] { qfa::sharded_safetensors(here.path()); }, {index_name, "\"a\""});
  here.write(index_name, R"({"weight_map": {"a": "m.safetensors", "a": "n.safetensors"}})");
  check_refused([&] { qfa::sharded_safetensors(here.path()); }, {index_name, "twice"});
}

TEST_CASE("sharded_safetensors: an empty directory and a path to nothing are refused") {
  const scratch here;
  check_refused([&] { qfa::sharded_safetensors(here.path()); }, {"neither", here.path().filename().string()});
  check_refused([&] { qfa::sharded_safetensors(here.path() / "none"); }, {"no file", "none"});
}

}  // namespace io_sharded_safetensors_test
