// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/checkpoint_directory.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <thread>

#include "scratch.hpp"

namespace audit_checkpoint_directory_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("checkpoint_directory: a run's own files come and go, and all others stay") {
  const scratch here;
  const checkpoint_directory none, files(here.path() / "a" / "resume", "audit"), other(files.path(), "bench");
  CHECK_FALSE(none.keeps());
  CHECK_FALSE(none.holds_state());
  none.remove();
  CHECK(files.keeps());
  CHECK_FALSE(path_exists(files.path()));
  files.make();
  CHECK_FALSE(files.holds_state());
  write_whole_file(files.file("pass-0"), {});
  write_whole_file(files.file("state.partial-1"), {});
  write_whole_file(other.file("pass-0"), {});
  CHECK_FALSE(files.holds_state());
  write_whole_file(files.state(), {});
  CHECK(files.holds_state());
  CHECK_FALSE(other.holds_state());
  files.remove_partial();
  CHECK_FALSE(path_exists(files.file("state.partial-1")));
  CHECK(path_exists(files.file("pass-0")));
  files.remove();
  CHECK_FALSE(files.holds_state());
  CHECK_FALSE(path_exists(files.file("pass-0")));
  CHECK(path_exists(other.file("pass-0")));
  other.remove();
  CHECK_FALSE(path_exists(files.path()));
  here.write("file", "in the way");
  check_refused([&] { checkpoint_directory(here.path() / "file" / "resume", "audit").make(); },
                {"cannot make the directory", "file/resume"});
}

TEST_CASE("saving_clock: due after its seconds, and not before a saving has become a twentieth of the time since") {
  using namespace std::chrono_literals;
  CHECK(saving_clock(0.0).due());
  CHECK_FALSE(saving_clock(3600.0).due());
  saving_clock soon(0.5);  // long enough for a machine that has other things to do
  CHECK_FALSE(soon.due());
  std::this_thread::sleep_for(510ms);
  CHECK(soon.due());
  soon([] { std::this_thread::sleep_for(60ms); });  // takes at least that long: due 1.2 s later at the earliest
  CHECK_FALSE(soon.due());
  std::this_thread::sleep_for(510ms);
  CHECK_FALSE(soon.due());
}

TEST_CASE("check_same_parts: the sentence names the part that differs, of what kind of run") {
  const audit_parts parts{{"the hook", "blocks.1"}, {"the policy", "rtn"}};
  check_same_parts(parts, parts, "DIR", "run");
  check_refused(
      [&] {
        check_same_parts({{"the hook", "blocks.2"}, parts[1]}, parts, "DIR", "run");
      },
      {"the checkpoint in \"DIR\" is of another run: the hook is blocks.2 there, and blocks.1 here"});
  check_refused(
      [&] {
        check_same_parts({parts[0], {"the units", "rtn"}}, parts, "DIR", "run");
      },
      {"its part 2 is the units there, and the policy here"});
  check_refused([&] { check_same_parts({parts[0]}, parts, "DIR", "audit"); },
                {"of another audit: the number of its parts is 1 there, and 2 here"});
}

TEST_CASE("write_archive_file: the archive of a file, and its checksum") {
  const scratch here;
  const std::uint32_t sum = write_archive_file(here.path() / "numbers", "numbers", 3,
                                               [](archive_writer& out) { out(std::string("five"), 5); });
  const file_bytes file(here.path() / "numbers", file_access::read);
  CHECK(checksum_of_archive(file.bytes()) == sum);
  archive_reader in(file.bytes(), "numbers", 3, "numbers");
  std::string word;
  int number = 0;
  in(word, number);
  in.finish();
  CHECK(word == "five");
  CHECK(number == 5);
}

}  // namespace audit_checkpoint_directory_test
