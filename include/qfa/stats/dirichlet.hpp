// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_DIRICHLET_HPP
#define QFA_STATS_DIRICHLET_HPP

#include <array>
#include <boost/math/policies/policy.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cstddef>
#include <cstdint>

#include "qfa/compress/counter_random.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Draws from a Dirichlet distribution: what is believed of the shares of N classes after counting them, with the
/// concentrations counts + 1/2 where nothing was known before (Jeffreys' prior).
///
/// Gamma variates of the concentrations, divided by their sum.  Each by inversion of one uniform number that seed, draw
/// and class alone decide, so that draws may be made in any order and are the same on every machine up to the rounding
/// of its std::exp and std::log.  About 1 microsecond a class.
template <std::size_t N>
class dirichlet_draws {
 public:
  /// Throws unless all concentrations are positive.
  dirichlet_draws(const std::array<double, N>& concentration, std::uint64_t seed)
      : concentration_(concentration), random_(seed, "Dirichlet", random_use::posterior) {
    for (const double a : concentration)
      require(a > 0.0, "a Dirichlet distribution needs positive concentrations");
  }

  /// Shares that add up to 1.
  std::array<double, N> operator()(std::uint64_t draw) const {
    using in_double = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
    std::array<double, N> shares{};
    double sum = 0.0;
    for (std::size_t i = 0; i < N; ++i) {
      // An odd multiple of 2^-53: neither 0 nor 1, whose quantiles are no numbers to divide by.
      const double u = static_cast<double>(random_.bits(draw * N + i) >> 12 << 1 | 1U) * 0x1p-53;
      shares[i] = boost::math::gamma_p_inv(concentration_[i], u, in_double{});
      sum += shares[i];
    }
    for (double& share : shares)
      share /= sum;
    return shares;
  }

 private:
  std::array<double, N> concentration_;
  counter_random random_;
};

}  // namespace qfa

#endif
