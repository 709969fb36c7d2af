// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/atomic_file.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>
#if __has_include(<sys/mman.h>)
#include <sys/stat.h>
#endif

#include "scratch.hpp"

namespace io_atomic_file_test {

using qfa::atomic_file;
using qfa_test::check_refused;
using qfa_test::scratch;

TEST_CASE("atomic_file: nothing bears the name before commit, everything after") {
  const scratch here;
  const auto path = here.path() / "report.json";
  atomic_file file(path);
  file.stream() << "abc";
  CHECK(!std::filesystem::exists(path));
  file.commit();
  CHECK(qfa_test::slurp(path) == "abc");
  CHECK(here.files() == 1);
}

TEST_CASE("atomic_file: without commit nothing is left, and an older file stays as it was") {
  const scratch here;
  const auto path = here.write("report.json", "old");
  {
    atomic_file file(path);
    file.stream() << "new";
  }
  CHECK(qfa_test::slurp(path) == "old");
  CHECK(here.files() == 1);
  {
    atomic_file file(path);
    file.stream() << "new";
    file.commit();
  }
  CHECK(qfa_test::slurp(path) == "new");
  CHECK(here.files() == 1);
}

TEST_CASE("atomic_file: an exception on the way removes what was written") {
  const scratch here;
  try {
    atomic_file file(here.path() / "x");
    file.stream() << "half";
    throw std::runtime_error("no");
  } catch (const std::runtime_error&) {
  }
  CHECK(here.files() == 0);
}

TEST_CASE("atomic_file: two writers of one name do not meet, the last to commit stays") {
  const scratch here;
  atomic_file a(here.path() / "x");
  atomic_file b(here.path() / "x");
  a.stream() << "from a";
  b.stream() << "b";
  b.commit();
  a.commit();
  CHECK(qfa_test::slurp(here.path() / "x") == "from a");
  CHECK(here.files() == 1);
}

TEST_CASE("atomic_file: a missing directory, and a name that is a directory, are refused by name") {
  const scratch here;
  check_refused([&] { atomic_file(here.path() / "none" / "x"); }, {"cannot write", "none/x"});
  check_refused([&] { atomic_file{here.path()}; }, {"cannot write", "directory"});
  check_refused([&] { atomic_file{here.path() / ""}; }, {"cannot write", "directory"});
}

#if __has_include(<sys/mman.h>)
TEST_CASE("atomic_file: devices, pipes and sockets are refused by name and stay what they are") {
  const scratch here;
  const auto pipe = here.path() / "pipe", link = here.path() / "link";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::filesystem::create_symlink("/dev/null", link);
  for (const std::filesystem::path& path : {pipe, link, std::filesystem::path("/dev/null"),
                                            std::filesystem::path("/dev/stdout"), std::filesystem::path("/dev/fd/1"),
                                            std::filesystem::path("/proc/self/fd/1")}) {
    CAPTURE(path);
    check_refused([&] { atomic_file file(path); }, {"cannot write", path.filename().string(), "a device, a pipe"});
  }
  CHECK(std::filesystem::is_fifo(pipe));
  CHECK(std::filesystem::is_symlink(link));
  CHECK(std::filesystem::is_character_file("/dev/null"));
  CHECK(here.files() == 2);
  // A link to a plain file gives way to the file, as any name does.
  const auto plain = here.write("plain", "old"), other = here.path() / "other";
  std::filesystem::create_symlink(plain, other);
  atomic_file file(other);
  file.stream() << "new";
  file.commit();
  CHECK(qfa_test::slurp(plain) == "old");
  CHECK(qfa_test::slurp(other) == "new");
}

TEST_CASE("atomic_file: a full disk is noticed at commit, and nothing is left behind") {
  const scratch here;
  atomic_file file(here.path() / "x");
  file.stream().setstate(std::ios::badbit);  // what a failed write leaves
  check_refused([&] { file.commit(); }, {"cannot write", "x"});
  CHECK(!std::filesystem::exists(here.path() / "x"));
}
#endif

TEST_CASE("atomic_file: it is committed once") {
  const scratch here;
  atomic_file file(here.path() / "x");
  file.commit();
  check_refused([&] { file.commit(); }, {"once"});
}

}  // namespace io_atomic_file_test
