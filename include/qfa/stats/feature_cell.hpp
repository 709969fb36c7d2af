// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_FEATURE_CELL_HPP
#define QFA_STATS_FEATURE_CELL_HPP

#include <algorithm>
#include <cstdint>

#include "qfa/core/mergeable.hpp"
#include "qfa/stats/comoments.hpp"

namespace qfa {

/// Everything that is kept of one feature on one group of rows: x is its code on the reference model, y on the
/// compressed one, on the same token.
///
/// Only tokens on which at least one side fires are seen; the others are counted by whoever knows how many tokens
/// there were, and enter as `comoments::add_zeros`.  144 bytes.
struct feature_cell {
  std::uint64_t reference_firings = 0;  ///< tokens with x > 0
  float reference_max = 0.0f;
  float compressed_max = 0.0f;
  comoments either;          ///< over the tokens with x > 0 or y > 0
  comoments both;            ///< over the tokens with x > 0 and y > 0
  double lost_mass = 0.0;    ///< sum of x where y = 0
  double ghost_mass = 0.0;   ///< sum of y where x = 0
  double flip_energy = 0.0;  ///< sum of (y - x)^2 where only one side fires
  double on_energy = 0.0;    ///< sum of (y - x)^2 where both do; summed as it stands, since a difference would cancel

  /// One token on which x > 0 or y > 0.
  constexpr void operator()(float x, float y) noexcept {
    const double from = static_cast<double>(x);
    const double to = static_cast<double>(y);
    either(from, to);
    if (x > 0.0f) ++reference_firings;
    if (x > 0.0f && y > 0.0f) {
      both(from, to);
      on_energy += (to - from) * (to - from);
    } else {
      lost_mass += from;
      ghost_mass += to;
      flip_energy += from * from + to * to;
    }
    reference_max = (std::max)(reference_max, x);
    compressed_max = (std::max)(compressed_max, y);
  }

  constexpr feature_cell& operator+=(const feature_cell& other) noexcept {
    reference_firings += other.reference_firings;
    reference_max = (std::max)(reference_max, other.reference_max);
    compressed_max = (std::max)(compressed_max, other.compressed_max);
    either += other.either;
    both += other.both;
    lost_mass += other.lost_mass;
    ghost_mass += other.ghost_mass;
    flip_energy += other.flip_energy;
    on_energy += other.on_energy;
    return *this;
  }

  constexpr std::uint64_t both_firings() const noexcept { return both.count; }
  /// Tokens with y > 0: |x or y| = |x| + |y| - |x and y|.
  constexpr std::uint64_t compressed_firings() const noexcept { return either.count + both.count - reference_firings; }

  constexpr bool operator==(const feature_cell&) const = default;
};

static_assert(mergeable<feature_cell, float, float>);
static_assert(sizeof(feature_cell) == 144);

}  // namespace qfa

#endif
