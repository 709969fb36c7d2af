// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_RANKS_HPP
#define QFA_EXAMPLES_QFA_RANKS_HPP

#include <memory>
#include <string>

#include "qfa/core/team.hpp"

namespace qfa_program {

/// The processes that this program runs as: one by itself, or those that mpirun started, where it was built with MPI.
/// Only rank 0 prints, and only it does what cannot be shared out.
const qfa::team& ranks();

/// Throws where a launcher started several of this program, and it was built without MPI: each would do all of the
/// work, and all would write the same files.
void check_launch();

/// Begins and ends what connects them; main holds one.
class rank_session {
 public:
  rank_session();
  rank_session(const rank_session&) = delete;
  rank_session& operator=(const rank_session&) = delete;
  ~rank_session();

  /// Waits for all ranks to have come to their end well.  Throws where one has not.
  void finish();

  /// Tells the other ranks that this one cannot go on.  Returns what is to be said of it: the sentence of the lowest
  /// rank that failed, and which that is unless it is rank 0.
  std::string give_up(const std::string& sentence);

 private:
  struct connection;
  std::unique_ptr<connection> connection_;
};

}  // namespace qfa_program

#endif
