// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_BANDS_HPP
#define QFA_SURVIVAL_BANDS_HPP

#include <array>
#include <cstdint>
#include <string_view>

namespace qfa {

/// What became of a feature.  `unmeasured` is no verdict: it fired too seldom, or in too few places, to tell.  The
/// published scripts call blurred "degraded" and destroyed "damaged".
enum class outcome : std::uint8_t { survived, blurred, destroyed, unmeasured };
inline constexpr std::array<std::string_view, 4> outcome_names{"survived", "blurred", "destroyed", "unmeasured"};

constexpr std::string_view name(outcome o) noexcept { return outcome_names[static_cast<std::size_t>(o)]; }

/// Survives while its activation still correlates with what it was (arXiv 2606.03002): both limits are strict, so r =
/// 0.9 and r = 0.5 are blurred.
///
/// What the limits tolerate: if a share m of a rare feature's firings is lost and the rest is exact, r = sqrt(1 - m).
/// "Survived" bears the loss of 19 % of the firings, "destroyed" takes 75 %.
struct correlation_bands {
  double survives_above = 0.9;   ///< r > this: survived
  double destroyed_below = 0.5;  ///< r < this: destroyed; between the two: blurred

  /// For a feature that could be measured on the reference.  NaN then means that the compressed model's code does not
  /// vary, so nothing is left of it: destroyed.
  constexpr outcome operator()(double r) const noexcept {
    if (r > survives_above) return outcome::survived;
    return r >= destroyed_below ? outcome::blurred : outcome::destroyed;
  }

  constexpr bool operator==(const correlation_bands&) const = default;
};

static_assert(correlation_bands{}(0.9) == outcome::blurred && correlation_bands{}(0.5) == outcome::blurred);

}  // namespace qfa

#endif
