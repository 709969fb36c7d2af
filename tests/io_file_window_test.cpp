// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/file_window.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "mappings.hpp"
#include "scratch.hpp"

namespace io_file_window_test {

using qfa::file_access;
using qfa::file_window;
using qfa_test::check_refused;
using qfa_test::mappings;
using qfa_test::scratch;

namespace {

constexpr file_access both[] = {file_access::mapped, file_access::read};
#if QFA_IO_HAS_MMAP
const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
#else
const std::size_t page = 4096;
#endif

std::string some_bytes(std::size_t size) {
  std::mt19937 random(11);
  std::string out(size, '\0');
  for (char& c : out)
    c = static_cast<char>(random() & 255U);
  return out;
}

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("file_window: any piece is the file's, in any order, mapped or read") {
  const scratch here;
  const std::string content = some_bytes(20 * page + 17);
  const auto path = here.write("x", content);
  std::mt19937 random(7);
  for (const file_access access : both) {
    file_window file(path, access, 4 * page);
    CHECK(file.size() == content.size());
    REQUIRE(file.largest_piece() >= 3 * page);
    for (int i = 0; i < 300; ++i) {
      const std::size_t begin = random() % (content.size() + 1);
      const std::size_t count =
          std::min({content.size() - begin, file.largest_piece(), std::size_t{random() % (4 * page)}});
      CAPTURE(begin);
      CAPTURE(count);
      REQUIRE(text(file.bytes(begin, count)) == content.substr(begin, count));
    }
    // The largest piece may begin at a page's last byte.
    const std::size_t most = std::min(file.largest_piece(), content.size() - (page - 1));
    CHECK(text(file.bytes(page - 1, most)) == content.substr(page - 1, most));
    CHECK(text(file.bytes(content.size() - 1, 1)) == content.substr(content.size() - 1));
    CHECK(file.bytes(content.size(), 0).empty());
  }
}

TEST_CASE("file_window: reading into memory crosses windows") {
  const scratch here;
  const std::string content = some_bytes(20 * page + 17);
  const auto path = here.write("x", content);
  for (const file_access access : both) {
    file_window file(path, access, 2 * page);
    std::string out(content.size() - 3, '\0');
    file.read(3, std::as_writable_bytes(std::span(out)));
    CHECK(out == content.substr(3));
  }
}

TEST_CASE("file_window: runs give every element once, in order, whole, and longer than one window") {
  const scratch here;
  const std::string content = some_bytes(20 * page);
  const auto path = here.write("x", content);
  for (const file_access access : both) {
    file_window file(path, access, 2 * page);
    const std::size_t most = file.largest_piece();
    for (const std::size_t width : {std::size_t{1}, std::size_t{12}, most}) {
      CAPTURE(width);
      const std::size_t count = (content.size() - 5) / width;
      std::string seen;
      std::size_t runs = 0;
      file.for_each_run(5, width, count, [&](std::uint64_t i, std::span<const std::byte> bytes) {
        CHECK(i * width == seen.size());
        CHECK(bytes.size() % width == 0);
        CHECK(bytes.size() <= most);
        seen += text(bytes);
        ++runs;
      });
      CHECK(seen == content.substr(5, count * width));
      CHECK(runs > 1);
    }
    check_refused([&] { file.for_each_run(0, most + 1, 1, [](auto, auto) {}); }, {"window"});
  }
}

#if QFA_IO_HAS_MMAP
TEST_CASE("file_window: one piece of the file is mapped at a time, no larger than the window, and none afterwards") {
  const scratch here;
  const std::string content = some_bytes(40 * page);
  const auto path = here.write("windowed", content);
  if (!mappings(path).known) return;
  {
    file_window file(path, file_access::mapped, 4 * page);
    CHECK(mappings(path).sizes.empty());
    for (std::size_t begin = 0; begin + 100 < content.size(); begin += 5 * page + 1) {
      file.bytes(begin, 100);
      CHECK(file.mapped());
      const mappings now(path);
      REQUIRE(now.sizes.size() == 1);
      CHECK(now.sizes[0] <= 4 * page);
    }
    file_window moved(std::move(file));
    CHECK(mappings(path).sizes.size() == 1);
    moved = file_window(here.write("other", "abc"));
    CHECK(mappings(path).sizes.empty());
    CHECK(text(moved.bytes(0, 3)) == "abc");
  }
  CHECK(mappings(path).sizes.empty());
}

TEST_CASE("file_window: a file that becomes shorter is refused, within the window and beyond it") {
  const scratch here;
  for (const file_access access : both)
    for (const std::size_t left : {std::size_t{0}, 3 * page, 19 * page}) {
      CAPTURE(left);
      const auto path = here.write("x", some_bytes(20 * page));
      file_window file(path, access, 4 * page);
      file.bytes(0, 10);
      std::filesystem::resize_file(path, left);
      check_refused([&] { file.bytes(page, 10); }, {"\"", "x\"", std::to_string(20 * page), "shorter"});
      check_refused([&] { file.bytes(20 * page - 10, 10); }, {"shorter"});
      std::vector<std::byte> all(20 * page);
      check_refused([&] { file.read(0, all); }, {"shorter"});
    }
}
#endif

TEST_CASE("file_window: moving keeps the place, also of memory that was read into") {
  const scratch here;
  const std::string content = some_bytes(3 * page);
  const auto path = here.write("x", content);
  for (const file_access access : both) {
    file_window a(path, access);
    const std::byte* const place = a.bytes(10, 20).data();
    file_window b(std::move(a));
    CHECK(b.bytes(10, 20).data() == place);
    CHECK(b.size() == content.size());
    CHECK(text(b.bytes(2 * page, 50)) == content.substr(2 * page, 50));
  }
}

TEST_CASE("file_window: bytes that are not there and pieces larger than the window are refused") {
  const scratch here;
  const auto path = here.write("x", some_bytes(10));
  for (const file_access access : both) {
    file_window file(path, access);
    check_refused([&] { file.bytes(5, 6); }, {"5 to 11", "x", "10"});
    check_refused([&] { file.bytes(11, 0); }, {"x"});
    check_refused([&] { file.bytes(~std::uint64_t{0}, 2); }, {"x"});
    std::byte out[6];
    check_refused([&] { file.read(5, out); }, {"5 to 11"});
    check_refused([&] { file.bytes(0, file.largest_piece() + 1); }, {"window"});
  }
}

TEST_CASE("file_window: an empty file has no bytes, and a missing file or a directory is refused by name") {
  const scratch here;
  for (const file_access access : both) {
    file_window file(here.write("empty", ""), access);
    CHECK(file.size() == 0);
    CHECK(file.bytes(0, 0).empty());
    check_refused([&] { file_window(here.path() / "missing", access); }, {"no file", "missing"});
    check_refused([&] { file_window(here.path(), access); }, {"not a plain file"});
  }
}

}  // namespace io_file_window_test
