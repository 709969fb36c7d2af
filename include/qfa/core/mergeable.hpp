// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_MERGEABLE_HPP
#define QFA_CORE_MERGEABLE_HPP

#include <concepts>

namespace qfa {

/// A summary that can be filled on one shard of a stream and merged with another's.
///
/// The compiler sees the shape.  The laws are checked by `check_merge_laws` in tests/laws.hpp:
///
///   identity   A{} += a, and a += A{}, leave a unchanged
///   sharding   filling a with xs, b with ys, then a += b, equals filling one with xs then ys
///
/// Equality in the second law is up to rounding for floating point, exact for counts.  Filling may allocate.
template <class A, class... Sample>
concept mergeable = std::regular<A> && requires(A a, const A b, const Sample&... s) {
  a(s...);
  { a += b } -> std::same_as<A&>;
};

}  // namespace qfa

#endif
