// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_LAWS_HPP
#define QFA_TESTS_LAWS_HPP

// The laws that whole families of types owe.  A new type is one more line in a test's type list; a user's own types may
// be held to the same laws by including this file.

#include "qfa/core/mergeable.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <tuple>
#include <vector>

namespace qfa_test {

/// Equality up to rounding: within `tolerance` of the larger magnitude, or of 1 below it.  NaN is close to NaN and to
/// nothing else, an infinity to itself.
inline bool close(double a, double b, double tolerance = 1e-12) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::fabs(a - b) <= tolerance * (std::max)({1.0, std::fabs(a), std::fabs(b)});
}

namespace laws {

// A sample of several arguments comes as a tuple.
template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

template <class A, class Sample>
void fill(A& a, const std::vector<Sample>& stream, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) {
    if constexpr (is_tuple<Sample>) {
      std::apply([&a](const auto&... s) { a(s...); }, stream[i]);
    } else {
      a(stream[i]);
    }
  }
}

}  // namespace laws

/// What every accumulator owes (qfa::mergeable), over every cut of `stream` in two and in three, empty parts included:
///
///   identity       A{} += a, a += A{} and empty += a leave a's value, to the bit
///   sharding       the parts, filled apart and merged in order, equal one filled with all
///   associativity  (a + b) + c equals a + (b + c)
///   value          a copy is equal and independent; merging leaves the right hand side alone
///
/// `same(x, y)` is equality up to rounding, and by default ==: counts and integer-valued sums must be exact.  `empty`
/// is the accumulator before the first sample, where A{} does not know its width yet.
template <class A, class Sample, class Same = std::equal_to<>>
void check_merge_laws(const std::vector<Sample>& stream, const A& empty = A{}, Same same = {}) {
  static_assert(std::regular<A>);
  const std::size_t n = stream.size();
  const auto part = [&](std::size_t first, std::size_t last) {
    A a = empty;
    laws::fill(a, stream, first, last);
    return a;
  };
  const A all = part(0, n);

  for (std::size_t cut = 0; cut <= n; ++cut) {
    CAPTURE(n);
    CAPTURE(cut);
    const A left = part(0, cut);
    const A right = part(cut, n);

    A merged = left;
    A& self = (merged += right);
    CHECK_MESSAGE(&self == &merged, "a += b must return a");
    CHECK_MESSAGE(same(merged, all), "merging two parts must equal filling one");
    CHECK_MESSAGE(right == part(cut, n), "merging must leave its right hand side alone");
    CHECK_MESSAGE(left == part(0, cut), "a copy must be independent of its original");

    // A part that was merged goes on as if it had seen all samples itself.
    A resumed = A{};
    resumed += left;
    laws::fill(resumed, stream, cut, n);
    CHECK_MESSAGE(same(resumed, all), "filling must go on after a merge");

    for (const A& nothing : {A{}, empty}) {
      A before = nothing;
      before += left;
      CHECK_MESSAGE((before == left), "merging into an empty one must give the other");
      A after = left;
      after += nothing;
      CHECK_MESSAGE((after == left), "merging an empty one must change nothing");
    }

    for (std::size_t second = cut; second <= n; ++second) {
      CAPTURE(second);
      const A middle = part(cut, second);
      const A tail = part(second, n);
      A from_left = left;
      from_left += middle;
      from_left += tail;
      A from_right = middle;
      from_right += tail;
      A whole = left;
      whole += from_right;
      CHECK_MESSAGE(same(from_left, all), "merging three parts must equal filling one");
      CHECK_MESSAGE(same(whole, all), "merging must be associative");
    }
  }
}

}  // namespace qfa_test

#endif
