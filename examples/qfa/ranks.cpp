// SPDX-License-Identifier: Apache-2.0
#include "ranks.hpp"

#include <iostream>

#ifdef QFA_HAS_MPI
#include "qfa/mpi/communicator.hpp"
#else
#include <array>
#include <cstdlib>
#include <utility>

#include "qfa/core/error.hpp"
#endif

namespace qfa_program {
namespace {

qfa::team& these() {
  static qfa::team team;
  return team;
}

}  // namespace

const qfa::team& ranks() { return these(); }

void check_launch() {
#ifndef QFA_HAS_MPI
  // What launchers leave in the environment (mpi/communicator.hpp), and the most that it is of one process.  PMIx says
  // no size, and is of several where a rank is not the first.
  constexpr std::array<std::pair<const char*, long>, 5> alone{{{"OMPI_COMM_WORLD_SIZE", 1},
                                                               {"PMI_SIZE", 1},
                                                               {"MV2_COMM_WORLD_SIZE", 1},
                                                               {"PMI_RANK", 0},
                                                               {"PMIX_RANK", 0}}};
  for (const auto& [name, most] : alone) {
    const char* const said = std::getenv(name);
    if (said != nullptr && std::strtol(said, nullptr, 10) > most)
      qfa::fail(std::string("this is one of several processes (") + name + "=" + said +
                "), but this program was built without MPI and cannot share its work out: build it with "
                "-D QFA_WITH_MPI=ON, or start one");
  }
#endif
}

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
