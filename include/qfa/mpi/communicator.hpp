// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MPI_COMMUNICATOR_HPP
#define QFA_MPI_COMMUNICATOR_HPP

// The only header that knows MPI, by its C interface.
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/team.hpp"

namespace qfa {

/// Whether a launcher started this process as one of several, told by what launchers leave in the environment: Open
/// MPI's mpirun; MPICH's, Intel's and MVAPICH2's; Slurm's PMI-2; whatever speaks PMIx.  A program that was started by
/// itself need not begin MPI, which costs Open MPI 4 a second process.
inline bool launched_by_mpi() noexcept {
  constexpr std::array names{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK", "MV2_COMM_WORLD_SIZE"};
  return std::any_of(names.begin(), names.end(), [](const char* name) { return std::getenv(name) != nullptr; });
}

/// Thrown where another rank has given up: what that one had to say.
class peer_failure : public error {
 public:
  peer_failure(std::size_t rank, const std::string& sentence) : error(sentence), rank_(rank) {}
  /// The lowest rank of those that gave up.
  std::size_t rank() const noexcept { return rank_; }

 private:
  std::size_t rank_;
};

/// All processes of an MPI program.  Begins MPI where nobody has, and then ends it.  Its messages are its own
/// (MPI_Comm_dup): a program may use MPI beside it.
///
/// No rank is left waiting.  Every operation begins by agreeing that all ranks have come to this one and are well.  A
/// rank that fails calls `give_up`, and the operation that the others are in, or come to next, throws `peer_failure`
/// with its sentence; a rank that destroys this object without `finish` has given up, too.  MPI's own errors keep MPI's
/// own handler, which ends the whole program: ranks that cannot send cannot agree either.
///
/// Bytes travel in pieces, since MPI 3 counts them in an int; a block may be of any size.
class communicator {
 public:
  explicit communicator(std::size_t piece_bytes = std::size_t{1} << 24)
      : piece_(std::clamp(piece_bytes, std::size_t{1}, static_cast<std::size_t>((std::numeric_limits<int>::max)()))) {
    int begun = 0;
    MPI_Initialized(&begun);
    if (begun == 0) {
      int granted = 0;  // one thread talks to MPI, which every level allows
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &granted);
      ends_mpi_ = true;
    }
    MPI_Comm_dup(MPI_COMM_WORLD, &ranks_);
    MPI_Comm_rank(ranks_, &rank_);
    MPI_Comm_size(ranks_, &size_);
  }
  communicator(const communicator&) = delete;
  communicator& operator=(const communicator&) = delete;
  ~communicator() {
    try {
      give_up("it ended before the others did");
    } catch (const std::exception&) {
      // No memory for a sentence: the others have agreed on the failure by then.
    }
    MPI_Comm_free(&ranks_);
    if (ends_mpi_) MPI_Finalize();
  }

  std::size_t rank() const noexcept { return static_cast<std::size_t>(rank_); }
  std::size_t size() const noexcept { return static_cast<std::size_t>(size_); }

  /// Shows rank 0 every rank's bytes in the order of ranks, its own first, whatever order they arrive in; `take` is
  /// called nowhere else.  Rank 0 holds its own block and the largest of the others'.
  void gather(std::span<const std::byte> mine, const team::taker& take) {
    agree(operation::gather);
    const std::uint64_t bytes = mine.size();
    std::vector<std::uint64_t> sizes(size());
    MPI_Gather(&bytes, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, 0, ranks_);
    std::vector<std::byte> theirs;
    const auto others = std::span<const std::uint64_t>(sizes).subspan(1);
    make_room(theirs, rank_ != 0 || others.empty() ? 0 : *std::max_element(others.begin(), others.end()));
    if (rank_ != 0) {
      for (; !mine.empty(); mine = mine.subspan((std::min)(piece_, mine.size())))
        MPI_Send(mine.data(), length_of_piece(mine.size()), MPI_BYTE, 0, 0, ranks_);
      return;
    }
    std::exception_ptr refused;  // by `take`: what is on its way arrives nevertheless, or its sender would wait
    for (std::size_t from = 0; from < size(); ++from) {
      std::span<const std::byte> block = mine;
      if (from > 0) {
        block = receive(std::span(theirs).first(static_cast<std::size_t>(sizes[from])), static_cast<int>(from));
      }
      try {
        if (!refused) take(from, block);
      } catch (...) {
        refused = std::current_exception();
      }
    }
    if (refused) std::rethrow_exception(refused);
  }

  /// Gives every rank the bytes of rank 0.
  void broadcast(std::vector<std::byte>& bytes) {
    agree(operation::broadcast);
    std::uint64_t count = bytes.size();
    MPI_Bcast(&count, 1, MPI_UINT64_T, 0, ranks_);
    make_room(bytes, count);
    for (std::span<std::byte> left(bytes); !left.empty(); left = left.subspan((std::min)(piece_, left.size())))
      MPI_Bcast(left.data(), length_of_piece(left.size()), MPI_BYTE, 0, ranks_);
  }

  /// Returns when all ranks have come here.
  void barrier() { agree(operation::barrier); }

  /// The last that a rank does: after it, no rank can fail another.
  void finish() {
    agree(operation::finish);
    over_ = true;
  }

  /// Tells all other ranks that this one cannot go on.  Returns the sentence that all ranks now know: that of the
  /// lowest rank of those that gave up.  Nothing is left to do where another rank did before.
  std::string give_up(const std::string& sentence) {
    if (over_) return failure_;
    try {
      agree(operation::give_up, &sentence);
    } catch (const error&) {
      // As was meant to be: this is what the other ranks get.
    }
    return failure_;
  }

  /// The rank whose sentence that is; 0 where none gave up.
  std::size_t failed_rank() const noexcept { return failed_; }

  /// The same to those who know nothing of MPI.  Good while this object is.
  team as_team() {
    return {.rank = rank(),
            .size = size(),
            .gather_bytes = [this](std::span<const std::byte> mine, const team::taker& take) { gather(mine, take); },
            .broadcast_bytes = [this](std::vector<std::byte>& bytes) { broadcast(bytes); }};
  }

 private:
  enum class operation : std::int64_t { give_up, gather, room, broadcast, barrier, finish };

  /// Where the next operation begins, on all ranks: throws on all of them where one gives up, with its sentence, and
  /// where they are not at the same one, which would hang.
  void agree(operation next, const std::string* giving_up = nullptr) {
    if (over_) throw peer_failure(failed_, failure_.empty() ? "an MPI program went on after its end" : failure_);
    constexpr std::int64_t none = (std::numeric_limits<std::int64_t>::max)();
    const auto step = static_cast<std::int64_t>(next);
    std::array<std::int64_t, 3> votes{none, step, -step};
    if (giving_up != nullptr) votes = {rank_, none, none};
    MPI_Allreduce(MPI_IN_PLACE, votes.data(), 3, MPI_INT64_T, MPI_MIN, ranks_);
    const auto [failed, first, last] = votes;
    if (failed == none && first == -last) return;
    over_ = true;
    if (failed == none) {
      failure_ = "the ranks are not at the same step: all must run one program on one input";
    } else {
      failed_ = static_cast<std::size_t>(failed);
      if (giving_up != nullptr) failure_ = giving_up->substr(0, longest_sentence);
      int length = static_cast<int>(failure_.size());
      MPI_Bcast(&length, 1, MPI_INT, static_cast<int>(failed), ranks_);
      failure_.resize(static_cast<std::size_t>(length));
      MPI_Bcast(failure_.data(), length, MPI_CHAR, static_cast<int>(failed), ranks_);
    }
    throw peer_failure(failed_, failure_);
  }

  /// Room for bytes on their way, on all ranks or on none.
  void make_room(std::vector<std::byte>& bytes, std::uint64_t count) {
    try {
      bytes.resize(static_cast<std::size_t>(count));
    } catch (const std::exception&) {
      give_up("it has no memory for a message of " + std::to_string(count) + " bytes");
      throw;
    }
    agree(operation::room);
  }

  int length_of_piece(std::size_t left) const noexcept { return static_cast<int>((std::min)(piece_, left)); }

  std::span<const std::byte> receive(std::span<std::byte> into, int from) {
    for (std::span<std::byte> left = into; !left.empty(); left = left.subspan((std::min)(piece_, left.size())))
      MPI_Recv(left.data(), length_of_piece(left.size()), MPI_BYTE, from, 0, ranks_, MPI_STATUS_IGNORE);
    return into;
  }

  static constexpr std::size_t longest_sentence = 1 << 16;

  std::size_t piece_;
  MPI_Comm ranks_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  bool ends_mpi_ = false;
  bool over_ = false;
  std::size_t failed_ = 0;
  std::string failure_;
};

}  // namespace qfa

#endif
