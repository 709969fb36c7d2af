// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/spill.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_spill_test {

using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

std::vector<std::byte> block(std::size_t size, unsigned seed) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::byte>((i * 7 + seed) & 255U);
  return out;
}

}  // namespace

TEST_CASE("spill_file: blocks come back as they went, whatever fits into memory") {
  const scratch here;
  for (const std::size_t budget : {std::size_t{0}, std::size_t{1000}, std::size_t{1} << 30U}) {
    CAPTURE(budget);
    qfa::spill_file spill(budget, here.path());
    for (unsigned i = 0; i < 20; ++i)
      CHECK(spill.append(block(100 * i, i)) == i);
    for (unsigned i = 20; i-- > 0;)
      CHECK(spill.read(i) == block(100 * i, i));
    CHECK(spill.append(block(3, 77)) == 20);  // behind what was read
    CHECK(spill.read(19) == block(1900, 19));
    CHECK(spill.read(20) == block(3, 77));
    CHECK(spill.blocks() == 21);
  }
}

TEST_CASE("spill_file: the budget is kept to the byte, and small blocks still fit behind large ones") {
  qfa::spill_file spill(100);
  spill.append(block(60, 1));
  spill.append(block(41, 2));
  CHECK(spill.bytes_in_memory() == 60);
  CHECK(spill.bytes_in_file() == 41);
  spill.append(block(40, 3));
  CHECK(spill.bytes_in_memory() == 100);
  CHECK(spill.bytes_in_file() == 41);
  spill.append(block(1, 4));
  CHECK(spill.bytes_in_file() == 42);
}

TEST_CASE("spill_file: nothing is made within the budget, and no name is left beyond it") {
  const scratch here;
  qfa::spill_file spill(10, here.path());
  spill.append(block(10, 1));
  CHECK(here.files() == 0);
  spill.append(block(10, 1));
  CHECK(here.files() == 0);  // unlinked at once
}

TEST_CASE("spill_file: moving keeps the blocks") {
  qfa::spill_file first(0);
  first.append(block(10, 1));
  const qfa::spill_file second = std::move(first);
  CHECK(second.read(0) == block(10, 1));
}

TEST_CASE("spill_file: several threads read at once") {
  qfa::spill_file spill(0);
  for (unsigned i = 0; i < 50; ++i)
    spill.append(block(1000, i));
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 50; ++i)
        wrong[t] += spill.read(i) == block(1000, i) ? 0 : 1;
    });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("spill_file: an unknown number and a directory that is not there are refused") {
  qfa::spill_file spill(0, "/nonexistent");
  check_refused([&] { spill.read(0); }, {"number"});
#if __has_include(<unistd.h>)
  check_refused([&] { spill.append(block(1, 1)); }, {"/nonexistent"});
#endif
}

TEST_CASE("spill_file: another process goes on with a named file, whatever was in memory when it was saved") {
  for (const std::size_t budget : {std::size_t{0}, std::size_t{150}, std::size_t{1} << 30U}) {
    CAPTURE(budget);
    const scratch here;
    const auto path = here.path() / "new" / "blocks";
    qfa::saved_blocks saved;
    {
      qfa::spill_file spill(budget);
      spill.keep_in(path);
      for (unsigned i = 0; i < 5; ++i) {
        spill.append(block(50 * i, i));
        if (i == 2) spill.save();
      }
      saved = spill.save();
      CHECK(spill.save().bytes == saved.bytes);  // nothing twice
      spill.append(block(1000, 9));              // after the last saving: forgotten
      for (unsigned i = 0; i < 5; ++i)
        CHECK(spill.read(i) == block(50 * i, i));
    }
    CHECK(saved.bytes == 500);
    CHECK(saved.blocks.size() == 5);
    qfa::spill_file again(budget);
    again.keep_in(path);
    again.restore(saved);
    CHECK(std::filesystem::file_size(path) == 500);
    REQUIRE(again.blocks() == 5);
    CHECK(again.append(block(70, 7)) == 5);
    const qfa::saved_blocks more = again.save();
    CHECK(more.bytes == 570);
    qfa::spill_file third(budget);
    third.keep_in(path);
    third.restore(more);
    for (unsigned i = 0; i < 5; ++i)
      CHECK(third.read(i) == block(50 * i, i));
    CHECK(third.read(5) == block(70, 7));
  }
}

TEST_CASE("spill_file: a named file that was cut, damaged or removed is refused") {
  const scratch here;
  const auto path = here.path() / "blocks";
  qfa::saved_blocks saved;
  {
    qfa::spill_file spill(10);
    spill.keep_in(path);
    spill.append(block(10, 1));
    spill.append(block(20, 2));
    saved = spill.save();
  }
  const std::string whole = qfa_test::slurp(path);
  const auto restore = [&](const qfa::saved_blocks& from) {
    qfa::spill_file spill(10);
    spill.keep_in(path);
    spill.restore(from);
  };
  restore(saved);
  std::string other = whole;
  other[29] ^= 1;
  here.write("blocks", other);
  check_refused([&] { restore(saved); }, {"blocks", "damaged"});
  here.write("blocks", whole.substr(0, 29));
  check_refused([&] { restore(saved); }, {"blocks", "cut short", "30 bytes"});
  std::filesystem::remove(path);
  check_refused([&] { restore(saved); }, {"blocks", "not there"});
  here.write("blocks", whole);
  saved.blocks[0].size = 11;  // the last in the file
  check_refused([&] { restore(saved); }, {"within its file"});
  qfa::spill_file nameless(10);
  check_refused([&] { nameless.save(); }, {"name"});
}

}  // namespace io_spill_test
