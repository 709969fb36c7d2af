// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_RECOVERY_HPP
#define QFA_ALIGNMENT_RECOVERY_HPP

#include <cstddef>
#include <limits>
#include <numeric>
#include <span>

#include "qfa/alignment/per_channel_reduction.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// R1 = 1 - mitigated / unprotected conditional flip rate: the share of the flips that a mitigation takes back,
/// negative where it adds some.  NaN where there was nothing to take back.  With an interval from paired prompts:
/// estimate_reduction, the unprotected cache being the coarse one.
constexpr double flip_recovery(double unprotected, double mitigated) noexcept {
  return flip_reduction(unprotected, mitigated);
}

/// R2 = (mitigated - unprotected) / (reference - unprotected) refusal rate: the share of the lost refusals that came
/// back.  Unlike R1 it counts refusals of any prompt, new ones too.  NaN where none was lost or gained.
constexpr double refusal_recovery(double reference, double unprotected, double mitigated) noexcept {
  if (reference == unprotected) return std::numeric_limits<double>::quiet_NaN();
  return (mitigated - unprotected) / (reference - unprotected);
}

static_assert(flip_recovery(0.8, 0.2) == 0.75 && refusal_recovery(1.0, 0.5, 0.75) == 0.5);

/// What a mitigation costs.
struct memory_overhead {
  double bytes = 0.0;     ///< more than the unprotected cache; negative where it is smaller
  double relative = 0.0;  ///< the same over the unprotected cache's bytes
};

/// From the bits that each layer's keys and values take, scales and residual windows included, for one cache of the
/// same tokens.  What is published as overhead (arXiv 2606.09864) is the share of protected layers instead, 1/28 = 3.6
/// % for one layer of 28 kept at 16 bits beside 4, which is 10.7 % more bytes.  Throws unless both have as many layers
/// and the unprotected cache has bits.
inline memory_overhead overhead_of(std::span<const double> unprotected_bits, std::span<const double> mitigated_bits) {
  require(unprotected_bits.size() == mitigated_bits.size(), "a memory overhead needs both caches' bits for each layer");
  const double before = std::accumulate(unprotected_bits.begin(), unprotected_bits.end(), 0.0);
  const double after = std::accumulate(mitigated_bits.begin(), mitigated_bits.end(), 0.0);
  require(before > 0.0, "a memory overhead needs an unprotected cache that takes memory");
  return {(after - before) / 8.0, (after - before) / before};
}

/// The relative overhead of keeping some layers at `protected_bits` a value where the others take `bits`, scales
/// included: (protected / layers) (protected_bits - bits) / bits.  Throws for more protected layers than there are,
/// without layers, and for `bits` not above 0.
inline double protection_overhead(std::size_t protected_layers, std::size_t layers, double bits,
                                  double protected_bits = 16.0) {
  require(protected_layers <= layers && layers > 0, "no more layers can be protected than there are");
  require(bits > 0.0, "a memory overhead needs an unprotected cache that takes memory");
  return static_cast<double>(protected_layers) / static_cast<double>(layers) * (protected_bits - bits) / bits;
}

}  // namespace qfa

#endif
