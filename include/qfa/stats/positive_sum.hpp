// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_POSITIVE_SUM_HPP
#define QFA_STATS_POSITIVE_SUM_HPP

#include <cassert>
#include <cstdint>

#include "qfa/core/mergeable.hpp"

namespace qfa {

/// A sum of positive floats below 2^40, in fixed point: 64 bits before the point and 64 behind it.
///
/// Sums in float64 depend on their order in the last bits; this one does not, so parts of a stream may be merged in any
/// order and cut anywhere.  A float's 24 bits are kept to the last above 2^-41, and those below 2^-64 are cut off.
struct positive_sum {
  std::uint64_t whole = 0;
  std::uint64_t parts = 0;  ///< of 2^64

  static constexpr float limit = 0x1p40f;

  /// Precondition: 0 <= x < limit; checked by assert.
  constexpr void operator()(float x) noexcept {
    assert(x >= 0.0f && x < limit);
    const auto integer = static_cast<std::uint64_t>(x);
    // Exact: what is left of x has no more bits than x, and 2^64 only moves its exponent.
    *this += {integer, static_cast<std::uint64_t>((x - static_cast<float>(integer)) * 0x1p64f)};
  }

  constexpr positive_sum& operator+=(positive_sum other) noexcept {
    parts += other.parts;
    whole += other.whole + (parts < other.parts ? 1U : 0U);
    return *this;
  }

  constexpr double value() const noexcept { return static_cast<double>(whole) + static_cast<double>(parts) * 0x1p-64; }

  constexpr bool operator==(const positive_sum&) const = default;
};

static_assert(mergeable<positive_sum, float>);

}  // namespace qfa

#endif
