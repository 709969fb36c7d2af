// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_PARALLEL_HPP
#define QFA_CORE_PARALLEL_HPP

#include <cstddef>
#include <exception>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace qfa {

/// How many threads a parallel region would get: 1 without OpenMP.
inline std::size_t thread_count() noexcept {
#ifdef _OPENMP
  return static_cast<std::size_t>(omp_get_max_threads());
#else
  return 1;
#endif
}

/// Calls `body(i)` once for every i in [0, n), on all threads, in no order.
///
/// Bodies must write to disjoint places.  The first exception by index order that a body throws is rethrown here, after all bodies have
/// ended: an exception that leaves an OpenMP region would end the program.
template <class Body>
void parallel_for(std::size_t n, Body body) {
  std::exception_ptr thrown;
  std::size_t thrower = n;
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic)
#endif
  for (std::size_t i = 0; i < n; ++i) {
    try {
      body(i);
    } catch (...) {
#ifdef _OPENMP
#pragma omp critical(qfa_parallel_for)
#endif
      if (i < thrower) {
        thrower = i;
        thrown = std::current_exception();
      }
    }
  }
  if (thrown) std::rethrow_exception(thrown);
}

/// Fills one copy of `empty` per block of [0, n), then merges them in block order.
///
/// Block boundaries depend on `block` alone, so the result is bit for bit the same on one thread and on sixty-four.
template <class A, class Fill>
A parallel_fold(std::size_t n, std::size_t block, const A& empty, Fill fill) {
  const std::size_t blocks = block == 0 ? 0 : (n + block - 1) / block;
  std::vector<A> parts(blocks, empty);
  parallel_for(blocks, [&](std::size_t b) {
    const std::size_t first = b * block;
    fill(parts[b], first, n - first < block ? n : first + block);
  });
  A all = empty;
  for (const A& part : parts) all += part;
  return all;
}

}  // namespace qfa

#endif
