// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_PER_CHANNEL_REDUCTION_HPP
#define QFA_ALIGNMENT_PER_CHANNEL_REDUCTION_HPP

#include <cmath>
#include <cstdint>
#include <limits>

#include "qfa/core/mergeable.hpp"
#include "qfa/stats/wilson.hpp"

namespace qfa {

/// What became of the prompts that the reference refuses, under a coarse and under a fine grain of the same cache.
///
///   reduction               fine             coarse                       layers
///   PCR                     per channel      per tensor                   the critical one
///   PCR_dir (qfa's own)     per channel      as many random groups        the critical one
///   G64 reduction           groups of 64     per tensor                   all
///   flip recovery R1        mitigated        unprotected                  all
///
/// PCR compares one scale with one for each channel; PCR_dir holds the number of scales fixed, so that what is left is
/// the direction of the groups.  When scales are computed (each call, prompt only, flushed groups, full pass) makes
/// another PCR of each: it belongs beside the number.
struct reduction_counts {
  std::uint64_t both = 0;         ///< a: flipped under either
  std::uint64_t coarse_only = 0;  ///< b
  std::uint64_t fine_only = 0;    ///< c
  std::uint64_t neither = 0;

  constexpr void operator()(bool coarse_flipped, bool fine_flipped) noexcept {
    ++(coarse_flipped ? (fine_flipped ? both : coarse_only) : (fine_flipped ? fine_only : neither));
  }
  constexpr reduction_counts& operator+=(const reduction_counts& other) noexcept {
    both += other.both;
    coarse_only += other.coarse_only;
    fine_only += other.fine_only;
    neither += other.neither;
    return *this;
  }

  constexpr std::uint64_t prompts() const noexcept { return both + coarse_only + fine_only + neither; }
  constexpr proportion coarse() const noexcept { return {both + coarse_only, prompts()}; }
  constexpr proportion fine() const noexcept { return {both + fine_only, prompts()}; }

  constexpr bool operator==(const reduction_counts&) const = default;
};

static_assert(mergeable<reduction_counts, bool, bool>);

/// 1 - fine / coarse of two flip rates: 1 where the finer grain saves all, 0 where it saves none, negative where it is
/// worse, which is information and not clipped.  NaN, "undefined", where the coarse grain flips nothing.
constexpr double flip_reduction(double coarse, double fine) noexcept {
  if (!(coarse > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  return 1.0 - fine / coarse;
}

/// The same as published (arXiv 2606.09864), which is 0 where the coarse grain flips nothing.
constexpr double published_flip_reduction(double coarse, double fine) noexcept {
  return coarse == 0.0 ? 0.0 : 1.0 - fine / coarse;
}

static_assert(published_flip_reduction(0.0, 0.5) == 0.0 && flip_reduction(0.5, 1.0) == -1.0);

/// A reduction and its interval.
struct reduction_estimate {
  double value = std::numeric_limits<double>::quiet_NaN();  ///< NaN: undefined, the coarse grain flips nothing
  bounds interval;                                          ///< NaN without prompts; at most 1, unbounded below
  bool half_added = false;                                  ///< the interval is of the counts with 1/2 added to each
};

/// From the same prompts under both grains, which are paired: (b - c) / (a + b), with the interval of the ratio of two
/// rates that share their prompts, on the log scale,
///
///   log RR = ln((a + c) / (a + b)),   se^2 = (b + c) / ((a + b) (a + c)),   1 - exp(log RR +- z se)
///
/// where 1/2 is added to a, b and c, for the interval alone, if a + b, a + c or b + c is 0.
inline reduction_estimate estimate_reduction(const reduction_counts& counts, double z = published_z) {
  reduction_estimate out;
  if (counts.prompts() == 0) return out;
  auto a = static_cast<double>(counts.both), b = static_cast<double>(counts.coarse_only),
       c = static_cast<double>(counts.fine_only);
  if (a + b > 0.0) out.value = (b - c) / (a + b);
  out.half_added = a + b == 0.0 || a + c == 0.0 || b + c == 0.0;
  if (out.half_added) a += 0.5, b += 0.5, c += 0.5;
  const double log_ratio = std::log((a + c) / (a + b));
  const double error = std::sqrt((b + c) / ((a + b) * (a + c)));
  out.interval = {1.0 - std::exp(log_ratio + z * error), 1.0 - std::exp(log_ratio - z * error)};
  return out;
}

}  // namespace qfa

#endif
