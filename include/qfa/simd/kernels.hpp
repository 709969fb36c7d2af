// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_KERNELS_HPP
#define QFA_SIMD_KERNELS_HPP

#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "qfa/simd/batch.hpp"

namespace qfa::simd {

/// Every reduction runs in sixteen virtual lanes whatever the vector width: lane i takes the elements i, i + 16, ...;
/// then lane i takes in lane i + 8, then i + 4, i + 2, i + 1.  The result has the same bits on AVX2, AVX-512, NEON and
/// in plain C++.
inline constexpr std::size_t virtual_lanes = 16;

/// What each kernel means, one lane at a time.  Slow on purpose; the tests hold qfa::simd to it.
namespace ref {

/// Folds f(i) for i in [0, n) with `step` in virtual lanes that begin at `start`, and the lanes with `join`.
template <class Element, class Step, class Join>
float fold(std::size_t n, float start, Element element, Step step, Join join) {
  std::array<float, virtual_lanes> lane;
  lane.fill(start);
  for (std::size_t i = 0; i < n; ++i)
    lane[i % virtual_lanes] = step(lane[i % virtual_lanes], element(i));
  for (std::size_t half = virtual_lanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i)
      lane[i] = join(lane[i], lane[i + half]);
  return lane[0];
}

inline float plus(float a, float b) noexcept { return a + b; }
inline float larger(float a, float b) noexcept { return b > a ? b : a; }

inline float sum(std::span<const float> xs) noexcept {
  return fold(
      xs.size(), 0.0f, [&](std::size_t i) { return xs[i]; }, plus, plus);
}
inline float sum_of_squares(std::span<const float> xs) noexcept {
  return fold(
      xs.size(), 0.0f, [&](std::size_t i) { return xs[i]; }, [](float s, float x) { return std::fma(x, x, s); }, plus);
}
/// Sum of (x - center)^2.
inline float sum_of_squares_around(std::span<const float> xs, float center) noexcept {
  return fold(
      xs.size(), 0.0f, [&](std::size_t i) { return xs[i] - center; },
      [](float s, float d) { return std::fma(d, d, s); }, plus);
}
inline float dot(std::span<const float> a, std::span<const float> b) noexcept {
  return fold(
      a.size(), 0.0f, [](std::size_t i) { return i; }, [&](float s, std::size_t i) { return std::fma(a[i], b[i], s); },
      plus);
}
inline float(max)(std::span<const float> xs) noexcept {
  return fold(
      xs.size(), -std::numeric_limits<float>::infinity(), [&](std::size_t i) { return xs[i]; }, larger, larger);
}
inline float absmax(std::span<const float> xs) noexcept {
  return fold(
      xs.size(), 0.0f, [&](std::size_t i) { return std::fabs(xs[i]); }, larger, larger);
}
inline bool all_finite(std::span<const float> xs) noexcept {
  for (float x : xs)
    if (!std::isfinite(x)) return false;
  return true;
}
inline void axpy(float a, std::span<const float> xs, std::span<float> ys) noexcept {
  for (std::size_t i = 0; i < xs.size(); ++i)
    ys[i] = std::fma(a, xs[i], ys[i]);
}
inline void scale(float a, std::span<float> xs) noexcept {
  for (float& x : xs)
    x = a * x;
}
inline void add(std::span<const float> xs, std::span<float> ys) noexcept {
  for (std::size_t i = 0; i < xs.size(); ++i)
    ys[i] = ys[i] + xs[i];
}

}  // namespace ref

/// Folds `n` elements of one or more arrays with `step(lanes, elements...)`, then the lanes with `join`, in the virtual
/// lanes described above.
///
/// The ragged end takes the same path as the body, filled up with `pad`, which must leave `step` unmoved: 0 for a sum,
/// -inf for a maximum.
template <class Arch, class Step, class Join, class... Pointer>
float fold(std::size_t n, float start, float pad, Step step, Join join, Pointer... xs) noexcept {
  constexpr std::size_t w = width<Arch>;
  static_assert(virtual_lanes % w == 0, "a register must not be wider than the virtual lanes");
  constexpr std::size_t registers = virtual_lanes / w;
  std::array<floats<Arch>, registers> lane;
  lane.fill(floats<Arch>(start));
  std::size_t i = 0;
  for (; i + virtual_lanes <= n; i += virtual_lanes)
    for (std::size_t v = 0; v < registers; ++v)
      lane[v] = step(lane[v], load<Arch>(xs + i + v * w)...);
  for (std::size_t v = 0; i + v * w < n; ++v) {
    const std::size_t count = (std::min)(n - i - v * w, w);
    lane[v] = step(lane[v], load_first<Arch>(xs + i + v * w, count, pad)...);
  }
  alignas(alignment) std::array<float, virtual_lanes> all;
  for (std::size_t v = 0; v < registers; ++v)
    lane[v].store_aligned(all.data() + v * w);
  for (std::size_t half = virtual_lanes / 2; half > 0; half /= 2)
    for (std::size_t l = 0; l < half; ++l)
      all[l] = join(all[l], all[l + half]);
  return all[0];
}

/// ys[i] = f(xs[i], ...), a register at a time; ys may be one of the arrays that are read.
template <class Arch = best_arch, class F, class... Pointer>
void transform(std::span<float> ys, F f, Pointer... xs) noexcept {
  constexpr std::size_t w = width<Arch>;
  std::size_t i = 0;
  for (; i + w <= ys.size(); i += w)
    f(load<Arch>(xs + i)...).store_unaligned(ys.data() + i);
  if (i < ys.size()) {
    const std::size_t count = ys.size() - i;
    store_first<Arch>(f(load_first<Arch>(xs + i, count)...), ys.data() + i, count);
  }
}

/// The larger, and a where b is NaN.  xsimd's own max means different things in different releases there.
template <class Arch>
floats<Arch> larger(const floats<Arch>& a, const floats<Arch>& b) noexcept {
  return select_lanes<Arch>(b > a, b, a);
}

template <class Arch = best_arch>
float sum(std::span<const float> xs) noexcept {
  return fold<Arch>(
      xs.size(), 0.0f, 0.0f, [](auto s, auto x) { return s + x; }, ref::plus, xs.data());
}

template <class Arch = best_arch>
float sum_of_squares(std::span<const float> xs) noexcept {
  return fold<Arch>(
      xs.size(), 0.0f, 0.0f, [](auto s, auto x) { return fma(x, x, s); }, ref::plus, xs.data());
}

/// Sum of (x - center)^2.
template <class Arch = best_arch>
float sum_of_squares_around(std::span<const float> xs, float center) noexcept {
  const floats<Arch> c(center);
  // Filled up with the center itself, the ragged end adds zeros.
  const auto step = [c](auto s, auto x) {
    const auto d = x - c;
    return fma(d, d, s);
  };
  return fold<Arch>(xs.size(), 0.0f, center, step, ref::plus, xs.data());
}

/// Sum of a b.  Precondition: both of equal length; checked by assert.
template <class Arch = best_arch>
float dot(std::span<const float> a, std::span<const float> b) noexcept {
  assert(a.size() == b.size());
  return fold<Arch>(
      a.size(), 0.0f, 0.0f, [](auto s, auto x, auto y) { return fma(x, y, s); }, ref::plus, a.data(), b.data());
}

/// The largest element, NaN passed over; -inf if there is none.
template <class Arch = best_arch>
float(max)(std::span<const float> xs) noexcept {
  constexpr float lowest = -std::numeric_limits<float>::infinity();
  return fold<Arch>(
      xs.size(), lowest, lowest, [](auto m, auto x) { return larger(m, x); }, ref::larger, xs.data());
}

/// The largest magnitude, NaN passed over; 0 if there is none.
template <class Arch = best_arch>
float absmax(std::span<const float> xs) noexcept {
  return fold<Arch>(
      xs.size(), 0.0f, 0.0f, [](auto m, auto x) { return larger(m, magnitudes(x)); }, ref::larger, xs.data());
}

/// Whether no element is infinite or NaN.
template <class Arch = best_arch>
bool all_finite(std::span<const float> xs) noexcept {
  // x 0 is 0 for a finite x and NaN otherwise, and a sum that met a NaN stays one.
  const floats<Arch> zero(0.0f);
  return fold<Arch>(
             xs.size(), 0.0f, 0.0f, [zero](auto s, auto x) { return fma(x, zero, s); }, ref::plus, xs.data()) == 0.0f;
}

/// ys += a xs, fused.  Precondition: both of equal length; checked by assert.
template <class Arch = best_arch>
void axpy(float a, std::span<const float> xs, std::span<float> ys) noexcept {
  assert(xs.size() == ys.size());
  const floats<Arch> factor(a);
  transform<Arch>(
      ys, [factor](auto x, auto y) { return fma(factor, x, y); }, xs.data(), ys.data());
}

/// xs *= a.
template <class Arch = best_arch>
void scale(float a, std::span<float> xs) noexcept {
  const floats<Arch> factor(a);
  transform<Arch>(
      xs, [factor](auto x) { return factor * x; }, xs.data());
}

/// ys += xs.  Precondition: both of equal length; checked by assert.
template <class Arch = best_arch>
void add(std::span<const float> xs, std::span<float> ys) noexcept {
  assert(xs.size() == ys.size());
  transform<Arch>(
      ys, [](auto x, auto y) { return y + x; }, xs.data(), ys.data());
}

}  // namespace qfa::simd

#endif
