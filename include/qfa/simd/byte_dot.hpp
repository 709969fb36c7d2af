// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_BYTE_DOT_HPP
#define QFA_SIMD_BYTE_DOT_HPP

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "qfa/simd/batch.hpp"

#if defined(__AVX512F__) && defined(__AVX512VNNI__)
#include <immintrin.h>
#define QFA_SIMD_HAS_VNNI 1
#else
#define QFA_SIMD_HAS_VNNI 0
#endif

namespace qfa::simd {

/// Dot products of bytes, sixteen at a time: what a processor offers beside its float arithmetic, and the one place
/// that spells it in intrinsics, since xsimd has no name for it.
///
///   lane i of add(sums, left, right) = sum_i + sum over b in [0, 4) of left[b] right[4 i + b]
///
/// with the four bytes of `left` in [0, 255], the sixty-four of `right` in [-128, 127], and the sums of 32 bits that
/// must not overflow.  Integers: there is no rounding, no flush to zero, and no order to speak of.
template <class D>
concept byte_dot = requires(typename D::sums sums, const typename D::right& right, const std::uint8_t* left,
                            const std::int8_t* bytes, const std::int32_t* start, float* out) {
  { D::start(start) } -> std::same_as<typename D::sums>;
  { D::load(bytes) } -> std::same_as<typename D::right>;
  { D::add(sums, left, right) } -> std::same_as<typename D::sums>;
  D::store_as_floats(sums, out);
};

/// Lanes of every byte_dot.
inline constexpr std::size_t byte_dot_lanes = 16;

/// What a byte_dot means, in plain C++: for tests, not for speed.
struct portable_bytes {
  using sums = std::array<std::int32_t, byte_dot_lanes>;
  using right = std::array<std::int8_t, 4 * byte_dot_lanes>;

  static sums start(const std::int32_t* from) noexcept {
    sums out;
    std::memcpy(out.data(), from, sizeof out);
    return out;
  }
  static right load(const std::int8_t* from) noexcept {
    right out;
    std::memcpy(out.data(), from, sizeof out);
    return out;
  }
  static sums add(sums s, const std::uint8_t* left, const right& b) noexcept {
    for (std::size_t i = 0; i < s.size(); ++i)
      for (std::size_t j = 0; j < 4; ++j)
        s[i] += static_cast<std::int32_t>(left[j]) * static_cast<std::int32_t>(b[4 * i + j]);
    return s;
  }
  /// Rounded to nearest.
  static void store_as_floats(const sums& s, float* to) noexcept {
    for (std::size_t i = 0; i < s.size(); ++i)
      to[i] = static_cast<float>(s[i]);
  }
};
static_assert(byte_dot<portable_bytes>);

#if QFA_SIMD_HAS_VNNI
/// AVX-512 VNNI: 64 multiply-adds an instruction, four times what fused multiply-adds of floats do (measured on Zen 4:
/// 469 against 117 billion operations a second).
struct vnni_bytes {
  using sums = __m512i;
  using right = __m512i;

  static sums start(const std::int32_t* from) noexcept { return _mm512_loadu_si512(from); }
  static right load(const std::int8_t* from) noexcept { return _mm512_loadu_si512(from); }
  static sums add(sums s, const std::uint8_t* left, const right& b) noexcept {
    std::int32_t four;
    std::memcpy(&four, left, sizeof four);
    const __m512i a = _mm512_set1_epi32(four);
#if defined(__GNUC__)
    // Not the intrinsic: g++ 12 copies its sums around and runs out of registers, at a third of the speed.
    asm("vpdpbusd %2, %1, %0" : "+v"(s) : "v"(a), "v"(b));
    return s;
#else
    return _mm512_dpbusd_epi32(s, a, b);
#endif
  }
  static void store_as_floats(const sums& s, float* to) noexcept {
    // With a mask of ones: g++ 12 warns of the plain form, inside its own header.
    _mm512_storeu_ps(to, _mm512_maskz_cvtepi32_ps(0xffff, s));
  }
};
static_assert(byte_dot<vnni_bytes>);
#endif

/// Where there are no dot products of bytes.
struct no_bytes {};

namespace detail {

template <class Arch>
struct best_byte_dot {
#if QFA_SIMD_HAS_VNNI
  using type = std::conditional_t<has_avx512<Arch>, vnni_bytes, no_bytes>;
#else
  using type = no_bytes;
#endif
};

}  // namespace detail

/// What Arch has under the compiler's flags.
template <class Arch>
using best_byte_dot = typename detail::best_byte_dot<Arch>::type;

}  // namespace qfa::simd

#endif
