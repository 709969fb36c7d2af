// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/batch.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "simd_archs.hpp"

namespace simd_batch_test {

namespace simd = qfa::simd;

TEST_CASE_TEMPLATE("fma: rounds once wherever has_fma says so", Arch, QFA_TEST_ARCHS) {
  // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: the last term is lost to rounding unless it survives until 1 is subtracted.
  volatile float almost_one = 1.0f + 0x1p-12f;
  const simd::floats<Arch> x(almost_one);
  alignas(64) float lane[16];
  simd::fma(x, x, simd::floats<Arch>(-1.0f)).store_aligned(lane);
  if (simd::has_fma<Arch>) CHECK(lane[0] == 0x1p-11f + 0x1p-24f);
}

TEST_CASE("best_arch: knows FMA wherever the compiler's flags allow it") {
#if defined(__FMA__) || defined(__aarch64__)
  CHECK(simd::has_fma<simd::best_arch>);
#endif
  CHECK_FALSE(simd::has_fma<xsimd::sse2>);
}

TEST_CASE_TEMPLATE("load_first and store_first: touch nothing past the end", Arch, QFA_TEST_ARCHS) {
  for (std::size_t count = 0; count <= simd::width<Arch>; ++count) {
    // Exactly `count` floats: the sanitizer sees a read or a write past them.
    std::vector<float> from(count), to(count, -1.0f);
    for (std::size_t i = 0; i < count; ++i)
      from[i] = static_cast<float>(i + 1);
    const auto x = simd::load_first<Arch>(from.data(), count, 7.0f);
    alignas(64) float lane[16];
    x.store_aligned(lane);
    for (std::size_t i = 0; i < simd::width<Arch>; ++i)
      CHECK(lane[i] == (i < count ? from[i] : 7.0f));
    simd::store_first<Arch>(x, to.data(), count);
    CHECK(to == from);
  }
}

TEST_CASE_TEMPLATE("load_valid and store_valid: take a whole register as well", Arch, QFA_TEST_ARCHS) {
  for (std::size_t count = 0; count <= simd::width<Arch>; ++count) {
    std::vector<float> from(count, 3.0f), to(count, -1.0f);
    const auto x = simd::load_valid<Arch>(from.data(), count);
    alignas(64) float lane[16];
    x.store_aligned(lane);
    for (std::size_t i = 0; i < simd::width<Arch>; ++i)
      CHECK(lane[i] == (i < count ? 3.0f : 0.0f));
    simd::store_valid<Arch>(x, to.data(), count);
    CHECK(to == from);
  }
}

TEST_CASE_TEMPLATE("select_lanes and magnitudes: lane by lane, signs of zero included", Arch, QFA_TEST_ARCHS) {
  alignas(64) float from[16], lane[16];
  for (std::size_t i = 0; i < 16; ++i)
    from[i] = i % 2 == 0 ? -static_cast<float>(i) : static_cast<float>(i);  // from -0 on
  const auto x = simd::floats<Arch>::load_aligned(from);
  simd::magnitudes(x).store_aligned(lane);
  for (std::size_t i = 0; i < simd::width<Arch>; ++i) {
    CHECK(lane[i] == static_cast<float>(i));
    CHECK_FALSE(std::signbit(lane[i]));
  }
  simd::select_lanes<Arch>(x > simd::floats<Arch>(0.0f), x, simd::floats<Arch>(-7.0f)).store_aligned(lane);
  for (std::size_t i = 0; i < simd::width<Arch>; ++i)
    CHECK(lane[i] == (i % 2 == 0 ? -7.0f : static_cast<float>(i)));
}

TEST_CASE_TEMPLATE("bits_of: lane i is bit i, and what is no lane is no bit", Arch, QFA_TEST_ARCHS) {
  const simd::floats<Arch> zero(0.0f);
  CHECK(simd::bits_of<Arch>(zero > zero) == 0U);
  CHECK(simd::bits_of<Arch>(zero == zero) == (1U << simd::width<Arch>)-1U);
  for (std::size_t i = 0; i < simd::width<Arch>; ++i) {
    alignas(64) float x[16] = {};
    x[i] = 1.0f;
    CHECK(simd::bits_of<Arch>(simd::floats<Arch>::load_aligned(x) > zero) == 1U << i);
  }
}

TEST_CASE("has_avx512 and has_neon64: what the compiler's flags say of the widest set, and not of SSE2") {
#if defined(__AVX512F__)
  CHECK(simd::has_avx512<simd::best_arch>);
#else
  CHECK_FALSE(simd::has_avx512<simd::best_arch>);
#endif
#if defined(__x86_64__)
  CHECK_FALSE(simd::has_avx512<xsimd::sse2>);
  CHECK_FALSE(simd::has_neon64<simd::best_arch>);
#elif defined(__aarch64__)
  CHECK(simd::has_neon64<simd::best_arch>);
#endif
}

TEST_CASE("aligned_floats: begin on a cache line") {
  for (std::size_t n : {1u, 3u, 1000u}) {
    const simd::aligned_floats xs(n);
    CHECK(reinterpret_cast<std::uintptr_t>(xs.data()) % simd::alignment == 0);
  }
}

}  // namespace simd_batch_test
