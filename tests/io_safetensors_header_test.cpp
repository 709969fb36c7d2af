// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/safetensors_header.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_safetensors_header_test {

using namespace qfa;
using qfa_test::bytes_of;
using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return bytes_of(std::uint64_t{header.size()}) + header + std::string(data_bytes, 'd');
}

safetensors_header read(const std::filesystem::path& path, bool allow_trailing_bytes = false) {
  file_window file(path, file_access::mapped, 1);
  return read_safetensors_header(file, allow_trailing_bytes);
}

}  // namespace

// What the format forbids is tested on the reader of whole files, tests/io_safetensors_test.cpp, which reads this
// header.

TEST_CASE("read_safetensors_header: tensors in the order of their data, counted from the front of the file") {
  const scratch here;
  const std::string header = R"({"b":{"dtype":"F16","shape":[3],"data_offsets":[8,14]},)"
                             R"("none":{"dtype":"F32","shape":[0,4],"data_offsets":[8,8]},)"
                             R"("__metadata__":{"made":"here"},)"
                             R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
  const safetensors_header found = read(here.write("x", file_of(header, 14)));
  REQUIRE(found.tensors.size() == 3);
  const std::uint64_t data = 8 + header.size();
  CHECK(found.tensors[0].name == "a");
  CHECK(found.tensors[0].shape == std::vector<std::size_t>{1, 2});
  CHECK(found.tensors[0].begin == data);
  CHECK(found.tensors[0].end == data + 8);
  CHECK(found.tensors[1].name == "none");
  CHECK(found.tensors[1].begin == found.tensors[1].end);
  CHECK(found.tensors[2].name == "b");
  CHECK(found.tensors[2].type == dtype::f16);
  CHECK(found.tensors[2].begin == data + 8);
  CHECK(found.tensors[2].end == data + 14);
  CHECK(found.metadata.at("made") == "here");
}

TEST_CASE("read_safetensors_header: a header longer than the window is read, data missing or left over is refused") {
  const scratch here;
  std::string header = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  header.append(300'000, ' ');
  CHECK(read(here.write("x", file_of(header, 2))).tensors.front().end == 8 + header.size() + 2);
  check_refused([&] { read(here.write("short", file_of(header, 1))); }, {"short", "\"a\"", "only 1"});
  check_refused([&] { read(here.write("long", file_of(header, 5))); }, {"long", "3 bytes follow"});
  CHECK(read(here.path() / "long", true).tensors.size() == 1);
  check_refused([&] { read(here.write("cut", file_of(header, 0).substr(0, 200'000))); }, {"cut", "ends before"});
  check_refused([&] { read(here.write("one", bytes_of(std::uint64_t{3}) + "{}")); }, {"one", "ends before"});
  check_refused([&] { read(here.write("tiny", "1234567")); }, {"tiny", "too short"});
}

}  // namespace io_safetensors_header_test
