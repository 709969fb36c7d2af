// SPDX-License-Identifier: Apache-2.0
// Run by a launcher with 1, 2, 3 and 4 ranks: see tests/CMakeLists.txt.
#include "qfa/mpi/communicator.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace mpi_communicator_test {

using bytes = std::vector<std::byte>;

/// `count` bytes that tell by themselves whose they are and where each stands.
bytes block_of(std::size_t rank, std::size_t count) {
  bytes out(count);
  for (std::size_t i = 0; i < count; ++i)
    out[i] = static_cast<std::byte>((31 * rank + 7 * i + i / 251) % 256);
  return out;
}

TEST_CASE("launched_by_mpi: the launcher of these tests is known") { CHECK(qfa::launched_by_mpi()); }

TEST_CASE("gather: blocks of any size come to rank 0 in the order of ranks, not of arrival") {
  // Pieces smaller than, as large as and larger than blocks; a rank without anything; the last ranks send first.
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, std::size_t{1} << 24}) {
    CAPTURE(piece);
    qfa::communicator all(piece);
    const auto size_of = [](std::size_t rank) { return rank == 2 ? std::size_t{0} : 1000 + 13 * rank; };
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * (all.size() - all.rank())));
    std::vector<std::size_t> seen;
    bool whole = true;
    all.gather(block_of(all.rank(), size_of(all.rank())), [&](std::size_t rank, std::span<const std::byte> block) {
      seen.push_back(rank);
      whole = whole && std::ranges::equal(block, block_of(rank, size_of(rank)));
    });
    CHECK(whole);
    CHECK(seen.size() == (all.rank() == 0 ? all.size() : 0));
    for (std::size_t i = 0; i < seen.size(); ++i)
      CHECK(seen[i] == i);
    all.finish();
  }
}

TEST_CASE("broadcast: every rank ends with what rank 0 has, whatever it held before") {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 24}) {
    qfa::communicator all(piece);
    for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 6, 7, 8, 1000}) {
      CAPTURE(piece);
      CAPTURE(count);
      bytes mine = block_of(all.rank(), all.rank() == 0 ? count : 5 * all.rank());
      all.broadcast(mine);
      CHECK(mine == block_of(0, count));
    }
    all.finish();
  }
}

TEST_CASE("as_team: the same by those who know nothing of MPI") {
  qfa::communicator all;
  const qfa::team team = all.as_team();
  CHECK(team.rank == all.rank());
  CHECK(team.size == all.size());
  std::size_t sum = 0;
  team.gather(block_of(team.rank, team.rank + 1), [&](std::size_t, std::span<const std::byte> b) { sum += b.size(); });
  CHECK(sum == (team.leads() ? all.size() * (all.size() + 1) / 2 : 0));
  bytes given = block_of(team.rank, 3);
  team.broadcast(given);
  CHECK(given == block_of(0, 3));
  all.finish();
}

TEST_CASE("give_up: one rank's sentence ends every other rank's wait, whatever it waits in") {
  qfa::communicator count;
  for (std::size_t failing = 0; failing < count.size(); ++failing)
    for (const std::string where : {"gather", "broadcast", "barrier", "finish"}) {
      CAPTURE(failing);
      CAPTURE(where);
      qfa::communicator all;
      const std::string sentence = "rank " + std::to_string(failing) + " found a broken file";
      if (all.rank() == failing) {
        CHECK(all.give_up(sentence) == sentence);
        continue;
      }
      std::optional<std::size_t> failed;
      std::string said;
      try {
        bytes b(5);
        if (where == "gather") all.gather(b, [](std::size_t, std::span<const std::byte>) { FAIL("took a block"); });
        if (where == "broadcast") all.broadcast(b);
        if (where == "barrier") all.barrier();
        if (where == "finish") all.finish();
      } catch (const qfa::peer_failure& failure) {
        failed = failure.rank();
        said = failure.what();
      }
      CHECK(failed == failing);
      CHECK(said == sentence);
      // It stays so, and giving up again says nothing new.
      CHECK_THROWS_AS(all.barrier(), qfa::peer_failure);
      CHECK(all.give_up("another sentence") == sentence);
    }
  count.finish();
}

TEST_CASE("give_up: of several the lowest rank is heard, by those who gave up too") {
  qfa::communicator all;
  const std::string mine = "sentence " + std::to_string(all.rank());
  if (all.rank() == 0 && all.size() > 1) {
    CHECK_THROWS_WITH_AS(all.barrier(), "sentence 1", qfa::peer_failure);
  } else {
    CHECK(all.give_up(mine) == (all.size() > 1 ? "sentence 1" : "sentence 0"));
  }
}

TEST_CASE("gather: what rank 0 makes of a block may fail without leaving the senders of others waiting") {
  qfa::communicator all(3);
  const bytes mine = block_of(all.rank(), 100000);  // more than MPI sends before anyone receives
  std::size_t taken = 0;
  const auto refuse = [&](std::size_t, std::span<const std::byte>) {
    ++taken;
    qfa::fail("a block of another audit");
  };
  if (all.rank() == 0) {
    CHECK_THROWS_WITH(all.gather(mine, refuse), "a block of another audit");
    CHECK(taken == 1);
    all.give_up("a block of another audit");
  } else {
    all.gather(mine, refuse);
    CHECK(taken == 0);
    CHECK_THROWS_WITH_AS(all.barrier(), "a block of another audit", qfa::peer_failure);
  }
}

TEST_CASE("communicator: a rank that leaves without an end has given up") {
  auto all = std::make_unique<qfa::communicator>();
  if (all->size() > 1 && all->rank() + 1 < all->size()) {
    CHECK_THROWS_WITH_AS(all->barrier(), "it ended before the others did", qfa::peer_failure);
  }
  all.reset();
}

TEST_CASE("communicator: ranks at different steps are told so, and do not hang") {
  qfa::communicator all;
  if (all.size() == 1) {
    all.finish();
    return;
  }
  bytes b(1);
  if (all.rank() == 1)
    CHECK_THROWS_WITH(all.broadcast(b), "the ranks are not at the same step: all must run one program on one input");
  else
    CHECK_THROWS_WITH(all.barrier(), "the ranks are not at the same step: all must run one program on one input");
}

TEST_CASE("communicator: nothing is sent after the end") {
  qfa::communicator all;
  all.finish();
  CHECK_THROWS_WITH(all.barrier(), "an MPI program went on after its end");
}

}  // namespace mpi_communicator_test
