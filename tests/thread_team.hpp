// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_THREAD_TEAM_HPP
#define QFA_TESTS_THREAD_TEAM_HPP

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/team.hpp"

namespace qfa_test {

/// A team whose ranks are threads of this process: what several machines do, without MPI.
class thread_team {
 public:
  /// Calls work(team) once for each rank, each on a thread of its own.  Rethrows what the lowest rank threw.
  template <class Work>
  static void run(std::size_t size, Work work) {
    thread_team all(size);
    std::vector<std::exception_ptr> thrown(size);
    std::vector<std::thread> threads;
    for (std::size_t rank = 0; rank < size; ++rank)
      threads.emplace_back([&, rank] {
        try {
          work(all.member(rank));
        } catch (...) {
          thrown[rank] = std::current_exception();
          all.break_up();
        }
      });
    for (std::thread& thread : threads)
      thread.join();
    for (const std::exception_ptr& one : thrown)
      if (one) std::rethrow_exception(one);
  }

 private:
  explicit thread_team(std::size_t size) : blocks_(size) {}

  qfa::team member(std::size_t rank) {
    return {.rank = rank,
            .size = blocks_.size(),
            .gather_bytes =
                [this, rank](std::span<const std::byte> mine, const qfa::team::taker& take) {
                  blocks_[rank].assign(mine.begin(), mine.end());
                  meet();
                  for (std::size_t r = 0; rank == 0 && r < blocks_.size(); ++r)
                    take(r, blocks_[r]);
                  meet();
                },
            .broadcast_bytes =
                [this, rank](std::vector<std::byte>& bytes) {
                  if (rank == 0) blocks_[0] = bytes;
                  meet();
                  bytes = blocks_[0];
                  meet();
                }};
  }

  /// Waits until all ranks are here.  Throws where one cannot come any more.
  void meet() {
    std::unique_lock lock(turn_);
    const std::size_t round = round_;
    if (++here_ == blocks_.size()) {
      here_ = 0;
      ++round_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return round_ != round || broken_; });
    if (round_ == round) qfa::fail("another rank failed");
  }
  void break_up() {
    const std::scoped_lock lock(turn_);
    broken_ = true;
    changed_.notify_all();
  }

  std::vector<std::vector<std::byte>> blocks_;
  std::mutex turn_;
  std::condition_variable changed_;
  std::size_t here_ = 0;
  std::size_t round_ = 0;
  bool broken_ = false;
};

}  // namespace qfa_test

#endif
