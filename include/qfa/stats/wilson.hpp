// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_WILSON_HPP
#define QFA_STATS_WILSON_HPP

#include <cmath>
#include <cstdint>
#include <limits>

#include "qfa/core/error.hpp"

namespace qfa {

/// The two ends of an interval; NaN where there is none.
struct bounds {
  double lower = std::numeric_limits<double>::quiet_NaN();
  double upper = std::numeric_limits<double>::quiet_NaN();

  constexpr bool operator==(const bounds&) const = default;
};

/// The normal quantile that intervals of 95 % are published with (arXiv 2606.09864), rounded as it stands there.
inline constexpr double published_z = 1.96;

/// Wilson's score interval (1927) of the chance that lies behind `hits` in `trials`, in [0, 1]:
///
///   (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n),   p = hits / n
///
/// The lower end is exactly 0 where nothing was hit and the upper end exactly 1 where everything was; no trials have no
/// interval (NaN).  Throws where there are more hits than trials, or z is not positive.
inline bounds wilson_interval(std::uint64_t hits, std::uint64_t trials, double z = published_z) {
  require(hits <= trials, "a share needs no more hits than trials");
  require(z > 0.0, "an interval needs a positive z");
  if (trials == 0) return {};
  const double n = static_cast<double>(trials);
  const double p = static_cast<double>(hits) / n;
  const double spread = z * z / n;
  const double center = p + spread / 2.0;
  const double reach = std::sqrt(spread * (p * (1.0 - p) + spread / 4.0));
  return {hits == 0 ? 0.0 : (center - reach) / (1.0 + spread),
          hits == trials ? 1.0 : (center + reach) / (1.0 + spread)};
}

/// So many of so many: a share that remembers what it was taken of.
struct proportion {
  std::uint64_t hits = 0;
  std::uint64_t trials = 0;

  /// NaN without trials.
  constexpr double value() const noexcept {
    if (trials == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(hits) / static_cast<double>(trials);
  }
  bounds interval(double z = published_z) const { return wilson_interval(hits, trials, z); }

  constexpr bool operator==(const proportion&) const = default;
};

static_assert(proportion{36, 44}.value() == 36.0 / 44.0);

}  // namespace qfa

#endif
