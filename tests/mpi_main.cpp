// SPDX-License-Identifier: Apache-2.0
// Every rank runs every case; the launcher fails where one of them does.  MPI is begun once for all cases.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "qfa/mpi/communicator.hpp"

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  qfa::communicator all;
  const int status = context.run();
  all.finish();
  return status;
}
