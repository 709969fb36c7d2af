// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_EXACT_HPP
#define QFA_CORE_EXACT_HPP

#include <cfloat>
#include <type_traits>

#include "qfa/core/ieee.hpp"

namespace qfa {

static_assert(FLT_EVAL_METHOD == 0, "a float product is rounded to float only where float arithmetic is");

/// a b, rounded to its type before anything is done with it.
///
/// Compilers may fuse a product and the sum that follows into one multiply-add, which rounds once where the source
/// rounds twice: g++ does by default wherever -march allows, clang within an expression.  Then a quantizer's search
/// prefers another scale now and then (Q6_K: 1.4 % of all blocks), and the bytes differ from one build to the next.
/// No flag of the library's can forbid it, since a header is compiled with its user's flags, and clang 14 does not
/// heed `#pragma STDC FP_CONTRACT OFF` under -ffp-contract=fast.  So the product passes through an empty instruction
/// that might change it, for all the compiler knows; it costs a register and keeps the loop from being vectorized.
///
/// Compile-time evaluation never fuses, and needs no barrier.
template <class T>
  requires(std::is_same_v<T, float> || std::is_same_v<T, double>)
constexpr T rounded_product(T a, T b) noexcept {
  T product = a * b;
  if (!std::is_constant_evaluated()) {
#if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__))
    asm("" : "+x"(product));
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
    asm("" : "+w"(product));
#else
    volatile T stored = product;
    product = stored;
#endif
  }
  return product;
}

static_assert(rounded_product(3.0f, 0.5f) == 1.5f);

}  // namespace qfa

#endif
