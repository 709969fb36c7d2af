// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/team.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "thread_team.hpp"

namespace core_team_test {

using bytes = std::vector<std::byte>;

TEST_CASE("team: one process is a team that leads itself and talks to nobody") {
  const qfa::team alone;
  CHECK(alone.alone());
  CHECK(alone.leads());
  bytes all;
  std::size_t calls = 0;
  const bytes mine{std::byte{1}, std::byte{2}};
  alone.gather(mine, [&](std::size_t rank, std::span<const std::byte> block) {
    CHECK(rank == 0);
    all.assign(block.begin(), block.end());
    ++calls;
  });
  CHECK(calls == 1);
  CHECK(all == mine);
  alone.broadcast(all);
  CHECK(all == mine);
}

TEST_CASE("team: several processes use what connects them, and only rank 0 leads") {
  std::size_t gathered = 0, sent = 0;
  qfa::team second{.rank = 1, .size = 2};
  second.gather_bytes = [&](std::span<const std::byte> mine, const qfa::team::taker&) { gathered += mine.size(); };
  second.broadcast_bytes = [&](bytes& b) {
    ++sent;
    b = {std::byte{7}};
  };
  CHECK_FALSE(second.alone());
  CHECK_FALSE(second.leads());
  second.gather(bytes(3), [](std::size_t, std::span<const std::byte>) { FAIL("rank 1 is shown nothing"); });
  CHECK(gathered == 3);
  bytes given;
  second.broadcast(given);
  CHECK(sent == 1);
  CHECK(given == bytes{std::byte{7}});
}

TEST_CASE("team: what is gathered and broadcast comes in the order of ranks, whoever comes first") {
  for (const std::size_t size : std::vector<std::size_t>{1, 2, 3, 5}) {
    CAPTURE(size);
    std::vector<std::size_t> order;
    std::vector<bytes> given(size);
    qfa_test::thread_team::run(size, [&](const qfa::team& team) {
      team.gather(bytes(team.rank + 1, std::byte{9}), [&](std::size_t rank, std::span<const std::byte> block) {
        order.push_back(rank);
        order.push_back(block.size());
      });
      given[team.rank].assign(team.rank, std::byte{1});
      if (team.leads()) given[0] = {std::byte{4}, std::byte{5}};
      team.broadcast(given[team.rank]);
    });
    REQUIRE(order.size() == 2 * size);
    for (std::size_t rank = 0; rank < size; ++rank) {
      CHECK(order[2 * rank] == rank);
      CHECK(order[2 * rank + 1] == rank + 1);
      CHECK(given[rank] == bytes{std::byte{4}, std::byte{5}});
    }
  }
}

}  // namespace core_team_test
