// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/file_piece.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mappings.hpp"
#include "qfa/core/parallel.hpp"
#include "scratch.hpp"

namespace io_file_piece_test {

using qfa::file_access;
using qfa::file_piece;
using qfa::file_window;
using qfa_test::check_refused;
using qfa_test::mappings;
using qfa_test::scratch;

namespace {

/// Letters that tell where they stand.
std::string letters(std::size_t count) {
  std::string out(count, ' ');
  for (std::size_t i = 0; i < count; ++i)
    out[i] = static_cast<char>('a' + (i * 7 + i / 1000) % 26);
  return out;
}

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::shared_ptr<const file_window> opened(const std::filesystem::path& path, file_access access,
                                          std::size_t window = 1) {
  return std::make_shared<const file_window>(path, access, window);
}

}  // namespace

TEST_CASE("file_piece: its bytes in runs of whole elements, none larger than a window, and all at once") {
  const scratch here;
  const std::string content = letters(100'000);
  const auto path = here.write("x", content);
  for (const file_access access : {file_access::mapped, file_access::read}) {
    const auto file = opened(path, access);
    for (const std::size_t begin : {std::size_t{0}, std::size_t{4095}, std::size_t{50'001}}) {
      const file_piece piece(file, begin, 40'000);
      CHECK(piece.size() == 40'000);
      CHECK(text(piece.read()) == content.substr(begin, 40'000));
      std::vector<std::byte> some(11);
      piece.read(39'989, some);
      CHECK(text(some) == content.substr(begin + 39'989, 11));
      for (const std::size_t width : {std::size_t{1}, std::size_t{7}, std::size_t{144}}) {
        std::string seen;
        std::size_t runs = 0;
        piece.for_each_run(width, [&](std::uint64_t first, std::span<const std::byte> bytes) {
          CHECK(first * width == seen.size());
          CHECK(bytes.size() % width == 0);
          CHECK(bytes.size() <= file->largest_piece());
          seen += text(bytes);
          ++runs;
        });
        CHECK(seen == content.substr(begin, 40'000 / width * width));
        CHECK(runs > 4);
      }
    }
  }
}

TEST_CASE("file_piece: while nobody reads nothing is mapped, and then no more than a window") {
  const scratch here;
  const auto path = here.write("mapped by piece", letters(100'000));
  if (!mappings(path).known) return;
  const file_piece piece(opened(path, file_access::mapped), 10, 90'000);
  CHECK(mappings(path).sizes.empty());
  std::size_t mapped = 0;
  piece.for_each_run(3, [&](std::uint64_t, std::span<const std::byte>) {
    const mappings now(path);
    REQUIRE(now.sizes.size() <= 1);
    if (now.sizes.empty()) return;
    CHECK(now.sizes[0] < 90'000);
    ++mapped;
  });
  CHECK(mapped > 0);
  CHECK(mappings(path).sizes.empty());
}

TEST_CASE("file_piece: copies outlive the window that they came from, and the file's name") {
  const scratch here;
  const auto path = here.write("x", "abcdef");
  const file_piece copy = [&] {
    const file_piece piece(opened(path, file_access::mapped), 1, 4);
    return file_piece(piece);
  }();
  here.write("y", "ghijkl");
  std::filesystem::rename(here.path() / "y", path);
  CHECK(text(copy.read()) == "bcde");
}

TEST_CASE("file_piece: threads read one file at once") {
  const scratch here;
  const std::string content = letters(200'000);
  const auto file = opened(here.write("x", content), file_access::mapped);
  const file_piece piece(file, 0, content.size());
  std::vector<std::string> seen(32);
  qfa::parallel_for(seen.size(), [&](std::size_t i) {
    piece.for_each_run(i + 1, [&](std::uint64_t, std::span<const std::byte> bytes) { seen[i] += text(bytes); });
  });
  for (std::size_t i = 0; i < seen.size(); ++i)
    CHECK(seen[i] == content.substr(0, content.size() / (i + 1) * (i + 1)));
}

TEST_CASE("file_piece: of no bytes nothing is asked") {
  CHECK(file_piece().empty());
  CHECK(file_piece().read().empty());
  file_piece().for_each_run(4, [](std::uint64_t, std::span<const std::byte>) { FAIL("there are none"); });
}

TEST_CASE("file_piece: what is not in the file, not in the piece or no longer in the file is refused") {
  const scratch here;
  const auto path = here.write("x", letters(50'000));
  const auto file = opened(path, file_access::mapped);
  check_refused([&] { file_piece(file, 49'990, 11); }, {"x\"", "49990", "11"});
  check_refused([&] { file_piece(file, ~std::uint64_t{0}, 2); }, {"x\""});
  const file_piece piece(file, 10, 40'000);
  std::vector<std::byte> some(2);
  check_refused([&] { piece.read(39'999, some); }, {"fewer bytes"});
  std::filesystem::resize_file(path, 20'000);
  check_refused([&] { piece.for_each_run(1, [](std::uint64_t, std::span<const std::byte>) {}); }, {"x\"", "shorter"});
  check_refused([&] { piece.read(); }, {"x\"", "shorter"});
}

}  // namespace io_file_piece_test
