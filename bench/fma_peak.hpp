// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BENCH_FMA_PEAK_HPP
#define QFA_BENCH_FMA_PEAK_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include "qfa/simd/batch.hpp"

namespace qfa_bench {

namespace detail {

/// Lets the compiler believe that x, a register, has changed: it can neither merge sums nor keep one in memory.
template <class Arch>
[[gnu::always_inline]] inline void keep_in_register(qfa::simd::floats<Arch>& x) noexcept {
#if defined(__AVX512F__)
  asm volatile("" : "+v"(x.data));
#elif defined(__SSE2__)
  asm volatile("" : "+x"(x.data));
#else
  asm volatile("" : "+w"(x.data));
#endif
}

/// One step of a sum.
template <class Arch>
[[gnu::always_inline]] inline void multiply_add(qfa::simd::floats<Arch>& sum, const qfa::simd::floats<Arch>& factor,
                                                const qfa::simd::floats<Arch>& term) noexcept {
  sum = qfa::simd::fma(sum, factor, term);
  keep_in_register<Arch>(sum);
}

// Never inlined: within a `main`, which runs once, g++ optimizes for size and calls a function for each step.
template <class Arch, std::size_t... Sum>
[[gnu::noinline]] float multiply_add(std::size_t steps, std::index_sequence<Sum...>) noexcept {
  using batch = qfa::simd::floats<Arch>;
  batch sum[sizeof...(Sum)];
  ((sum[Sum] = batch(1.0f + static_cast<float>(Sum))), ...);
  batch factor(0.999f), term(0.1f);
  keep_in_register<Arch>(factor);
  keep_in_register<Arch>(term);
  for (std::size_t i = 0; i < steps; ++i)
    (multiply_add<Arch>(sum[Sum], factor, term), ...);
  batch all(0.0f);
  ((all = all + sum[Sum]), ...);
  return all.get(0);
}

}  // namespace detail

/// The most fp32 operations that one thread does in a second when nothing but its multiply-add units limits it, a
/// multiply-add counting two: the best of a few runs of 0.02 s, so that a neighbor's noise counts little.
///
/// Twelve sums that do not depend on each other hide the latency (4 cycles, 2 units at most), and with a factor and a
/// term fit AVX2's 16 registers.  Each begins at another value and passes an empty instruction: a compiler that merged
/// equal sums would report more than the machine has, one that spilled them (g++ 12 does with an array that it
/// indexes in a loop) a quarter of it.
template <class Arch = qfa::simd::best_arch>
double fma_peak_flops() {
  constexpr std::size_t sums = 12, steps = 100'000;
  constexpr double flops = 2.0 * static_cast<double>(sums * steps * qfa::simd::width<Arch>);
  double best = 0.0;
  volatile float seen = 0.0f;
  for (int run = 0; run < 50; ++run) {
    const auto start = std::chrono::steady_clock::now();
    seen = seen + detail::multiply_add<Arch>(steps, std::make_index_sequence<sums>{});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = (std::max)(best, flops / took.count());
  }
  return best;
}

}  // namespace qfa_bench

#endif
