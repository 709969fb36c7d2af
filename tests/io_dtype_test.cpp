// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/dtype.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_dtype_test {

using qfa::dtype;
using qfa_test::check_refused;

namespace {

constexpr std::size_t types = qfa::dtype_names.size();

std::span<const std::byte> as_span(const std::string& bytes) { return std::as_bytes(std::span(bytes)); }

}  // namespace

TEST_CASE("dtype: names are distinct, found again, and end with the last type") {
  CHECK(std::set<std::string_view>(qfa::dtype_names.begin(), qfa::dtype_names.end()).size() == types);
  CHECK(static_cast<std::size_t>(dtype::f6_e3m2) + 1 == types);
  for (std::size_t i = 0; i < types; ++i)
    CHECK(qfa::parse_dtype(qfa::dtype_names[i]) == static_cast<dtype>(i));
  CHECK(!qfa::parse_dtype("F33"));
  CHECK(!qfa::parse_dtype("f32"));
  CHECK(!qfa::parse_dtype(""));
}

TEST_CASE("dtype: a name and its width stand in the right places of their tables") {
  CHECK(qfa::name(dtype::boolean) == "BOOL");
  CHECK(qfa::name(dtype::f8_e8m0) == "F8_E8M0");
  CHECK(qfa::name(dtype::f16) == "F16");
  CHECK(qfa::name(dtype::bf16) == "BF16");
  CHECK(qfa::name(dtype::c64) == "C64");
  CHECK(qfa::name(dtype::u64) == "U64");
  // A name of the format says its bits, but for BOOL and BF16.
  for (std::size_t i = 0; i < types; ++i) {
    const auto type = static_cast<dtype>(i);
    const std::string_view text = qfa::name(type);
    CAPTURE(std::string(text));
    if (text == "BOOL") {
      CHECK(qfa::bits(type) == 8);
    } else if (text == "BF16") {
      CHECK(qfa::bits(type) == 16);
    } else {
      CHECK(qfa::bits(type) == std::stoul(std::string(text.substr(1))));
    }
  }
}

TEST_CASE("dtype: the type of a C++ number has its size") {
  CHECK(qfa::dtype_of<float>() == dtype::f32);
  CHECK(qfa::dtype_of<double>() == dtype::f64);
  CHECK(qfa::dtype_of<bool>() == dtype::boolean);
  CHECK(qfa::dtype_of<std::int8_t>() == dtype::i8);
  CHECK(qfa::dtype_of<std::uint16_t>() == dtype::u16);
  CHECK(qfa::dtype_of<std::int64_t>() == dtype::i64);
  CHECK(qfa::dtype_of<std::uint32_t>() == dtype::u32);
}

TEST_CASE("to_floats: a bfloat16 is not a half") {
  const std::string bytes = qfa_test::bytes_of<std::uint16_t>(0x3f80);
  std::array<float, 1> out{};
  qfa::to_floats(dtype::bf16, as_span(bytes), out);
  CHECK(out[0] == 1.0f);
  qfa::to_floats(dtype::f16, as_span(bytes), out);
  CHECK(out[0] == 1.875f);
}

TEST_CASE("to_floats: doubles round to the nearest float and overflow to infinity") {
  const double tie = 1.0 + std::ldexp(1.0, -24);  // half-way between 1 and the next float
  const std::string bytes = qfa_test::bytes_of<double>({0.1, tie, 1e300, -1e300, std::nan(""), 1e-320});
  std::array<float, 6> out{};
  qfa::to_floats(dtype::f64, as_span(bytes), out);
  CHECK(out[0] == 0.1f);
  CHECK(out[1] == 1.0f);
  CHECK(out[2] == std::numeric_limits<float>::infinity());
  CHECK(out[3] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(out[4]));
  CHECK(out[5] == 0.0f);
}

TEST_CASE("to_doubles: no digit of a double is lost on the way") {
  std::array<double, 1> out{};
  qfa::to_doubles(dtype::f64, as_span(qfa_test::bytes_of(0.1)), out);
  CHECK(out[0] == 0.1);
}

TEST_CASE("to_integers: every integer type keeps its sign and its ends") {
  std::array<std::int64_t, 1> out{};
  const auto read = [&]<class T>(dtype type, T x) {
    qfa::to_integers(type, as_span(qfa_test::bytes_of(x)), out);
    return out[0];
  };
  CHECK(read(dtype::i8, std::int8_t{-128}) == -128);
  CHECK(read(dtype::u8, std::uint8_t{255}) == 255);
  CHECK(read(dtype::i16, std::int16_t{-32768}) == -32768);
  CHECK(read(dtype::u16, std::uint16_t{65535}) == 65535);
  CHECK(read(dtype::i32, std::int32_t{-2147483647}) == -2147483647);
  CHECK(read(dtype::u32, std::uint32_t{4294967295U}) == 4294967295);
  CHECK(read(dtype::i64, std::int64_t{-9}) == -9);
  CHECK(read(dtype::boolean, std::uint8_t{2}) == 1);
  check_refused([&] { read(dtype::u64, std::uint64_t{1} << 63U); }, {"2^63"});
  check_refused([&] { read(dtype::f32, 1.0f); }, {"F32"});
}

TEST_CASE("to_floats: types known by name only, and bytes that do not fit, are refused") {
  std::array<float, 2> out{};
  check_refused([&] { qfa::to_floats(dtype::f8_e4m3, as_span("ab"), out); }, {"F8_E4M3"});
  check_refused([&] { qfa::to_floats(dtype::c64, as_span(std::string(16, 'a')), out); }, {"C64"});
  check_refused([&] { qfa::to_floats(dtype::f32, as_span("abcdefg"), out); }, {"bytes"});
  check_refused([&] { qfa::to_floats(dtype::f32, as_span("abcd"), out); }, {"bytes"});
  check_refused([&] { qfa::to_floats(dtype::f4, as_span("a"), out); }, {"bytes"});
}

TEST_CASE("element_count and byte_count: overflow is seen, also where the product would wrap to fit") {
  const auto count = [](std::vector<std::size_t> shape) { return qfa::element_count(shape); };
  CHECK(count({}) == 1);
  CHECK(count({3, 4}) == 12);
  CHECK(count({3, 0}) == 0);
  CHECK(!count({std::size_t{1} << 32U, std::size_t{1} << 32U}));
  CHECK(count({std::size_t{1} << 32U, (std::size_t{1} << 32U) - 1}));
  CHECK(qfa::byte_count(dtype::f32, 3) == 12);
  CHECK(qfa::byte_count(dtype::f4, 4) == 2);
  CHECK(!qfa::byte_count(dtype::f4, 3));
  CHECK(!qfa::byte_count(dtype::f32, std::size_t{1} << 62U));
  CHECK(!qfa::byte_count(dtype::u8, std::size_t{1} << 63U));
}

}  // namespace io_dtype_test
