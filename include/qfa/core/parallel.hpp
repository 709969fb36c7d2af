// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_PARALLEL_HPP
#define QFA_CORE_PARALLEL_HPP

#include <cstddef>
#include <exception>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "qfa/core/ieee.hpp"

namespace qfa {

/// How many threads a parallel region would get: 1 without OpenMP.
inline std::size_t thread_count() noexcept {
#ifdef _OPENMP
  return static_cast<std::size_t>(omp_get_max_threads());
#else
  return 1;
#endif
}

/// Asks for `threads` threads from here on (at least 1); does nothing without OpenMP.  No result depends on it.
inline void set_thread_count([[maybe_unused]] std::size_t threads) noexcept {
#ifdef _OPENMP
  omp_set_num_threads(threads == 0 ? 1 : static_cast<int>(threads));
#endif
}

/// Calls `body(i)` once for every i in [0, n), on all threads, in no order.
///
/// Bodies must write to disjoint places.  An exception that left an OpenMP region would end the program, so each is
/// caught where it is thrown; after all bodies have ended, that of the smallest i is rethrown here.
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

/// Fills one copy of `empty` per block of [0, n) by `fill(part, first, last)`, then merges them in block order.
///
/// Block boundaries depend on `block` alone, so the result is bit for bit the same on one thread and on sixty-four.
/// Blocks are filled a wave at a time, a few for each thread: memory holds a wave of parts, however large n is.
/// A `block` of 0 means one block.
template <class A, class Fill>
A parallel_fold(std::size_t n, std::size_t block, const A& empty, Fill fill) {
  if (block == 0) block = n;
  const std::size_t wave = 4 * thread_count();
  A all = empty;
  for (std::size_t first_of_wave = 0; first_of_wave < n;) {
    const std::size_t left = n - first_of_wave;
    const std::size_t blocks = left / block + (left % block != 0 ? 1 : 0);
    std::vector<A> parts(blocks < wave ? blocks : wave, empty);
    parallel_for(parts.size(), [&](std::size_t b) {
      const std::size_t first = first_of_wave + b * block;
      fill(parts[b], first, n - first < block ? n : first + block);
    });
    for (const A& part : parts) all += part;
    first_of_wave = parts.size() < blocks ? first_of_wave + parts.size() * block : n;
  }
  return all;
}

}  // namespace qfa

#endif
