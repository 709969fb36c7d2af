// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/safetensors.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "mappings.hpp"
#include "scratch.hpp"

namespace io_safetensors_test {

namespace {

using qfa_test::bytes_of;
using qfa_test::check_refused;
using qfa_test::mappings;
using qfa_test::scratch;

std::string file_of(std::string_view header, std::string_view data) {
  return bytes_of(std::uint64_t{header.size()}) + std::string(header) + std::string(data);
}

/// Both ways to the bytes must agree about everything.
template <class Check>
void each_access(Check check) {
  for (const qfa::file_access access : {qfa::file_access::mapped, qfa::file_access::read}) {
    CAPTURE(static_cast<int>(access));
    check(qfa::safetensors_options{.access = access});
  }
}

void check_bad(const std::string& bytes, std::initializer_list<std::string_view> parts) {
  const scratch here;
  const auto path = here.write("bad.safetensors", bytes);
  each_access([&](qfa::safetensors_options options) {
    check_refused([&] { qfa::safetensors(path, options); }, parts);
    check_refused([&] { qfa::safetensors(path, options); }, {"bad.safetensors"});
  });
}

}  // namespace

TEST_CASE("safetensors: reads every numeric type, scalars, empty tensors and metadata") {
  const std::string data = bytes_of<float>({1.5f, -2.0f}) + bytes_of<std::uint16_t>({0x3c00, 0xc000}) +
                           bytes_of<std::uint16_t>({0x3f80, 0xc000}) + bytes_of<double>(0.1) +
                           bytes_of<std::int64_t>(-7) + bytes_of<std::uint8_t>({0, 255});
  const std::string header =
      R"({"f32":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"f16":{"dtype":"F16","shape":[2],)"
      R"("data_offsets":[8,12]},)"
      R"("bf16":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]},"f64":{"dtype":"F64","shape":[],)"
      R"("data_offsets":[16,24]},)"
      R"("i64":{"dtype":"I64","shape":[1],"data_offsets":[24,32]},"none":{"dtype":"F32","shape":[3,0],)"
      R"("data_offsets":[24,24]},)"
      R"("u8":{"dtype":"U8","shape":[2],"data_offsets":[32,34]},"__metadata__":{"format":"pt"}}   )";
  const scratch here;
  const auto path = here.write("good.safetensors", file_of(header, data));
  each_access([&](qfa::safetensors_options options) {
    const qfa::safetensors file(path, options);
    CHECK(qfa::read_floats(file.at("f32")) == std::vector<float>{1.5f, -2.0f});
    CHECK(file.at("f32").shape == std::vector<std::size_t>{2, 1});
    CHECK(qfa::read_floats(file.at("f16")) == std::vector<float>{1.0f, -2.0f});
    CHECK(qfa::read_floats(file.at("bf16")) == std::vector<float>{1.0f, -2.0f});  // 0xc000 is -2 in both
    CHECK(qfa::read_doubles(file.at("f64")) == std::vector<double>{0.1});
    CHECK(qfa::read_floats(file.at("f64")) == std::vector<float>{0.1f});
    CHECK(file.at("f64").shape.empty());
    CHECK(qfa::read_integers(file.at("i64")) == std::vector<std::int64_t>{-7});
    CHECK(qfa::read_integers(file.at("u8")) == std::vector<std::int64_t>{0, 255});
    CHECK(qfa::read_floats(file.at("none")).empty());
    CHECK(file.metadata().at("format") == "pt");
    CHECK(file.names() == std::vector<std::string>{"bf16", "f16", "f32", "f64", "i64", "none", "u8"});
    CHECK(file.tensors().size() == 7);
    CHECK(file.contains("u8"));
    CHECK(!file.contains("__metadata__"));
  });
}

TEST_CASE("safetensors: the bytes outlive the reader's first copy") {
  const scratch here;
  const auto path =
      here.write("x.safetensors", file_of(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "A"));
  each_access([&](qfa::safetensors_options options) {
    const qfa::safetensors copy = [&] {
      const qfa::safetensors first(path, options);
      return qfa::safetensors(first);
    }();
    CHECK(qfa::read_integers(copy.at("x")) == std::vector<std::int64_t>{'A'});
  });
}

TEST_CASE("safetensors: a file without tensors is a file") {
  const scratch here;
  CHECK(qfa::safetensors(here.write("x.safetensors", file_of("{}", ""))).tensors().empty());
}

TEST_CASE("safetensors: a tensor that is not there is named with its file") {
  const scratch here;
  const qfa::safetensors file(here.write("x.safetensors", file_of("{}", "")));
  check_refused([&] { file.at("W_enc"); }, {"W_enc", "x.safetensors"});
}

TEST_CASE("safetensors: a floating tensor is not read as integers, an F8 tensor not as floats") {
  const scratch here;
  const auto path = here.write("x.safetensors", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                                        R"("b":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[4,8]}})",
                                                        "12345678"));
  const qfa::safetensors file(path);
  check_refused([&] { qfa::read_integers(file.at("a")); }, {"\"a\"", "F32", "x.safetensors"});
  check_refused([&] { qfa::read_floats(file.at("b")); }, {"\"b\"", "F8_E4M3", "x.safetensors"});
  check_refused([&] { qfa::read_doubles(file.at("b")); }, {"\"b\"", "F8_E4M3", "x.safetensors"});
}

TEST_CASE("safetensors: sub-byte types are known where they fill whole bytes") {
  const scratch here;
  const qfa::safetensors file(
      here.write("x.safetensors", file_of(R"({"a":{"dtype":"F4","shape":[2,2],"data_offsets":[0,2]},)"
                                          R"("b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[2,5]}})",
                                          "12345")));
  CHECK(file.at("a").size() == 4);
  CHECK(file.at("b").size() == 4);
  check_bad(file_of(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", "12"), {"\"a\"", "whole number"});
}

TEST_CASE("safetensors: a file shorter than the length of its header is refused") {
  check_bad("", {"too short"});
  check_bad(std::string(7, '\0'), {"too short"});
}

TEST_CASE("safetensors: a header of no bytes is refused") { check_bad(std::string(8, '\0'), {"begin with {"}); }

TEST_CASE("safetensors: a huge header length is refused before anything is read") {
  check_bad(bytes_of(~std::uint64_t{0}) + "{}", {"18446744073709551615"});
  check_bad(bytes_of(std::uint64_t{100'000'001}) + "{}", {"claims", "100000001"});
}

TEST_CASE("safetensors: a header longer than the file is refused") {
  check_bad(bytes_of(std::uint64_t{3}) + "{}", {"3 bytes", "ends before"});
  check_bad(bytes_of(std::uint64_t{100'000'000}) + "{}", {"ends before"});
}

TEST_CASE("safetensors: a header must begin with its brace") {
  check_bad(file_of(" {}", ""), {"begin with {"});
  check_bad(file_of("[]", ""), {"begin with {"});
  check_bad(file_of("\xef\xbb\xbf{}", ""), {"begin with {"});
}

TEST_CASE("safetensors: a header that is not JSON, or not UTF-8, is refused") {
  check_bad(file_of("{", ""), {"not valid JSON"});
  check_bad(file_of("{}x", ""), {"not valid JSON"});
  check_bad(file_of("{\"\xff\":1}", ""), {"not valid JSON"});
  check_bad(file_of(std::string_view("{}\0\0", 4), ""), {"zero byte"});
}

TEST_CASE("safetensors: deep nesting is refused") {
  check_bad(file_of("{\"a\":" + std::string(100'000, '[') + "}", ""), {"nested"});
}

TEST_CASE("safetensors: a name that stands twice is refused") {
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                    R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                    "1"),
            {"\"a\" twice"});
  check_bad(file_of(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", "1"), {"twice"});
}

TEST_CASE("safetensors: two names on one region are refused") {
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                    R"("b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
                    "12"),
            {"\"b\"", "begins at byte 0"});
}

TEST_CASE("safetensors: overlapping regions are refused") {
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                    R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                    "123"),
            {"\"b\"", "begins at byte 1"});
}

TEST_CASE("safetensors: a hole between tensors is refused") {
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                    R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                    "123"),
            {"\"b\"", "begins at byte 2"});
}

TEST_CASE("safetensors: a first tensor that does not begin at 0 is refused") {
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", "12"), {"\"a\"", "begins at byte 1"});
}

TEST_CASE("safetensors: an offset past the end is refused") {
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", "12"), {"\"a\"", "ends at byte 9"});
  check_bad(
      file_of(R"({"a":{"dtype":"U8","shape":[2305843009213693951],"data_offsets":[0,2305843009213693951]}})", "12"),
      {"\"a\"", "ends at byte 2305843009213693951"});
}

TEST_CASE("safetensors: a tensor that ends before it begins is refused") {
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", "1"), {"\"a\"", "before it begins"});
}

TEST_CASE("safetensors: the last byte missing is refused") {
  check_bad(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234567"), {"\"a\"", "only 7"});
}

TEST_CASE("safetensors: trailing bytes are refused unless allowed") {
  const std::string bytes = file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "1????");
  check_bad(bytes, {"4 bytes follow"});
  const scratch here;
  const auto path = here.write("x.safetensors", bytes);
  CHECK(qfa::safetensors(path, {.allow_trailing_bytes = true}).at("a").size() == 1);
  const auto cut =
      here.write("y.safetensors", file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "1"));
  check_refused([&] { qfa::safetensors(cut, {.allow_trailing_bytes = true}); }, {"\"a\"", "only 1"});
}

TEST_CASE("safetensors: negative, fractional, overflowing and non-numeric sizes are refused") {
  for (const char* size : {"-1", "1.0", "1e0", "18446744073709551616", "\"1\"", "null", "true", "[1]"}) {
    CAPTURE(size);
    check_bad(file_of(std::string(R"({"a":{"dtype":"U8","shape":[)") + size + R"(],"data_offsets":[0,1]}})", "1"),
              {"\"a\"", "shape"});
    check_bad(file_of(std::string(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,)") + size + "]}}", "1"),
              {"\"a\"", "data_offsets"});
  }
}

TEST_CASE("safetensors: a shape whose product overflows is refused, even where the product wraps to fit") {
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[9223372036854775808,2],"data_offsets":[0,0]}})", ""),
            {"\"a\"", "9223372036854775808"});
  check_bad(file_of(R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})", ""),
            {"\"a\"", "4611686018427387904"});
  check_bad(file_of(R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", ""), {"\"a\""});
}

TEST_CASE("safetensors: a shape that disagrees with the bytes is refused") {
  check_bad(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234"), {"\"a\"", "(2)", "8 bytes"});
  check_bad(file_of(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,8]}})", "12345678"), {"\"a\"", "4 bytes"});
}

TEST_CASE("safetensors: a description must be complete and of the right kinds") {
  check_bad(file_of(R"({"a":1})", ""), {"\"a\"", "object"});
  check_bad(file_of(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", "1"), {"\"a\"", "dtype"});
  check_bad(file_of(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "1"), {"\"a\"", "shape"});
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[1]}})", "1"), {"\"a\"", "data_offsets"});
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})", "1"), {"\"a\"", "data_offsets"});
  check_bad(file_of(R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", "1"), {"\"a\"", "shape"});
  check_bad(file_of(R"({"a":{"dtype":"X9","shape":[1],"data_offsets":[0,1]}})", "1"), {"\"a\"", "dtype"});
  check_bad(file_of(R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", "1"), {"\"a\"", "dtype"});
}

TEST_CASE("safetensors: metadata must map strings to strings") {
  check_bad(file_of(R"({"__metadata__":{"n":1}})", ""), {"__metadata__", "\"n\""});
  check_bad(file_of(R"({"__metadata__":["n"]})", ""), {"__metadata__"});
}

TEST_CASE("safetensors: a tensor's name is a name, never a path") {
  const scratch here;
  const auto path = here.write("x.safetensors",
                               file_of(R"({"../../etc/passwd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "1"));
  CHECK(qfa::safetensors(path).contains("../../etc/passwd"));
  CHECK(here.files() == 1);
}

TEST_CASE("safetensors: control characters of a name do not reach a message") {
  check_bad(file_of(R"({"\u001b[2J\n":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", "1"), {"\\x1b[2J\\x0a"});
}

TEST_CASE("safetensors: a missing file is named") {
  check_refused([] { qfa::safetensors("/nonexistent/m.safetensors"); }, {"no file", "/nonexistent/m.safetensors"});
}

TEST_CASE("safetensors: a file of gigabytes is not mapped, whatever is read of it") {
  const scratch here;
  const std::string header = R"({"a":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,4294967296]},)"
                             R"("b":{"dtype":"F32","shape":[3],"data_offsets":[4294967296,4294967308]}})";
  const auto path = here.write("mapped in part", file_of(header, ""));
  std::filesystem::resize_file(path, 8 + header.size() + 4294967308U);  // a hole, which takes no room on the disk
  if (!mappings(path).known) return;
  const qfa::safetensors file(path);
  CHECK(mappings(path).sizes.empty());
  CHECK(qfa::read_floats(file.at("b")) == std::vector<float>(3, 0.0f));
  CHECK(mappings(path).sizes.empty());
  std::size_t runs = 0;
  file.at("a").bytes.for_each_run(4, [&](std::uint64_t, std::span<const std::byte>) {
    const mappings now(path);
    for (const std::size_t size : now.sizes)
      CHECK(size <= qfa::file_window::usual);
    ++runs;
  });
  CHECK(runs >= 64);
}

TEST_CASE("safetensors: a tensor larger than a window has each number where it belongs") {
  const scratch here;
  const std::size_t count = 9'000'000;  // 72 MB of F64
  const std::string front = file_of(R"({"a":{"dtype":"F64","shape":[9000000],"data_offsets":[0,72000000]}})", "");
  const auto path = here.write("x", front);
  std::filesystem::resize_file(path, front.size() + 8 * count);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  for (std::size_t i = 1; i <= count; i += i < 8'300'000 ? 100'000 : 1'000) {
    file.seekp(static_cast<std::streamoff>(front.size() + 8 * (i - 1)));
    file << bytes_of(static_cast<double>(i));
  }
  file.close();
  const qfa::safetensors opened(path);
  const std::vector<float> values = qfa::read_floats(opened.at("a"));
  REQUIRE(values.size() == count);
  std::size_t wrong = 0;
  for (std::size_t i = 1; i <= count; i += i < 8'300'000 ? 100'000 : 1'000)
    wrong += values[i - 1] == static_cast<float>(i) ? 0U : 1U;
  CHECK(wrong == 0);
}

TEST_CASE("safetensors: cut anywhere or changed anywhere, it reads or refuses, in both access modes") {
  const std::string valid =
      file_of(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[3],)"
              R"("data_offsets":[16,22]},)"
              R"("__metadata__":{"k":"v"}} )",
              bytes_of<float>({1, 2, 3, 4}) + "123456");
  const scratch here;
  each_access([&](qfa::safetensors_options options) {
    const std::size_t taken = qfa_test::torment(valid, 4000, [&](const std::string& bytes) {
      const qfa::safetensors file(here.write("x.safetensors", bytes), options);
      for (const qfa::stored_tensor& tensor : file.tensors())
        if (qfa::is_readable_float(tensor.type)) qfa::read_floats(tensor);
    });
    CHECK(taken > 100);  // flips within the numbers
    CHECK(taken < 3000);
  });
}

}  // namespace io_safetensors_test
