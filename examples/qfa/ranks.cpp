// SPDX-License-Identifier: Apache-2.0
#include "ranks.hpp"

#include <iostream>

#ifdef QFA_HAS_MPI
#include "qfa/mpi/communicator.hpp"
#endif

namespace qfa_program {
namespace {

qfa::team& these() {
  static qfa::team team;
  return team;
}

}  // namespace

const qfa::team& ranks() { return these(); }

struct rank_session::connection {
#ifdef QFA_HAS_MPI
  qfa::communicator all;
#endif
};

rank_session::rank_session() {
#ifdef QFA_HAS_MPI
  if (!qfa::launched_by_mpi()) return;
  connection_ = std::make_unique<connection>();
  these() = connection_->all.as_team();
  if (!these().leads()) std::cout.rdbuf(nullptr);
#endif
}

rank_session::~rank_session() { these() = {}; }

void rank_session::finish() {
#ifdef QFA_HAS_MPI
  if (connection_) connection_->all.finish();
#endif
}

std::string rank_session::give_up(const std::string& sentence) {
#ifdef QFA_HAS_MPI
  if (connection_) {
    const std::string heard = connection_->all.give_up(sentence);
    const std::size_t from = connection_->all.failed_rank();
    return from == 0 ? heard : "rank " + std::to_string(from) + ": " + heard;
  }
#endif
  return sentence;
}

}  // namespace qfa_program
