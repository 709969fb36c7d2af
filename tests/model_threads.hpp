// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MODEL_THREADS_HPP
#define QFA_TESTS_MODEL_THREADS_HPP

#ifdef _OPENMP
#include <omp.h>
#endif

namespace qfa_test {

/// Runs `check` on 1, 2, 3 and 8 threads; once where there is no OpenMP.
template <class Check>
void for_each_thread_count(Check check) {
#ifdef _OPENMP
  const int before = omp_get_max_threads();
  for (const int threads : {1, 2, 3, 8}) {
    omp_set_num_threads(threads);
    check();
  }
  omp_set_num_threads(before);
#else
  check();
#endif
}

}  // namespace qfa_test

#endif
