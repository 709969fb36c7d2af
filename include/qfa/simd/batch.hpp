// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_BATCH_HPP
#define QFA_SIMD_BATCH_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "qfa/core/ieee.hpp"

// The one place that knows xsimd.  Everything below is the part of it that means the same from 8.1 (Debian 12) to 14.
#include <xsimd/xsimd.hpp>

namespace qfa::simd {

namespace detail {

template <class Arch>
struct is_fma3 : std::false_type {};
template <class Arch>
struct is_fma3<xsimd::fma3<Arch>> : std::true_type {};

}  // namespace detail

/// Whether Arch has the registers and the instructions of AVX-512's foundation, or those of NEON on 64-bit ARM: 32
/// registers either.
template <class Arch>
inline constexpr bool has_avx512 = std::is_base_of_v<xsimd::avx512f, Arch>;
template <class Arch>
inline constexpr bool has_neon64 = std::is_base_of_v<xsimd::neon64, Arch>;

/// Whether `fma` below rounds once on Arch.  Where it does, every kernel here has the same bits as its scalar twin; on
/// plain SSE or AVX it multiplies, rounds and adds: right to the stated error, but with bits of its own.
template <class Arch>
inline constexpr bool has_fma = detail::is_fma3<Arch>::value || has_avx512<Arch> || has_neon64<Arch>;

/// The widest instruction set that the compiler's flags allow.  Some xsimd releases rank a set above AVX2+FMA that does
/// not know FMA (AVX-VNNI); then AVX2+FMA is the better one.
using best_arch = std::conditional_t<!has_fma<xsimd::default_arch> && xsimd::fma3<xsimd::avx2>::supported(),
                                     xsimd::fma3<xsimd::avx2>, xsimd::default_arch>;

/// A register of floats.
template <class Arch = best_arch>
using floats = xsimd::batch<float, Arch>;

/// A register of doubles: half as many.
template <class Arch = best_arch>
using doubles = xsimd::batch<double, Arch>;

/// A register of as many 32-bit integers.
template <class Arch = best_arch>
using integers = xsimd::batch<std::uint32_t, Arch>;

/// Which lanes of a register a condition holds in.
template <class Arch = best_arch>
using lanes = xsimd::batch_bool<float, Arch>;

/// Floats in one register.
template <class Arch = best_arch>
inline constexpr std::size_t width = floats<Arch>::size;

/// Bytes to which packed arrays are aligned: one cache line, and one register of the widest set.
inline constexpr std::size_t alignment = 64;

/// x y + z.  Every kernel takes this one and never `xsimd::fma`, which in 8.1 does not know AVX-512's instruction and
/// rounds twice.
template <class Arch>
floats<Arch> fma(const floats<Arch>& x, const floats<Arch>& y, const floats<Arch>& z) noexcept {
#if XSIMD_WITH_AVX512F
  if constexpr (has_avx512<Arch>)
    return _mm512_fmadd_ps(x, y, z);
  else
#endif
    return xsimd::fma(x, y, z);
}
template <class Arch>
doubles<Arch> fma(const doubles<Arch>& x, const doubles<Arch>& y, const doubles<Arch>& z) noexcept {
#if XSIMD_WITH_AVX512F
  if constexpr (has_avx512<Arch>)
    return _mm512_fmadd_pd(x, y, z);
  else
#endif
    return xsimd::fma(x, y, z);
}

/// x where the condition holds, and y elsewhere.
template <class Arch>
floats<Arch> select_lanes(const lanes<Arch>& which, const floats<Arch>& x, const floats<Arch>& y) noexcept {
  return xsimd::select(which, x, y);
}

/// |x|.
template <class Arch>
floats<Arch> magnitudes(const floats<Arch>& x) noexcept {
  return xsimd::abs(x);
}

/// The bits of one kind of register as the other's.
template <class Arch>
integers<Arch> as_integers(const floats<Arch>& x) noexcept {
#if XSIMD_VERSION_MAJOR >= 11
  return xsimd::bitwise_cast<std::uint32_t>(x);
#else
  return xsimd::bitwise_cast<integers<Arch>>(x);
#endif
}
template <class Arch>
floats<Arch> as_floats(const integers<Arch>& x) noexcept {
#if XSIMD_VERSION_MAJOR >= 11
  return xsimd::bitwise_cast<float>(x);
#else
  return xsimd::bitwise_cast<floats<Arch>>(x);
#endif
}

template <class Arch>
floats<Arch> load(const float* from) noexcept {
  return floats<Arch>::load_unaligned(from);
}

/// The first `count` < width floats at `from`, and `pad` in the lanes behind them; nothing is read past `count`.
template <class Arch>
floats<Arch> load_first(const float* from, std::size_t count, float pad = 0.0f) noexcept {
  alignas(alignment) float lane[width<Arch>];
  std::fill_n(lane, width<Arch>, pad);
  std::copy_n(from, count, lane);
  return floats<Arch>::load_aligned(lane);
}

/// The first `count` lanes of x; nothing is written past them.
template <class Arch>
void store_first(const floats<Arch>& x, float* to, std::size_t count) noexcept {
  alignas(alignment) float lane[width<Arch>];
  x.store_aligned(lane);
  std::copy_n(lane, count, to);
}

/// The first `valid` lanes from `from`, zeros behind them; and those lanes to `to`.
template <class Arch>
floats<Arch> load_valid(const float* from, std::size_t valid) noexcept {
  return valid == width<Arch> ? load<Arch>(from) : load_first<Arch>(from, valid);
}
template <class Arch>
void store_valid(const floats<Arch>& x, float* to, std::size_t valid) noexcept {
  if (valid == width<Arch>)
    x.store_unaligned(to);
  else
    store_first<Arch>(x, to, valid);
}

/// Lane i as bit i.
template <class Arch>
std::uint32_t bits_of(const lanes<Arch>& which) noexcept {
#if XSIMD_WITH_AVX512F
  if constexpr (has_avx512<Arch>)
    return static_cast<__mmask16>(typename lanes<Arch>::register_type(which));
  else
#endif
  {
    bool lane[width<Arch>];
    which.store_unaligned(lane);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < width<Arch>; ++i)
      bits |= static_cast<std::uint32_t>(lane[i]) << i;
    return bits;
  }
}

/// Numbers that begin on a cache line.
template <class T>
using aligned_vector = std::vector<T, xsimd::aligned_allocator<T, alignment>>;
using aligned_floats = aligned_vector<float>;
using aligned_doubles = aligned_vector<double>;

}  // namespace qfa::simd

#endif
