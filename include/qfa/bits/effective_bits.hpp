// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_EFFECTIVE_BITS_HPP
#define QFA_BITS_EFFECTIVE_BITS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/bits/damage_law.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// The effective number of bits of a noise to signal nu, by the name that converter engineering has for it: the b at
/// which the law says nu.  With u = 2^-b the law is c u^2 + a u = nu, whose positive root is
///
///   u = [-a + sqrt(a^2 + 4 c nu)] / (2c) = 2 nu / [a + sqrt(a^2 + 4 c nu)]
///
/// The second form subtracts nothing, and holds for c = 0 (u = nu / a) and for a = 0 (u = sqrt(nu / c)) as it stands.
/// Plus infinity for nu = 0 and minus infinity for infinite nu; NaN for a law of no damage (a = c = 0) or of NaN.
inline double effective_bits(const damage_law& law, double nu) noexcept {
  if (!(law.c > 0.0) && !(law.a > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  if (std::isinf(nu)) return -nu;
  if (nu == 0.0) return std::numeric_limits<double>::infinity();
  return std::log2(law.a + std::sqrt(law.a * law.a + 4.0 * law.c * nu)) - 1.0 - std::log2(nu);
}

/// How one feature's nu is read as bits: by its law, and below the rungs that the law is fitted to, along the straight
/// line of log2 nu from the law at the `knee` to what was measured at `low`.
struct bits_scale {
  damage_law law{};
  double knee = 4.0;
  double low = 3.0;
  double log2_nu_at_low = std::numeric_limits<double>::quiet_NaN();  ///< not finite: the law is all there is

  constexpr bool operator==(const bits_scale&) const = default;
};

/// As by the law; along the line where that says fewer bits than the knee and the line falls with bits.
inline double effective_bits(const bits_scale& scale, double nu) noexcept {
  const double bits = effective_bits(scale.law, nu);
  if (!(bits < scale.knee) || std::isinf(bits) || !std::isfinite(scale.log2_nu_at_low)) return bits;
  const double at_knee = std::log2(scale.law(scale.knee));
  if (!(scale.log2_nu_at_low > at_knee)) return bits;
  return scale.knee - (std::log2(nu) - at_knee) / (scale.log2_nu_at_low - at_knee) * (scale.knee - scale.low);
}

/// The rungs between which a ladder has measured.
struct ladder_range {
  double lowest = 3.0;
  double highest = 8.0;

  double clamp(double bits) const noexcept { return (std::min)((std::max)(bits, lowest), highest); }
};

/// Whether bits lie on the ladder, or below or above all of it, where its law was never seen to hold.
enum class censoring : std::uint8_t { none, at_most, at_least };
inline constexpr std::array<std::string_view, 3> censoring_names{"none", "at_most", "at_least"};

inline censoring censor(const ladder_range& range, double bits) noexcept {
  if (bits < range.lowest) return censoring::at_most;
  return bits > range.highest ? censoring::at_least : censoring::none;
}

/// A number of bits with its interval; where it is censored, `bits.value` is the end of the ladder.
struct ladder_bits {
  estimate bits;
  censoring censored = censoring::none;
};

/// Cuts a number of bits at the ends of the ladder, with its interval.  An end of the interval that stands at an end of
/// the ladder may lie anywhere beyond it.  The interval itself is built from what the law says there, so that deletions
/// that fall beyond the ladder still count for what they are.
inline ladder_bits within_ladder(const ladder_range& range, estimate bits) noexcept {
  ladder_bits out{bits, censor(range, bits.value)};
  estimate& cut = out.bits;
  cut.value = range.clamp(bits.value);
  if (std::isnan(bits.value)) cut.value = bits.value;
  if (!std::isnan(bits.bias_corrected)) cut.bias_corrected = range.clamp(bits.bias_corrected);
  if (out.censored != censoring::none && cut.range.kind == interval_kind::refused)
    cut.range.reason = "the value lies beyond the ladder's rungs";
  if (cut.range.kind != interval_kind::two_sided) return out;
  cut.range.lower = range.clamp(bits.range.lower);
  cut.range.upper = range.clamp(bits.range.upper);
  const bool from_below = bits.range.lower<range.lowest, from_above = bits.range.upper> range.highest;
  if (from_above && !from_below) cut.range.kind = interval_kind::at_least;
  if (from_below && !from_above) cut.range.kind = interval_kind::at_most;
  if (from_above || from_below) cut.range.reason = "an end of the interval lies beyond the ladder's rungs";
  return out;
}

/// The value at place floor(share (n - 1)) of the n in increasing order; NaN of none.  A value that is there, and none
/// between two: infinite ones may stand beside it, and cutting values at a limit then cuts it, too.
inline double value_at_share(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

/// The lower median.
inline double middle_of(std::vector<double> bits) { return value_at_share(std::move(bits), 0.5); }

/// Where the worst tenth of the features ends, if few bits are bad: of 11 the second least.
inline double worst_decile_of_effective(std::vector<double> bits) { return value_at_share(std::move(bits), 0.1); }

/// The same where many bits are bad: of 11 the second greatest.
inline double worst_decile_of_needed(std::vector<double> bits) {
  for (double& b : bits)
    b = -b;
  return -value_at_share(std::move(bits), 0.1);
}

}  // namespace qfa

#endif
