// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/gguf_header.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <tuple>

#include <doctest/doctest.h>

#include "gguf_bytes.hpp"
#include "scratch.hpp"

namespace io_gguf_header_test {

using namespace qfa;
using qfa_test::bytes_of;
using qfa_test::check_refused;
using qfa_test::gguf_bytes;

namespace {

gguf_header read(const std::string& bytes) {
  return detail::gguf_header_reader(std::as_bytes(std::span(bytes)), "\"file\"").read();
}

void check_header_refused(const gguf_bytes& file, std::initializer_list<std::string_view> parts) {
  const std::string bytes = file.str();
  check_refused([&] { read(bytes); }, parts);
  check_refused([&] { read(bytes); }, {"\"file\" is not a valid GGUF file"});
}

/// What the front of a file of `size` bytes claims: refused with these words, or, without words, believed, so that more
/// of the file is asked for.  Limits that are too large for a test's file are met this way.
void check_claim(const std::string& front, std::uint64_t size, const std::string& refused) {
  CAPTURE(refused);
  const auto read_front = [&] { detail::gguf_header_reader(std::as_bytes(std::span(front)), size, "\"file\"").read(); };
  if (refused.empty())
    CHECK_THROWS_AS(read_front(), detail::gguf_header_goes_on);
  else
    check_refused(read_front, {"\"file\" is not a valid GGUF file", refused});
}

const std::string u32_one = bytes_of(std::uint32_t{1});

}  // namespace

TEST_CASE("gguf header: shapes are turned, so that rows stand before columns") {
  gguf_bytes file;
  file.tensor("a", {3, 5, 2}, 0, 0).tensor("b", {}, 1, 128).tensor("c", {7}, 24, 160);
  file.data.assign(256, '\0');
  const std::string bytes = file.str();
  const gguf_header header = read(bytes);
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].shape == std::vector<std::size_t>{2, 5, 3});
  CHECK(header.tensors[0].bytes == 120);
  CHECK(header.tensors[1].shape.empty());
  CHECK(header.tensors[1].bytes == 2);
  CHECK(header.tensors[2].offset == 160);
  CHECK(header.alignment == 32);
  CHECK((header.bytes + 31) / 32 * 32 == bytes.size() - 256);
}

TEST_CASE("gguf header: what is not GGUF, or of another version or byte order") {
  check_header_refused({.magic = "GGUX"}, {"begin with GGUF"});
  check_refused([] { read("GG"); }, {"begin with GGUF"});
  for (const std::uint32_t version : {0U, 1U, 4U})
    check_header_refused({.version = version}, {"version is " + std::to_string(version)});
  check_header_refused({.version = 0x03000000}, {"big-endian"});
  CHECK(read(gguf_bytes{.version = 2}.str()).version == 2);
}

TEST_CASE("gguf header: counts beyond what the file has room for are refused before memory is asked for") {
  for (const std::int64_t n : {std::int64_t{-1}, std::int64_t{1} << 60, std::int64_t{3}}) {
    check_header_refused({.tensors = n}, {std::to_string(n) + " tensors"});
    check_header_refused({.pairs = n}, {std::to_string(n) + " pairs"});
  }
}

TEST_CASE("gguf header: as many tensors and pairs as there is room for, and not one more") {
  // Behind the number of tensors 5 * 24 bytes follow, behind that of pairs 8 less: 8 * 14.
  gguf_bytes file;
  for (const auto& [tensors, pairs, refused] :
       {std::tuple{5, 0, ""}, {6, 0, "6 tensors"}, {0, 8, ""}, {0, 9, "9 pairs of metadata"}}) {
    file.tensors = tensors;
    file.pairs = pairs;
    check_claim(file.str().substr(0, 24), 16 + 120, refused);
  }
}

TEST_CASE("gguf header: a string and an array of 2^30, and not one more, where the file would have room") {
  constexpr std::uint64_t most = std::uint64_t{1} << 30U;
  constexpr std::uint64_t terabyte = std::uint64_t{1} << 40U;
  for (const std::uint64_t over : {0U, 1U}) {
    const std::string n = bytes_of(most + over);
    const char* const text = over == 0 ? "" : "1073741825 bytes long";
    const char* const elements = over == 0 ? "" : "1073741825 elements";
    check_claim(gguf_bytes{}.pair("k", 8, n).str(), terabyte, text);
    for (const std::int32_t kind : {0, 7, 8, 12})  // bytes, truths, strings, doubles
      check_claim(gguf_bytes{}.pair("k", 9, bytes_of(kind) + n).str(), terabyte, elements);
    check_claim((gguf_bytes{.tensors = 1}.str().substr(0, 24) + n), terabyte, text);
  }
}

TEST_CASE("gguf header: strings and arrays end within the file") {
  gguf_bytes file;
  file.pair("k", 8, bytes_of(~std::uint64_t{15}) + "abc");
  check_header_refused(file, {"\"k\"", "18446744073709551600 bytes"});
  check_header_refused(gguf_bytes{}.pair("k", 9, bytes_of(std::int32_t{10}) + bytes_of(std::uint64_t{1} << 61)),
                       {"\"k\"", "2305843009213693952 elements"});
  check_header_refused(gguf_bytes{}.pair("k", 9,
                                         bytes_of(std::int32_t{8}) + bytes_of(std::uint64_t{2}) +
                                             gguf_bytes::text("a") + bytes_of(std::uint64_t{1000})),
                       {"\"k\"", "1000 bytes"});
  check_header_refused(gguf_bytes{}.pair("k", 9, bytes_of(std::int32_t{9}) + bytes_of(std::uint64_t{0})),
                       {"array of arrays"});
  check_header_refused(gguf_bytes{}.pair("k", 9, bytes_of(std::int32_t{7}) + bytes_of(std::uint64_t{2}) + "\x01\x02"),
                       {"\"k\"", "neither true nor false"});
}

TEST_CASE("gguf header: keys are there once, have a name and a known type") {
  check_header_refused(gguf_bytes{}.pair("", 4, u32_one), {"key", "empty"});
  check_header_refused(gguf_bytes{}.pair("k", 4, u32_one).pair("k", 4, u32_one), {"\"k\" twice"});
  check_header_refused(gguf_bytes{}.pair("k", 13, u32_one), {"\"k\"", "unknown type 13"});
  check_header_refused(gguf_bytes{}.pair("k", -1, u32_one), {"\"k\"", "unknown type -1"});
  check_header_refused(gguf_bytes{}.pair("k", 7, "\x02"), {"\"k\"", "neither true nor false"});
}

TEST_CASE("gguf header: the alignment is a u32 and a power of two") {
  const auto aligned = [](std::int32_t kind, const std::string& value) {
    return gguf_bytes{}.pair("general.alignment", kind, value);
  };
  CHECK(read(aligned(4, bytes_of(std::uint32_t{1})).str()).alignment == 1);
  CHECK(read(aligned(4, bytes_of(std::uint32_t{4096})).str()).alignment == 4096);
  check_header_refused(aligned(4, bytes_of(std::uint32_t{0})), {"alignment"});
  check_header_refused(aligned(4, bytes_of(std::uint32_t{48})), {"alignment"});
  check_header_refused(aligned(10, bytes_of(std::uint64_t{32})), {"alignment"});
}

TEST_CASE("gguf header: tensors have short names of their own, four dimensions and known types") {
  const std::string longest(63, 'x');
  gguf_bytes file;
  file.tensor(longest, {1}, 0, 0);
  file.data.assign(32, '\0');
  CHECK(read(file.str()).tensors[0].name == longest);
  check_header_refused(gguf_bytes{}.tensor(longest + "x", {1}, 0, 0), {"64 bytes"});
  check_header_refused(gguf_bytes{}.tensor("t", {1}, 0, 0).tensor("t", {1}, 0, 32), {"\"t\"", "twice"});
  check_header_refused(gguf_bytes{}.tensor("t", {1, 1, 1, 1, 1}, 0, 0), {"\"t\"", "5 dimensions"});
  for (const std::int32_t type : {4, 33, 42, 99, -1})
    check_header_refused(gguf_bytes{}.tensor("t", {1}, type, 0), {"\"t\"", "type " + std::to_string(type)});
}

TEST_CASE("gguf header: dimensions are counted without wrapping around, and fit blocks and the file") {
  check_header_refused(gguf_bytes{}.tensor("t", {4, -1}, 0, 0), {"\"t\"", "negative dimension -1"});
  check_header_refused(gguf_bytes{}.tensor("t", {std::int64_t{1} << 32, std::int64_t{1} << 32}, 0, 0),
                       {"\"t\"", "more elements"});
  check_header_refused(gguf_bytes{}.tensor("t", {std::int64_t{1} << 32, std::int64_t{1} << 31}, 0, 0),
                       {"\"t\"", "more elements"});
  check_header_refused(gguf_bytes{}.tensor("t", {std::int64_t{1} << 31, std::int64_t{1} << 31}, 0, 0),
                       {"\"t\"", "larger than the file"});
  check_header_refused(gguf_bytes{}.tensor("t", {16, 2}, 2, 0), {"\"t\"", "rows of 16", "32"});
  gguf_bytes empty;
  empty.tensor("t", {0, 3}, 0, 0);
  CHECK(read(empty.str()).tensors[0].bytes == 0);
}

}  // namespace io_gguf_header_test
