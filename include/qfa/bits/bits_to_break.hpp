// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_BITS_TO_BREAK_HPP
#define QFA_BITS_BITS_TO_BREAK_HPP

#include <cstddef>
#include <limits>
#include <span>

#include "qfa/bits/effective_bits.hpp"
#include "qfa/bits/interval_censored.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// The bits at which r falls to tau by a law or a scale: effective_bits of nu = (1 - tau^2) / tau^2.  With fewer the
/// feature is below tau.  What lies beyond the ladder is censored by `within_ladder` or `censor`.  Throws unless 0 <
/// tau < 1.
template <class Scale>
double bits_to_break(const Scale& scale, double tau) {
  require(tau > 0.0 && tau < 1.0, "bits_to_break needs a correlation between 0 and 1");
  return effective_bits(scale, (1.0 - tau) * (1.0 + tau) / (tau * tau));
}

/// The same without a law: the rungs between which r falls to tau.  Above tau from the upper end on, on every rung; not
/// above it on the lower one.  Infinite where every rung is on one side.
///
/// Rungs in the order of their bits, the least first, with r on each; r that is undefined is not above tau.  Throws
/// where the two differ in length.
inline censored_value bracket_of_break(std::span<const double> bits, std::span<const double> r, double tau) {
  require(bits.size() == r.size(), "bracket_of_break needs one correlation for each rung");
  constexpr double infinite = std::numeric_limits<double>::infinity();
  std::size_t kept = bits.size();  // from here on every rung is above tau
  while (kept > 0 && r[kept - 1] > tau)
    --kept;
  return {kept == 0 ? -infinite : bits[kept - 1], kept == bits.size() ? infinite : bits[kept]};
}

}  // namespace qfa

#endif
