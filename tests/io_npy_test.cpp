// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/npy.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_npy_test {

namespace {

using qfa_test::check_refused;
using qfa_test::scratch;

const std::filesystem::path arrays = std::filesystem::path(QFA_TEST_DATA) / "npy";

/// 0, 1, 2... less `first`, as made by make_npy.py.
std::vector<std::int64_t> ramp(std::int64_t first, std::size_t count = 24) {
  std::vector<std::int64_t> out(count);
  std::iota(out.begin(), out.end(), first);
  return out;
}

qfa::npy_array parse(const std::string& bytes) { return qfa::parse_npy(std::as_bytes(std::span(bytes)), "\"x.npy\""); }

}  // namespace

TEST_CASE("npy: every type and byte order that numpy writes comes back as its numbers") {
  for (const char* name :
       {"i1", "le_i2", "le_i4", "le_i8", "be_i2", "be_i8", "u1", "le_u2", "le_u4", "le_u8", "be_u4"}) {
    CAPTURE(name);
    const qfa::npy_array array = qfa::read_npy(arrays / (std::string(name) + ".npy"));
    CHECK(array.shape == std::vector<std::size_t>{2, 3, 4});
    CHECK(qfa::as_integers(array) == ramp(std::string(name).find('u') == std::string::npos ? -5 : 0));
  }
  for (const char* name : {"le_f2", "le_f4", "le_f8", "be_f2", "be_f4", "be_f8"}) {
    CAPTURE(name);
    const qfa::npy_array array = qfa::read_npy(arrays / (std::string(name) + ".npy"));
    const std::vector<std::int64_t> whole = ramp(-5);
    CHECK(qfa::as_floats(array) == std::vector<float>(whole.begin(), whole.end()));
    CHECK(qfa::as_doubles(array) == std::vector<double>(whole.begin(), whole.end()));
  }
}

TEST_CASE("npy: booleans are 0 and 1") {
  const std::vector<std::int64_t> read = qfa::as_integers(qfa::read_npy(arrays / "bool.npy"));
  REQUIRE(read.size() == 24);
  for (std::size_t i = 0; i < read.size(); ++i)
    CHECK(read[i] == (i % 3 == 0 ? 1 : 0));
}

TEST_CASE("npy: Fortran order is turned into C order") {
  const qfa::npy_array array = qfa::read_npy(arrays / "fortran.npy");
  CHECK(array.shape == std::vector<std::size_t>{2, 3, 4});
  const std::vector<std::int64_t> whole = ramp(0);
  CHECK(qfa::as_floats(array) == std::vector<float>(whole.begin(), whole.end()));

  const qfa::npy_array both = qfa::read_npy(arrays / "fortran_be.npy");
  CHECK(both.shape == std::vector<std::size_t>{3, 4});
  const std::vector<std::int64_t> first = ramp(0, 12);
  CHECK(qfa::as_doubles(both) == std::vector<double>(first.begin(), first.end()));
}

TEST_CASE("npy: versions 2 and 3 read as version 1 does") {
  for (const char* name : {"version2.npy", "version3.npy"}) {
    const std::vector<std::int64_t> whole = ramp(0);
    CHECK(qfa::as_floats(qfa::read_npy(arrays / name)) == std::vector<float>(whole.begin(), whole.end()));
  }
}

TEST_CASE("npy: scalars, vectors and empty arrays keep their shapes") {
  const qfa::npy_array scalar = qfa::read_npy(arrays / "scalar.npy");
  CHECK(scalar.shape.empty());
  CHECK(qfa::as_doubles(scalar) == std::vector<double>{2.5});
  CHECK(qfa::read_npy(arrays / "vector.npy").shape == std::vector<std::size_t>{5});
  const qfa::npy_array empty = qfa::read_npy(arrays / "empty.npy");
  CHECK(empty.shape == std::vector<std::size_t>{3, 0, 2});
  CHECK(qfa::as_floats(empty).empty());
}

TEST_CASE("npy: what holds no numbers is refused, objects above all") {
  check_refused([] { qfa::read_npy(arrays / "object.npy"); }, {"object.npy", "objects"});
  check_refused([] { qfa::read_npy(arrays / "structured.npy"); }, {"structured.npy", "structures"});
  check_refused([] { qfa::read_npy(arrays / "text.npy"); }, {"text.npy", "U2"});
  check_refused([] { qfa::read_npy(arrays / "void2.npy"); }, {"void2.npy", "bfloat16"});
  check_refused([] { qfa::read_npy(arrays / "datetime.npy"); }, {"datetime.npy", "M8"});
  check_refused([] { qfa::read_npy(arrays / "complex128.npy"); }, {"complex128.npy", "c16"});
  check_refused([] { qfa::as_floats(qfa::read_npy(arrays / "complex64.npy")); }, {"C64"});
  check_refused([] { qfa::as_integers(qfa::read_npy(arrays / "vector.npy")); }, {"F32", "integers"});
  check_refused([] { qfa::read_npy("/nonexistent/x.npy"); }, {"no file", "/nonexistent/x.npy"});
}

TEST_CASE("npy: an array one byte short or one byte long is refused") {
  const std::string valid = qfa_test::slurp(arrays / "vector.npy");
  CHECK(parse(valid).size() == 5);
  check_refused([&] { parse(valid.substr(0, valid.size() - 1)); }, {"x.npy", "20 bytes", "19"});
  check_refused([&] { parse(valid + "\n"); }, {"x.npy", "20 bytes", "21"});
}

TEST_CASE("npy: a header that promises more than memory holds is refused without taking it") {
  std::string bytes = qfa_test::slurp(arrays / "vector.npy");
  const std::size_t at = bytes.find("(5,)");
  REQUIRE(at != std::string::npos);
  bytes.replace(at, 24, "(99999999999999999,), } ");  // over the padding
  check_refused([&] { parse(bytes); }, {"x.npy", "399999999999999996 bytes"});
}

TEST_CASE("npy: an unsigned integer beyond 2^63 - 1 is refused, not wrapped") {
  qfa::npy_array array{qfa::dtype::u64, {1}, std::vector<std::byte>(8, std::byte{0xff})};
  check_refused([&] { qfa::as_integers(array); }, {"2^63"});
  array.data.back() = std::byte{0x7f};
  CHECK(qfa::as_integers(array).front() == (std::numeric_limits<std::int64_t>::max)());
}

TEST_CASE("npy: cut anywhere or changed anywhere, it reads or refuses") {
  const scratch here;
  for (const char* name : {"le_f4.npy", "fortran_be.npy", "version2.npy"}) {
    const std::size_t taken = qfa_test::torment(qfa_test::slurp(arrays / name), 2000, [&](const std::string& bytes) {
      qfa::read_npy(here.write("x.npy", bytes));
    });
    CHECK(taken > 100);
    CHECK(taken < 2000);
  }
}

TEST_CASE("npy: of big-endian complex numbers each part is turned around by itself") {
  std::string text = "{'descr': '>c8', 'fortran_order': False, 'shape': (1,), }";
  text.resize(117, ' ');
  const std::string file = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + text + "\n" +
                           std::string("\x3f\x80\x00\x00\xc0\x00\x00\x00", 8);  // 1 - 2i
  const qfa::npy_array array = qfa::parse_npy(std::as_bytes(std::span(file)), "x");
  CHECK(array.type == qfa::dtype::c64);
  float parts[2] = {};
  REQUIRE(array.data.size() == sizeof(parts));
  std::memcpy(parts, array.data.data(), sizeof(parts));
  CHECK(parts[0] == 1.0f);
  CHECK(parts[1] == -2.0f);
}

}  // namespace io_npy_test
