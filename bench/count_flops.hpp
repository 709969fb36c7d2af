// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BENCH_COUNT_FLOPS_HPP
#define QFA_BENCH_COUNT_FLOPS_HPP

#include <benchmark/benchmark.h>

#include "fma_peak.hpp"

namespace qfa_bench {

/// A rate, and the rate as a share of the peak that this thread reaches now.
inline void count_flops(benchmark::State& state, double flops) {
  using benchmark::Counter;
  state.counters["flop/s"] = Counter(flops, Counter::kIsIterationInvariantRate, Counter::kIs1000);
  state.counters["of_peak"] = Counter(flops / fma_peak_flops(), Counter::kIsIterationInvariantRate);
}

}  // namespace qfa_bench

#endif
