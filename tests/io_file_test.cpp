// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/file.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_file_test {

using qfa::file_access;
using qfa::file_bytes;
using qfa_test::check_refused;
using qfa_test::scratch;

TEST_CASE("file_bytes: mapped or read, the bytes are the file's") {
  const scratch here;
  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{100'001}}) {
    std::string content(size, 'a');
    for (std::size_t i = 0; i < size; ++i)
      content[i] = static_cast<char>(i * 31 + 7);
    const auto path = here.write("x", content);
    for (const file_access access : {file_access::mapped, file_access::read}) {
      const file_bytes file(path, access);
      CHECK(file.text() == content);
      CHECK(file.bytes().size() == size);
    }
  }
}

TEST_CASE("file_bytes: a mapping is a mapping, reading is not") {
  const scratch here;
  const auto path = here.write("x", "abc");
#if __has_include(<sys/mman.h>)
  CHECK(file_bytes(path, file_access::mapped).mapped());
#endif
  CHECK(!file_bytes(path, file_access::read).mapped());
}

TEST_CASE("file_bytes: an empty file has no bytes") {
  const scratch here;
  const auto path = here.write("x", "");
  for (const file_access access : {file_access::mapped, file_access::read})
    CHECK(file_bytes(path, access).bytes().empty());
}

TEST_CASE("file_bytes: moving keeps the bytes in place") {
  const scratch here;
  const auto path = here.write("x", "abc");
  const auto other = here.write("y", "defg");
  for (const file_access access : {file_access::mapped, file_access::read}) {
    file_bytes a(path, access);
    const std::byte* const place = a.bytes().data();
    file_bytes b(std::move(a));
    CHECK(b.bytes().data() == place);
    b = file_bytes(other, access);
    CHECK(b.text() == "defg");
  }
}

TEST_CASE("path_exists: a path too long to be one does not exist, and does not throw") {
  const scratch here;
  CHECK(qfa::path_exists(here.path()));
  CHECK(qfa::path_is_directory(here.path()));
  const auto file = here.write("x", "abc");
  CHECK(qfa::path_exists(file));
  CHECK(!qfa::path_is_directory(file));
  CHECK(!qfa::path_exists(std::string(100'000, 'a')));
  CHECK(!qfa::path_is_directory(std::string(100'000, 'a')));
  check_refused([&] { file_bytes(std::string(100'000, 'a')); }, {"no file"});
}

TEST_CASE("whole_path: from the root on, and as it is where there is no saying") {
  CHECK(qfa::whole_path("a/b") == std::filesystem::current_path() / "a/b");
  CHECK(qfa::whole_path("/a/b") == "/a/b");
  CHECK(qfa::whole_path("").empty());  // std::filesystem::absolute throws
}

TEST_CASE("file_bytes: a missing file and a directory are refused by name") {
  const scratch here;
  for (const file_access access : {file_access::mapped, file_access::read}) {
    check_refused([&] { file_bytes(here.path() / "missing", access); }, {"no file", "missing"});
    check_refused([&] { file_bytes(here.path(), access); }, {"not a plain file", here.path().filename().string()});
    check_refused([&] { file_bytes("/dev/null", access); }, {"not a plain file"});
  }
}

TEST_CASE("file_bytes: a file that ends before the size that the system tells is refused, and never read as whole") {
  // Linux tells a page for the attributes of its devices, which hold a line and cannot be mapped; no plain file can be
  // shortened between the two steps by a test that always means the same.
  const std::filesystem::path attribute = "/sys/devices/system/cpu/online";
  std::ifstream in(attribute);
  const std::string held{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::error_code problem;
  const std::uintmax_t told = std::filesystem::file_size(attribute, problem);
  if (problem || held.empty() || held.size() >= told) {
    MESSAGE("no file here is shorter than the system tells: not tested");
    return;
  }
  for (const file_access access : {file_access::mapped, file_access::read})
    check_refused([&] { file_bytes(attribute, access); }, {"cannot read", "online", "to its end"});
}

TEST_CASE("file_bytes: a file that holds bytes and is told to be empty is refused, and never read as empty") {
  const std::filesystem::path process = "/proc/self/cmdline";  // Linux tells 0 bytes of all that stands in /proc
  std::error_code problem;
  const std::uintmax_t told = std::filesystem::file_size(process, problem);
  if (problem || told != 0) {
    MESSAGE("no file here is longer than the system tells: not tested");
    return;
  }
  for (const file_access access : {file_access::mapped, file_access::read})
    check_refused([&] { file_bytes(process, access); }, {"/proc/self/cmdline", "holds bytes", "empty"});
}

}  // namespace io_file_test
