// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_MATH_HPP
#define QFA_SIMD_MATH_HPP

#include <bit>
#include <cmath>
#include <cstdint>

#include "qfa/simd/batch.hpp"

namespace qfa::simd {

/// The transcendental functions that a language model needs, on registers and on single floats.
///
/// Each is one formula of fused multiply-adds, so that AVX2, AVX-512, NEON and plain C++ give the same bits; a libm's
/// vector versions differ from width to width.  The worst error over every third float, in units of the last place: exp
/// 1.02, tanh 1.41, erf 1.01, sigmoid 2.49, silu 2.39; gelu and gelu_tanh 1.1e-7 max(1, |y|), the left tail being a
/// difference.  NaN gives NaN.  The polynomials are minimax fits made for this file by tests/data/fit_simd_math.py.
///
/// No product here is added to anything except by `fma`, or else it is exact: contraction by the compiler cannot change
/// a bit.
///
/// Call them as `simd::exp(x)`: outside this namespace a bare `exp(x)` of a register is xsimd's.  For the same reason
/// the formulas call each other by their full names.
namespace detail {

// The formulas are written once for registers and single floats; these are the operations that differ in spelling.
inline float fma(float x, float y, float z) noexcept { return std::fma(x, y, z); }
inline float select(bool c, float a, float b) noexcept { return c ? a : b; }
inline float abs(float x) noexcept { return std::fabs(x); }
inline float copysign(float magnitude, float sign) noexcept { return std::copysign(magnitude, sign); }
using simd::fma;

// Adding 1.5 2^23 leaves no bits for a fraction: the sum is rounded to an integer, ties to even, and holds it in its
// lowest bits.
inline constexpr float rounding_shift = 12582912.0f;

/// factor x rounded to an integer.
template <class V>
V nearest(const V& x, float factor) noexcept {
  return fma(x, V(factor), V(rounding_shift)) - V(rounding_shift);
}

/// 2^n for an integer-valued n in [-126, 127]; anything for NaN.
inline float power_of_two(float n) noexcept {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(n + (rounding_shift + 127.0f)) << 23);
}
template <class Arch>
floats<Arch> power_of_two(const floats<Arch>& n) noexcept {
  // A product where a shift is meant: g++ 12 takes its own shift for the use of something uninitialized, and makes a
  // shift of the product.  Unsigned, since the bits that go are an overflow, which xsimd computes lane by lane on SSE2.
  return as_floats(as_integers(n + floats<Arch>(rounding_shift + 127.0f)) * integers<Arch>(1U << 23));
}

template <class V>
V polynomial(const V&, float constant) noexcept {
  return V(constant);
}
/// c0 + c1 x + c2 x^2 + ..., by Horner.
template <class V, class... Float>
V polynomial(const V& x, float constant, Float... higher) noexcept {
  return fma(polynomial(x, higher...), x, V(constant));
}

template <class V>
V exp(const V& argument) noexcept {
  // Beyond these the result is 0 or infinity already, and 2^n stays within reach of two factors.
  V x = select(argument < V(-104.0f), V(-104.0f), argument);
  x = select(x > V(89.0f), V(89.0f), x);
  // x = n ln 2 + r with |r| <= ln 2 / 2.  ln 2 in two parts, the first of ten bits: n times it is exact, without FMA
  // too.
  const V n = nearest(x, 1.44269504f);
  V r = fma(n, V(-0.693359375f), x);
  r = fma(n, V(2.12194440e-4f), r);
  const V p = polynomial(r, 0.49999994f, 0.166665211f, 0.0416682623f, 0.00836867094f, 0.00138209993f);
  const V e = fma(r * r, p, r) + V(1.0f);
  // Halves of n, since 2^n itself may be no float: 2^128 times 0.9 is one, and so is every subnormal.
  const V half = nearest(n, 0.5f);
  return e * power_of_two(half) * power_of_two(V(n - half));
}

template <class V>
V tanh(const V& x) noexcept {
  const V z = x * x;
  const V inner =
      fma(x * z, polynomial(z, -0.333333135f, 0.1333244f, -0.0538363047f, 0.0210033637f, -0.00617463468f), x);
  const V magnitude = abs(x);
  const V outer = V(1.0f) - V(2.0f) / (detail::exp(V(magnitude + magnitude)) + V(1.0f));
  return copysign(select(magnitude < V(0.5625f), inner, outer), x);
}

template <class V>
V erf(const V& x) noexcept {
  const V z = x * x;
  const V inner = fma(x,
                      polynomial(z, 0.128379166f, -0.376126289f, 0.112836257f, -0.0268557277f, 0.00519237714f,
                                 -0.000804917421f, 7.99279587e-05f),
                      x);
  // From 4 on, erf rounds to 1.
  const V magnitude = abs(x);
  const V t = select(magnitude > V(4.0f), V(4.0f), magnitude);
  const V p = polynomial(t, 0.12855275f, 0.635620654f, 0.105271623f, -0.0226834957f, 0.00293590757f, -5.16560758e-05f,
                         -4.51774795e-05f, 4.90528419e-06f);
  const V outer = V(1.0f) - detail::exp(V(-fma(t, p, t)));
  return copysign(select(magnitude < V(0.921875f), inner, outer), x);
}

template <class V>
V sigmoid(const V& x) noexcept {
  return V(1.0f) / (V(1.0f) + detail::exp(V(-x)));
}

template <class V>
V silu(const V& x) noexcept {
  return x / (V(1.0f) + detail::exp(V(-x)));
}

template <class V>
V gelu(const V& x) noexcept {
  const V half = V(0.5f) * x;
  return fma(half, detail::erf(V(x * V(0.707106781f))), half);
}

template <class V>
V gelu_tanh(const V& x) noexcept {
  const V half = V(0.5f) * x;
  // sqrt(2 / pi) (x + 0.044715 x^3)
  const V inner = x * fma(x * x, V(0.0356774081f), V(0.797884561f));
  return fma(half, detail::tanh(inner), half);
}

}  // namespace detail

/// The same functions on single floats: what the vector kernels mean.
namespace ref {

inline float exp(float x) noexcept { return detail::exp(x); }
inline float tanh(float x) noexcept { return detail::tanh(x); }
inline float erf(float x) noexcept { return detail::erf(x); }
inline float sigmoid(float x) noexcept { return detail::sigmoid(x); }
inline float silu(float x) noexcept { return detail::silu(x); }
inline float gelu(float x) noexcept { return detail::gelu(x); }
inline float gelu_tanh(float x) noexcept { return detail::gelu_tanh(x); }

}  // namespace ref

template <class Arch>
floats<Arch> exp(const floats<Arch>& x) noexcept {
  return detail::exp(x);
}
template <class Arch>
floats<Arch> tanh(const floats<Arch>& x) noexcept {
  return detail::tanh(x);
}
template <class Arch>
floats<Arch> erf(const floats<Arch>& x) noexcept {
  return detail::erf(x);
}
/// 1 / (1 + exp(-x)).
template <class Arch>
floats<Arch> sigmoid(const floats<Arch>& x) noexcept {
  return detail::sigmoid(x);
}
/// x sigmoid(x), also called swish.
template <class Arch>
floats<Arch> silu(const floats<Arch>& x) noexcept {
  return detail::silu(x);
}
/// x (1 + erf(x / sqrt 2)) / 2, the exact form.
template <class Arch>
floats<Arch> gelu(const floats<Arch>& x) noexcept {
  return detail::gelu(x);
}
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2: "gelu_new", "gelu_pytorch_tanh".
template <class Arch>
floats<Arch> gelu_tanh(const floats<Arch>& x) noexcept {
  return detail::gelu_tanh(x);
}

}  // namespace qfa::simd

#endif
