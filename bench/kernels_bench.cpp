// SPDX-License-Identifier: Apache-2.0
// Reductions and transcendental functions against their scalar twins and against the C library, at two widths.
#include "assert_release.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"

namespace {

namespace simd = qfa::simd;

std::vector<float> inputs(std::size_t n) {
  std::mt19937 bits(1);
  std::normal_distribution<float> normal;
  std::vector<float> xs(n);
  for (float& x : xs)
    x = 2.0f * normal(bits);
  return xs;
}

/// One number out of two arrays.
template <class F>
void reduce(benchmark::State& state, F f) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto a = inputs(n), b = inputs(n);
  for (auto _ : state)
    benchmark::DoNotOptimize(f(std::span<const float>(a), std::span<const float>(b)));
  state.SetBytesProcessed(state.iterations() * state.range(0) * 4);
}

/// One array out of another.
template <class F>
void map(benchmark::State& state, F f) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto x = inputs(n);
  std::vector<float> y(n);
  for (auto _ : state) {
    f(std::span<const float>(x), std::span<float>(y));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <class F>
auto one_by_one(F f) {
  return [f](std::span<const float> x, std::span<float> y) {
    for (std::size_t i = 0; i < x.size(); ++i)
      y[i] = f(x[i]);
  };
}
template <class Arch, class F>
auto vectors(F f) {
  return [f](std::span<const float> x, std::span<float> y) { simd::transform<Arch>(y, f, x.data()); };
}

void add(const char* name, auto run) { benchmark::RegisterBenchmark(name, run)->Arg(64)->Arg(4096); }

template <class Arch>
void add_arch(const std::string& arch) {
  using batch = simd::floats<Arch>;
  const auto named = [&](const char* name) { return std::string(name) + "/" + arch; };
  add(named("dot").c_str(), [](auto& s) { reduce(s, [](auto a, auto b) { return simd::dot<Arch>(a, b); }); });
  add(named("absmax").c_str(), [](auto& s) { reduce(s, [](auto a, auto) { return simd::absmax<Arch>(a); }); });
  add(named("sum").c_str(), [](auto& s) { reduce(s, [](auto a, auto) { return simd::sum<Arch>(a); }); });
  add(named("exp").c_str(), [](auto& s) { map(s, vectors<Arch>([](const batch& x) { return simd::exp(x); })); });
  add(named("tanh").c_str(), [](auto& s) { map(s, vectors<Arch>([](const batch& x) { return simd::tanh(x); })); });
  add(named("erf").c_str(), [](auto& s) { map(s, vectors<Arch>([](const batch& x) { return simd::erf(x); })); });
  add(named("gelu").c_str(), [](auto& s) { map(s, vectors<Arch>([](const batch& x) { return simd::gelu(x); })); });
}

}  // namespace

int main(int argc, char** argv) {
  add_arch<simd::best_arch>("widest");
#if XSIMD_WITH_AVX512F
  add_arch<xsimd::fma3<xsimd::avx2>>("avx2");
#endif
  add("dot/ref", [](auto& s) { reduce(s, [](auto a, auto b) { return simd::ref::dot(a, b); }); });
  add("absmax/ref", [](auto& s) { reduce(s, [](auto a, auto) { return simd::ref::absmax(a); }); });
  add("sum/ref", [](auto& s) { reduce(s, [](auto a, auto) { return simd::ref::sum(a); }); });
  add("exp/ref", [](auto& s) { map(s, one_by_one(simd::ref::exp)); });
  add("tanh/ref", [](auto& s) { map(s, one_by_one(simd::ref::tanh)); });
  add("erf/ref", [](auto& s) { map(s, one_by_one(simd::ref::erf)); });
  add("gelu/ref", [](auto& s) { map(s, one_by_one(simd::ref::gelu)); });
  add("exp/libm", [](auto& s) { map(s, one_by_one([](float x) { return std::exp(x); })); });
  add("tanh/libm", [](auto& s) { map(s, one_by_one([](float x) { return std::tanh(x); })); });
  add("erf/libm", [](auto& s) { map(s, one_by_one([](float x) { return std::erf(x); })); });
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
