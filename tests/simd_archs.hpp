// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SIMD_ARCHS_HPP
#define QFA_TESTS_SIMD_ARCHS_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "qfa/simd/batch.hpp"

// The instruction sets that a kernel is tested on, for TEST_CASE_TEMPLATE: the widest, and what is narrower than it as
// far as the compiler's flags allow.  SSE2 has no FMA and is held to an error bound instead of to the bits.
#if XSIMD_WITH_AVX512F
#define QFA_TEST_ARCHS qfa::simd::best_arch, xsimd::fma3<xsimd::avx2>, xsimd::sse2
#elif XSIMD_WITH_SSE2
#define QFA_TEST_ARCHS qfa::simd::best_arch, xsimd::sse2
#else
#define QFA_TEST_ARCHS qfa::simd::best_arch
#endif

namespace qfa_test {

/// The same float to the last bit, any NaN being like any other.
inline bool same_bits(float a, float b) {
  return (a != a && b != b) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

/// Reproducible floats around zero, of magnitudes from 2^-6 to 2^6.
inline std::vector<float> random_floats(std::size_t count, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<float> xs(count);
  for (float& x : xs) {
    const float unit = static_cast<float>(bits() >> 8) / 8388608.0f - 1.0f;
    x = unit * std::bit_cast<float>(static_cast<std::uint32_t>((121u + bits() % 13u) << 23));
  }
  return xs;
}

}  // namespace qfa_test

#endif
