// SPDX-License-Identifier: Apache-2.0
// The packed product against its scalar twin and against OpenBLAS's sgemm on the same shapes, on one thread each.
//
// Read the ratios, and from runs that alternate (--benchmark_enable_random_interleaving=true
// --benchmark_repetitions=5): bare numbers on a shared machine mean little.  OpenBLAS chooses its kernels when it is
// loaded; a chip that it does not know needs OPENBLAS_CORETYPE=SKYLAKEX for a fair comparison.
#include "assert_release.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <random>
#include <vector>

#ifdef QFA_HAS_OPENBLAS
#include <cblas.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#include "count_flops.hpp"
#include "qfa/simd/gemm.hpp"

#ifdef QFA_HAS_OPENBLAS
extern "C" void openblas_set_num_threads(int);
#endif

namespace {

using qfa::matrix_view;
namespace simd = qfa::simd;

std::vector<float> normal_floats(std::size_t count, unsigned seed) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> normal;
  std::vector<float> xs(count);
  for (float& x : xs)
    x = normal(bits);
  return xs;
}

/// x (tokens, d_in) and w (d_in, features), the shapes of an encode.
struct problem {
  std::size_t m, k, n;
  std::vector<float> x, w, out;
  explicit problem(const benchmark::State& state)
      : m(static_cast<std::size_t>(state.range(0))),
        k(static_cast<std::size_t>(state.range(1))),
        n(static_cast<std::size_t>(state.range(2))),
        x(normal_floats(m * k, 1)),
        w(normal_floats(k * n, 2)),
        out(m * n) {}
  matrix_view<const float> x_view() const { return {x.data(), m, k}; }
  matrix_view<const float> w_view() const { return {w.data(), k, n}; }
  void count_flops(benchmark::State& state) const {
    const double flops = 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n);
    qfa_bench::count_flops(state, flops);
  }
};

/// The innermost loop with everything in the first-level cache: the most that the product could reach.
void tile_alone(benchmark::State& state) {
  constexpr std::size_t w = simd::width<>;
  simd::aligned_floats b(2 * w * 64), x(12 * 64), out(24 * w);
  for (std::size_t i = 0; i < b.size(); ++i)
    b[i] = 1.0f + static_cast<float>(i % 7) * 1e-3f;
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i % 5) * 1e-3f;
  for (auto _ : state) {
    simd::detail::tile_kernels<simd::best_arch>.back()(x.data(), b.data(), 64, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  qfa_bench::count_flops(state, 2.0 * 64.0 * static_cast<double>(simd::tile_shape<simd::best_arch>::rows * 2 * w));
}

template <class Arch>
void packed(benchmark::State& state) {
  problem p(state);
  const auto b = simd::pack<Arch>(p.w_view());
#ifdef _OPENMP
  omp_set_num_threads(1);
#endif
  for (auto _ : state) {
    simd::multiply(p.x_view(), b, matrix_view<float>(p.out.data(), p.m, p.n));
    benchmark::ClobberMemory();
  }
  p.count_flops(state);
}

#ifdef QFA_HAS_OPENBLAS
void openblas(benchmark::State& state) {
  problem p(state);
  openblas_set_num_threads(1);
  const auto i = [](std::size_t s) { return static_cast<blasint>(s); };
  for (auto _ : state) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, i(p.m), i(p.n), i(p.k), 1.0f, p.x.data(), i(p.k), p.w.data(),
                i(p.n), 0.0f, p.out.data(), i(p.n));
    benchmark::ClobberMemory();
  }
  p.count_flops(state);
}
#endif

void scalar_twin(benchmark::State& state) {
  problem p(state);
  for (auto _ : state) {
    simd::ref::multiply(p.x_view(), p.w_view(), matrix_view<float>(p.out.data(), p.m, p.n));
    benchmark::ClobberMemory();
  }
  p.count_flops(state);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"m", "k", "n"})->Unit(benchmark::kMillisecond);
  b->Args({256, 64, 768})->Args({256, 512, 32768})->Args({256, 768, 16384})->Args({256, 2304, 16384});
  b->Args({512, 768, 768})->Args({512, 3072, 768})->Args({512, 64, 512});
  b->Args({1, 768, 3072})->Args({4, 768, 3072})->Args({8, 768, 3072});
}

}  // namespace

BENCHMARK(tile_alone);
BENCHMARK(packed<qfa::simd::best_arch>)->Apply(shapes)->Name("packed");
#if XSIMD_WITH_AVX512F
BENCHMARK(packed<xsimd::fma3<xsimd::avx2>>)->Apply(shapes)->Name("packed_avx2");
#endif
#ifdef QFA_HAS_OPENBLAS
BENCHMARK(openblas)->Apply(shapes);
#endif
BENCHMARK(scalar_twin)->ArgNames({"m", "k", "n"})->Unit(benchmark::kMillisecond)->Args({64, 64, 768});

BENCHMARK_MAIN();
