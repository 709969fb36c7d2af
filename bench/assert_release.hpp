// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BENCH_ASSERT_RELEASE_HPP
#define QFA_BENCH_ASSERT_RELEASE_HPP

// The first include of every benchmark: a number measured with asserts on, without optimization or without SIMD says
// nothing about the library, and is worse than none.
#ifndef NDEBUG
#error "Benchmarks are built with asserts off: use the release preset."
#endif
#if defined(__GNUC__) && !defined(__OPTIMIZE__)
#error "Benchmarks are built with optimization: use the release preset."
#endif

#include "qfa/simd/batch.hpp"

static_assert(qfa::simd::floats<>::size >= 4, "Benchmarks need a target with SIMD: use the release preset.");

#endif
