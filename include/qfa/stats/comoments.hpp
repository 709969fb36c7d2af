// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_COMOMENTS_HPP
#define QFA_STATS_COMOMENTS_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "qfa/core/mergeable.hpp"

namespace qfa {

/// Count, means, and sums of squares and products about the means, of a stream of pairs.
///
/// Raw sums lose all digits of a variance once mean / sd reaches 1e8, and half of them at 1e4; sums about the running
/// mean do not.  Merged after Chan, Golub and LeVeque (1979).
struct comoments {
  std::uint64_t count = 0;
  double mean_x = 0.0;
  double mean_y = 0.0;
  double xx = 0.0;  ///< sum of (x - mean_x)^2
  double yy = 0.0;  ///< sum of (y - mean_y)^2
  double xy = 0.0;  ///< sum of (x - mean_x)(y - mean_y)

  /// One more pair.  Merging the single pair {1, x, y, 0, 0, 0} into n - 1 others moves each sum of products by
  /// gap gap' (n - 1) 1 / n.  The three sums take the same steps in the same order, so x == y throughout leaves
  /// xx == yy == xy to the last bit, and their correlation is exactly 1.
  constexpr void operator()(double x, double y) noexcept {
    ++count;
    const double n = static_cast<double>(count);
    const double gap_x = x - mean_x;
    const double gap_y = y - mean_y;
    const double share = 1.0 / n;
    const double kept = (n - 1.0) * share;
    mean_x += gap_x * share;
    mean_y += gap_y * share;
    xx += gap_x * gap_x * kept;
    yy += gap_y * gap_y * kept;
    xy += gap_x * gap_y * kept;
  }

  /// Shifting both halves to the common mean moves each sum of products by n_i (mu_i - mu)(mu_i' - mu');
  /// with mu = (na mu_a + nb mu_b) / n the two shifts add up to gap gap' na nb / n.
  constexpr comoments& operator+=(const comoments& other) noexcept {
    if (other.count == 0) return *this;
    if (count == 0) return *this = other;
    const double na = static_cast<double>(count);
    const double nb = static_cast<double>(other.count);
    const double gap_x = other.mean_x - mean_x;
    const double gap_y = other.mean_y - mean_y;
    const double share = nb / (na + nb);
    const double shift = na * share;
    count += other.count;
    mean_x += gap_x * share;
    mean_y += gap_y * share;
    xx += other.xx + gap_x * gap_x * shift;
    yy += other.yy + gap_y * gap_y * shift;
    xy += other.xy + gap_x * gap_y * shift;
    return *this;
  }

  /// `zeros` more pairs (0, 0), in closed form: merging {zeros, 0, 0, 0, 0, 0}.  Silent tokens are counted, not
  /// visited.
  constexpr void add_zeros(std::uint64_t zeros) noexcept { *this += comoments{.count = zeros}; }

  constexpr double sum_x() const noexcept { return static_cast<double>(count) * mean_x; }
  constexpr double sum_y() const noexcept { return static_cast<double>(count) * mean_y; }
  /// Sum of x^2 about zero: the shift formula with the other mean at 0.
  constexpr double energy_x() const noexcept { return xx + static_cast<double>(count) * mean_x * mean_x; }

  constexpr bool operator==(const comoments&) const = default;
};

static_assert(mergeable<comoments, double, double>);

/// Pearson's r = xy / sqrt(xx yy), in [-1, 1].  NaN where one side does not vary: a constant has no correlation.
inline double pearson(const comoments& c) noexcept {
  if (!(c.xx > 0.0 && c.yy > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  const double product = c.xx * c.yy;
  // Where it leaves the range of double, that of the roots does not.
  const double scale = std::isnormal(product) ? std::sqrt(product) : std::sqrt(c.xx) * std::sqrt(c.yy);
  return std::clamp(c.xy / scale, -1.0, 1.0);
}

/// Pearson's r as the published scripts guard it (arXiv 2606.03002): r = clamp(xy / sqrt(max(xx yy, 1e-12)), -1, 1).
/// A side that does not vary gives 0, never NaN; a feature whose two sums of squares have a product under 1e-12 is
/// pulled toward 0.
inline double published_pearson(const comoments& c) noexcept {
  return std::clamp(c.xy / std::sqrt((std::max)(c.xx * c.yy, 1e-12)), -1.0, 1.0);
}

}  // namespace qfa

#endif
