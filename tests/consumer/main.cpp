// SPDX-License-Identifier: Apache-2.0
#include <qfa/qfa.hpp>

#ifdef QFA_HAS_NPZ
#include <qfa/io/npz.hpp>
#endif

#ifdef QFA_HAS_MPI
#include <qfa/mpi/communicator.hpp>
#endif

#include <cstdio>
#include <vector>

int main() {
  std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  const qfa::matrix_view<float> m(numbers.data(), 2, 3);
  std::printf("qfa %s\n", qfa::version);
  return m(1, 2) == 6.0f ? 0 : 1;
}
