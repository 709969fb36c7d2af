// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/team.hpp"

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

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

}  // namespace core_team_test
