// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_TEAM_HPP
#define QFA_CORE_TEAM_HPP

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace qfa {

/// Processes that work on one thing together, each with the same program and the same input.  Made without arguments:
/// one process, alone.  Whoever connects processes (mpi/communicator.hpp) fills in the two functions.
///
/// Both are collective: every rank calls the same ones in the same order.  A rank that fails between them must not
/// leave the others waiting; that is the business of whoever connects them, whose functions throw where another rank
/// failed.
struct team {
  /// Called on rank 0 with one rank's bytes, good until it returns.
  using taker = std::function<void(std::size_t rank, std::span<const std::byte> bytes)>;

  std::size_t rank = 0;
  std::size_t size = 1;
  std::function<void(std::span<const std::byte> mine, const taker& take)> gather_bytes{};
  std::function<void(std::vector<std::byte>& bytes)> broadcast_bytes{};

  bool alone() const noexcept { return size == 1; }
  /// Whether this is rank 0, which holds what was gathered, and writes.
  bool leads() const noexcept { return rank == 0; }

  /// Shows rank 0 every rank's bytes in the order of ranks, one at a time, its own first: memory holds one of them.
  void gather(std::span<const std::byte> mine, const taker& take) const {
    if (alone()) return take(0, mine);
    gather_bytes(mine, take);
  }
  /// Gives every rank the bytes of rank 0.
  void broadcast(std::vector<std::byte>& bytes) const {
    if (!alone()) broadcast_bytes(bytes);
  }
};

}  // namespace qfa

#endif
