// SPDX-License-Identifier: Apache-2.0
// Without libzip there is nothing to test.
#ifdef QFA_HAS_NPZ
#include "qfa/io/npz.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_npz_test {

using qfa_test::bytes_of;
using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

const std::filesystem::path archives = std::filesystem::path(QFA_TEST_DATA) / "npz";

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

/// An entry of an archive, with as much truth as a test wants.
struct entry {
  std::string name;
  std::string content;
  std::uint16_t method = 0;
  std::uint32_t claimed_size = 0;    ///< 0: the truth
  std::uint32_t claimed_packed = 0;  ///< 0: the truth
  bool wrong_sum = false;
  bool shares = false;  ///< the bytes of the entry before it, which has the same content
};

std::string zip_of(const std::vector<entry>& entries) {
  std::string files;
  std::string directory;
  std::size_t at = 0;
  for (const entry& e : entries) {
    if (!e.shares) at = files.size();
    const auto size = static_cast<std::uint32_t>(e.content.size());
    const std::string common = bytes_of<std::uint16_t>({20, 0, e.method, 0, 0}) +
                               bytes_of<std::uint32_t>({crc32(e.content) ^ (e.wrong_sum ? 1U : 0U),
                                                        e.claimed_packed != 0 ? e.claimed_packed : size,
                                                        e.claimed_size != 0 ? e.claimed_size : size}) +
                               bytes_of<std::uint16_t>({static_cast<std::uint16_t>(e.name.size()), 0});
    directory += "PK\x01\x02" + bytes_of<std::uint16_t>(20) + common + bytes_of<std::uint16_t>({0, 0, 0}) +
                 bytes_of<std::uint32_t>({0, static_cast<std::uint32_t>(at)}) + e.name;
    if (!e.shares) files += "PK\x03\x04" + common + e.name + e.content;
  }
  const auto count = static_cast<std::uint16_t>(entries.size());
  return files + directory + "PK\x05\x06" + bytes_of<std::uint16_t>({0, 0, count, count}) +
         bytes_of<std::uint32_t>(
             {static_cast<std::uint32_t>(directory.size()), static_cast<std::uint32_t>(files.size())}) +
         bytes_of<std::uint16_t>(0);
}

std::string npy_file(const char* name) { return qfa_test::slurp(std::filesystem::path(QFA_TEST_DATA) / "npy" / name); }

void check_bad(const std::string& bytes, std::initializer_list<std::string_view> parts) {
  const scratch here;
  const std::filesystem::path path = here.write("bad.npz", bytes);
  check_refused([&] { qfa::read_npz(path); }, parts);
  check_refused([&] { qfa::read_npz(path); }, {"bad.npz"});
}

}  // namespace

TEST_CASE("npz: stored and deflated archives of numpy") {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto arrays = qfa::read_npz(archives / name);
    REQUIRE(arrays.size() == 3);
    CHECK(arrays.at("W_enc").shape == std::vector<std::size_t>{3, 4});
    CHECK(qfa::as_floats(arrays.at("W_enc")) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    CHECK(arrays.at("b_enc").type == qfa::dtype::f64);
    CHECK(qfa::as_doubles(arrays.at("b_enc")) == std::vector<double>{0, 1, 2, 3});
    CHECK(arrays.at("k").shape.empty());
    CHECK(qfa::as_integers(arrays.at("k")) == std::vector<std::int64_t>{7});
  }
}

TEST_CASE("npz: one array at a time, by its name, also after a move") {
  qfa::npz first(archives / "deflated.npz");
  const qfa::npz file = std::move(first);
  CHECK(file.names() == std::vector<std::string>{"W_enc", "b_enc", "k"});
  CHECK(file.contains("k"));
  CHECK(!file.contains("k.npy"));
  CHECK(qfa::as_integers(file.read("k")) == std::vector<std::int64_t>{7});
  CHECK(qfa::as_integers(file.read("k")) == std::vector<std::int64_t>{7});
  check_refused([&] { file.read("W_dec"); }, {"\"W_dec\"", "deflated.npz"});
}

TEST_CASE("npz: byte order and memory order are turned around as in npy") {
  const scratch here;
  const auto path =
      here.write("x.npz", zip_of({{"a.npy", npy_file("fortran_be.npy")}, {"b.npy", npy_file("empty.npy")}}));
  const qfa::npz file(path);
  CHECK(qfa::as_floats(file.read("a")) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(file.read("b").shape == std::vector<std::size_t>{3, 0, 2});
}

TEST_CASE("npz: an entry's name is a name, never a path, and other entries are left alone") {
  const scratch here;
  const auto path = here.write("x.npz", zip_of({{"../../a.npy", npy_file("vector.npy")}, {"readme.txt", "hello"}}));
  CHECK(qfa::npz(path).names() == std::vector<std::string>{"../../a"});
  CHECK(qfa::npz(path).read("../../a").size() == 5);
  CHECK(here.files() == 1);
}

TEST_CASE("npz: a file that is no archive, and an empty one, are refused") {
  check_bad("", {"no zip archive"});
  check_bad("hello", {"no zip archive"});
  check_bad(npy_file("vector.npy"), {"no zip archive"});
  check_refused([] { qfa::npz("/nonexistent/x.npz"); }, {"no file", "/nonexistent/x.npz"});
}

TEST_CASE("npz: an entry that is no npy file is refused with its name") {
  check_bad(zip_of({{"a.npy", "hello, hello, hello"}}), {"\"a\"", "NUMPY"});
  check_bad(zip_of({{"a.npy", ""}}), {"\"a\"", "NUMPY"});
  check_bad(zip_of({{"a.npy", npy_file("object.npy")}}), {"\"a\"", "objects"});
}

TEST_CASE("npz: an entry longer or shorter than its array is refused") {
  const std::string valid = npy_file("vector.npy");
  check_bad(zip_of({{"a.npy", valid + "x"}}), {"\"a\"", "20 bytes", "21"});
  check_bad(zip_of({{"a.npy", valid.substr(0, valid.size() - 1)}}), {"\"a\"", "20 bytes", "19"});
  check_bad(zip_of({{"a.npy", valid.substr(0, 20)}}), {"\"a\"", "ends within"});
}

TEST_CASE("npz: a wrong check sum is refused") {
  check_bad(zip_of({{.name = "a.npy", .content = npy_file("vector.npy"), .wrong_sum = true}}), {"\"a\"", "check sum"});
}

TEST_CASE("npz: an entry that claims more than it can hold is refused before memory is taken") {
  entry bomb{.name = "a.npy", .content = npy_file("vector.npy"), .method = 8, .claimed_size = 0xf0000000U};
  check_bad(zip_of({bomb}), {"\"a\"", "claims a length"});
  bomb.claimed_packed = 0x10000000U;
  check_bad(zip_of({bomb}), {"bad.npz"});
  bomb = {.name = "a.npy", .content = npy_file("vector.npy"), .claimed_size = 0xf0000000U};
  check_bad(zip_of({bomb}), {"\"a\"", "claims a length"});
}

TEST_CASE("npz: an entry may claim 1,032 times its length, and not a byte more") {
  // No entry unpacks to that much here: it is believed until its data say otherwise.
  entry e{.name = "a.npy", .content = npy_file("vector.npy"), .method = 8};
  e.claimed_size = static_cast<std::uint32_t>(1032 * e.content.size());
  check_bad(zip_of({e}), {"\"a\"", "cannot be unpacked"});
  ++e.claimed_size;
  check_bad(zip_of({e}), {"\"a\"", "claims a length"});
}

TEST_CASE("npz: arrays that together claim more bytes than the file has are refused, as they share them") {
  std::vector<entry> many{{"a0.npy", npy_file("vector.npy")}};
  for (int i = 1; i < 500; ++i)
    many.push_back({.name = "a" + std::to_string(i) + ".npy", .content = many[0].content, .shares = true});
  REQUIRE(zip_of(many).size() < many.size() * many[0].content.size());
  check_bad(zip_of(many), {"more bytes together"});
}

TEST_CASE("npz: deflated as far as deflate goes, an array is read") {
  const qfa::npz file(archives / "zeros.npz");
  const qfa::npy_array zeros = file.read("zeros");
  CHECK(zeros.shape == std::vector<std::size_t>{1'000'000});
  CHECK(std::ranges::all_of(qfa::as_floats(zeros), [](float x) { return x == 0.0f; }));
}

TEST_CASE("npz: another packing than stored or deflated is refused by its number") {
  check_bad(zip_of({{.name = "a.npy", .content = npy_file("vector.npy"), .method = 12}}), {"\"a\"", "method 12"});
}

TEST_CASE("npz: one name twice is refused") {
  const std::string valid = npy_file("vector.npy");
  check_bad(zip_of({{"a.npy", valid}, {"a.npy", valid}}), {"bad.npz"});
}

TEST_CASE("npz: cut anywhere or changed anywhere, it reads or refuses") {
  const scratch here;
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const std::size_t taken = qfa_test::torment(qfa_test::slurp(archives / name), 3000, [&](const std::string& bytes) {
      qfa::read_npz(here.write("x.npz", bytes));
    });
    CHECK(taken > 20);
    CHECK(taken < 3000);
  }
}

}  // namespace io_npz_test
#endif
