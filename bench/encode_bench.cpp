// SPDX-License-Identifier: Apache-2.0
// Encode, from activations to sparse codes, on one thread: against its scalar twin, against the bare product, and
// against what one would write with OpenBLAS (sgemm into a dense matrix, then a scan of it).  Health beside it.
#include "assert_release.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#ifdef QFA_HAS_OPENBLAS
#include <cblas.h>
extern "C" void openblas_set_num_threads(int);
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#include "qfa/sae/decode.hpp"
#include "qfa/sae/encode.hpp"
#include "qfa/sae/health.hpp"

namespace {

using qfa::matrix_view;

/// Normal pre-activations of unit variance and a threshold at which about 64 features of 16,384 fire on a token.
struct problem {
  std::size_t tokens, d, features;
  qfa::sae s;
  std::vector<float> x;

  explicit problem(const benchmark::State& state, qfa::activation_kind activation = qfa::activation_kind::jump_relu)
      : tokens(static_cast<std::size_t>(state.range(0))),
        d(static_cast<std::size_t>(state.range(1))),
        features(static_cast<std::size_t>(state.range(2))) {
#ifdef _OPENMP
    omp_set_num_threads(1);
#endif
    std::mt19937 bits(1);
    std::normal_distribution<float> normal;
    const float shrink = 1.0f / std::sqrt(static_cast<float>(d));
    s.activation = activation;
    s.d_in = d;
    s.d_sae = features;
    s.k = 64;
    s.w_enc.resize(d * features);
    for (float& w : s.w_enc)
      w = shrink * normal(bits);
    s.w_dec = s.w_enc;
    s.b_enc.assign(features, 0.0f);
    s.b_dec.assign(d, 0.0f);
    s.threshold.assign(features, 2.66f);
    x.resize(tokens * d);
    for (float& v : x)
      v = normal(bits);
  }
  matrix_view<const float> view() const { return {x.data(), tokens, d}; }
  void count(benchmark::State& state) const {
    const double flops = 2.0 * static_cast<double>(tokens) * static_cast<double>(d) * static_cast<double>(features);
    state.counters["flop/s"] =
        benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
    state.SetItemsProcessed(state.iterations() * state.range(0));
  }
};

template <class Arch>
void encode(benchmark::State& state, qfa::activation_kind activation) {
  const problem p(state, activation);
  const qfa::encoder<Arch> encode(p.s);
  std::size_t firings = 0;
  for (auto _ : state) {
    const auto codes = encode(p.view());
    firings = codes.firings();
    benchmark::DoNotOptimize(firings);
  }
  state.counters["L0"] = static_cast<double>(firings) / static_cast<double>(p.tokens);
  p.count(state);
}

void encode_widest(benchmark::State& state, qfa::activation_kind activation) {
  encode<qfa::simd::best_arch>(state, activation);
}
#if XSIMD_WITH_AVX512F
void encode_avx2(benchmark::State& state) { encode<xsimd::fma3<xsimd::avx2>>(state, qfa::activation_kind::jump_relu); }
#endif

/// The product alone, its results thrown away: what the epilogue costs is the difference.
void product(benchmark::State& state) {
  const problem p(state);
  const auto b = qfa::simd::pack(matrix_view<const float>(p.s.w_enc.data(), p.d, p.features));
  for (auto _ : state) {
    qfa::simd::floats<> all(0.0f);
    qfa::simd::gemm_block(p.view(), b, p.features,
                          [&](std::size_t, std::size_t, const qfa::simd::floats<>& z, std::size_t) { all += z; });
    benchmark::DoNotOptimize(all);
  }
  p.count(state);
}

#ifdef QFA_HAS_OPENBLAS
void openblas_sgemm(benchmark::State& state, bool scan) {
  const problem p(state);
  openblas_set_num_threads(1);
  std::vector<float> z(p.tokens * p.features);
  const auto i = [](std::size_t n) { return static_cast<blasint>(n); };
  for (auto _ : state) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, i(p.tokens), i(p.features), i(p.d), 1.0f, p.x.data(), i(p.d),
                p.s.w_enc.data(), i(p.features), 0.0f, z.data(), i(p.features));
    benchmark::ClobberMemory();
    if (!scan) continue;
    qfa::sparse_codes codes(p.features);
    for (std::size_t t = 0; t < p.tokens; ++t) {
      for (std::size_t j = 0; j < p.features; ++j)
        if (z[t * p.features + j] > p.s.threshold[j]) codes.push(static_cast<std::uint32_t>(j), z[t * p.features + j]);
      codes.end_token();
    }
    benchmark::DoNotOptimize(codes.firings());
  }
  p.count(state);
}
#endif

void scalar_twin(benchmark::State& state) {
  const problem p(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(qfa::ref::encode(p.s, p.view()).firings());
  p.count(state);
}

void decode_and_health(benchmark::State& state) {
  const problem p(state);
  const auto codes = qfa::encoder<>(p.s)(p.view());
  std::vector<float> y(p.x.size());
  qfa::sae_health health;
  for (auto _ : state) {
    qfa::decode(p.s, codes, matrix_view<float>(y.data(), p.tokens, p.d));
    health(p.view(), codes, matrix_view<const float>(y.data(), p.tokens, p.d));
    benchmark::DoNotOptimize(health.fvu());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"tokens", "d", "features"})->Unit(benchmark::kMillisecond);
  b->Args({512, 64, 768})->Args({256, 512, 32768})->Args({256, 768, 16384})->Args({256, 2304, 16384});
}

}  // namespace

BENCHMARK_CAPTURE(encode_widest, jump_relu, qfa::activation_kind::jump_relu)->Apply(shapes);
BENCHMARK_CAPTURE(encode_widest, top_k, qfa::activation_kind::top_k)->Apply(shapes);
#if XSIMD_WITH_AVX512F
BENCHMARK(encode_avx2)->Apply(shapes);
#endif
BENCHMARK(product)->Apply(shapes);
#ifdef QFA_HAS_OPENBLAS
BENCHMARK_CAPTURE(openblas_sgemm, alone, false)->Apply(shapes);
BENCHMARK_CAPTURE(openblas_sgemm, and_scan, true)->Apply(shapes);
#endif
BENCHMARK(decode_and_health)->Apply(shapes);
BENCHMARK(scalar_twin)->ArgNames({"tokens", "d", "features"})->Unit(benchmark::kMillisecond)->Args({64, 64, 768});

BENCHMARK_MAIN();
