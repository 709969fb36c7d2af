// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/npy_header.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_npy_header_test {

namespace {

using qfa_test::bytes_of;
using qfa_test::check_refused;

/// A file of this version whose dictionary is `text`.
std::string with_header(std::string_view text, int version = 1) {
  std::string out("\x93NUMPY", 6);
  out += static_cast<char>(version);
  out += '\0';
  out += version == 1 ? bytes_of(static_cast<std::uint16_t>(text.size()))
                      : bytes_of(static_cast<std::uint32_t>(text.size()));
  return out += text;
}

qfa::npy_header parse(std::string_view bytes) {
  return qfa::parse_npy_header(std::as_bytes(std::span(bytes)), "\"x.npy\"");
}
qfa::npy_header parse_text(std::string_view text) { return parse(with_header(text)); }

void check_bad(std::string_view text, std::initializer_list<std::string_view> parts) {
  CAPTURE(text);
  check_refused([&] { parse_text(text); }, parts);
  check_refused([&] { parse_text(text); }, {"x.npy"});
}

}  // namespace

TEST_CASE("npy_header: type, order, shape and place of the array are read") {
  const std::string text = "{'descr': '>f4', 'fortran_order': True, 'shape': (3, 4), }   \n";
  for (const int version : {1, 2, 3}) {
    CAPTURE(version);
    const qfa::npy_header header = parse(with_header(text, version));
    CHECK(header.type == qfa::dtype::f32);
    CHECK(header.big_endian);
    CHECK(header.fortran_order);
    CHECK(header.shape == std::vector<std::size_t>{3, 4});
    CHECK(header.data_begin == text.size() + (version == 1 ? 10U : 12U));
    CHECK(header.data_bytes == 48);
  }
}

TEST_CASE("npy_header: the dictionary may be written in other ways") {
  CHECK(parse_text("{\"shape\":(3L,),\"descr\":\"<i8\",'fortran_order':False}").shape == std::vector<std::size_t>{3});
  CHECK(parse_text("{'descr':'=f2','fortran_order':False,'shape':()}").shape.empty());
  CHECK(!parse_text("{'descr':'=f2','fortran_order':False,'shape':()}").big_endian);
  CHECK(parse_text("{'descr':'f8','fortran_order':False,'shape':(0,)}").data_bytes == 0);
  CHECK(parse_text("{'descr':'|u1','fortran_order':False,'shape':(2,2)}").data_bytes == 4);
  CHECK(!parse_text("{'descr':'>u1','fortran_order':False,'shape':(2,2)}").big_endian);
}

TEST_CASE("npy_header: what is not an npy file is refused") {
  check_refused([] { parse(""); }, {"x.npy", "NUMPY"});
  check_refused([] { parse(std::string_view("\x93NUMPY\x01", 7)); }, {"NUMPY"});
  check_refused([] { parse(std::string_view("\x93NUMPX\x01\0\0\0", 10)); }, {"NUMPY"});
}

TEST_CASE("npy_header: an unknown version is refused by its number") {
  check_refused([] { parse(with_header("{}", 4)); }, {"version 4.0"});
  check_refused([] { parse(with_header("{}", 0)); }, {"version 0.0"});
  check_refused([] { parse(std::string_view("\x93NUMPY\x01\x01\0\0", 10)); }, {"version 1.1"});
}

TEST_CASE("npy_header: a header longer than the file, or than any header is, is refused") {
  check_refused([] { parse(std::string_view("\x93NUMPY\x01\0\x02\0{", 11)); }, {"ends within"});
  check_refused([] { parse(std::string_view("\x93NUMPY\x02\0\x02\0", 10)); }, {"ends within"});
  check_refused([] { parse(std::string_view("\x93NUMPY\x02\0\xff\xff\xff\xff", 12)); }, {"4294967295"});
}

TEST_CASE("npy_header: a dictionary that is none is refused") {
  for (const char* text :
       {"", "{", "{}", "[]", "{'descr'}", "{'descr': '<f4'", "{'descr': '<f4', 'shape': (1,)}", "{'descr: 1",
        "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
        "{'descr': 4, 'fortran_order': False, 'shape': (1,)}"})
    check_bad(text, {"cannot be read as npy"});
  check_bad(std::string_view("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}\0", 56), {"dictionary"});
  check_bad("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", {"twice"});
  check_bad("{'descr': '<f4', 'code': 'x', 'fortran_order': False, 'shape': (1,)}", {"\"code\""});
}

TEST_CASE("npy_header: negative, fractional and overflowing dimensions are refused") {
  for (const char* n : {"-1", "1.5", "18446744073709551616", "x", "None", "True", "'1'"})
    check_bad("{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::string(n) + ",)}",
              {"cannot be read as npy"});
  check_bad("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}", {"more bytes"});
  check_bad("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", {"more bytes"});
}

TEST_CASE("npy_header: objects, structures, strings and untyped bytes are refused by what they are") {
  check_bad("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", {"objects"});
  check_bad("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", {"structures"});
  check_bad("{'descr': '<U2', 'fortran_order': False, 'shape': (1,)}", {"<U2"});
  check_bad("{'descr': '|V2', 'fortran_order': False, 'shape': (1,)}", {"bfloat16"});
  check_bad("{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}", {"|f4"});
  check_bad("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", {"<f16"});
  check_bad("{'descr': '', 'fortran_order': False, 'shape': (1,)}", {"\"\""});
}

TEST_CASE("npy_header: the bound on its length is exact") {
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  text.append(65'536 - text.size(), ' ');
  CHECK(parse(with_header(text, 2)).shape == std::vector<std::size_t>{1});
  check_refused([&] { parse(with_header(text + " ", 2)); }, {"x.npy", "claims an npy header of 65537 bytes"});
}

}  // namespace io_npy_header_test
