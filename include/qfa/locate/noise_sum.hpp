// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_NOISE_SUM_HPP
#define QFA_LOCATE_NOISE_SUM_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/locate/feature_noise.hpp"

namespace qfa {

/// What a feature's nu counts at most in a sum over features: |r| of 0.1, a hundredth of the variance shared.  Without
/// a limit one feature with r = 0.001 (nu = 1e6) outweighs every other, by noise in r alone, and one that is lost (nu
/// infinite) ends the sum.  Features at the limit are counted beside every sum.
inline constexpr double most_noise = 99.0;

/// sum_j w_j nu_j over features, in their order, of the whole, of halves and without each group.
struct noise_sum {
  double all = 0.0;
  std::array<double, 2> half{};      ///< over the even groups, and over the odd ones
  std::vector<double> without;       ///< (groups)
  std::vector<double> half_without;  ///< (groups of halves): the group's half but the group
  std::size_t limited = 0;           ///< features whose nu over all groups counts as `most_noise`, lost ones among them
  std::size_t lost = 0;              ///< features of which nothing is left: nu is infinite
  std::array<std::size_t, 2> silent{};  ///< features of which a half's reference has nothing: nu is NaN, none is added

  noise_sum& operator+=(const noise_sum& other) { return add(other, 1.0); }
  noise_sum& operator-=(const noise_sum& other) { return add(other, -1.0); }
  bool operator==(const noise_sum&) const = default;

 private:
  /// Counts are those of this sum: they say of what it was made, and do not add up.
  noise_sum& add(const noise_sum& other, double sign) {
    require(without.size() == other.without.size() && half_without.size() == other.half_without.size(),
            "sums of noise are of the same groups");
    all += sign * other.all;
    for (std::size_t h = 0; h < 2; ++h)
      half[h] += sign * other.half[h];
    for (std::size_t g = 0; g < without.size(); ++g)
      without[g] += sign * other.without[g];
    for (std::size_t g = 0; g < half_without.size(); ++g)
      half_without[g] += sign * other.half_without[g];
    return *this;
  }
};

namespace detail {

inline double limited_sum(std::span<const double> nu, std::span<const double> weights, double most) noexcept {
  double sum = 0.0;
  for (std::size_t f = 0; f < nu.size(); ++f)
    if (!std::isnan(nu[f])) sum += weights[f] * (std::min)(nu[f], most);
  return sum;
}

}  // namespace detail

/// Adds up the noise of features by weights, (features) each.  A feature of which a set of groups has nothing in the
/// reference (NaN) adds nothing there.  Throws where a weight is negative or not finite.
inline noise_sum sum_noise(const feature_noise& noise, std::span<const double> weights, double most = most_noise) {
  require(weights.size() == noise.features(), "a sum of noise needs one weight for each feature");
  for (const double w : weights)
    require(w >= 0.0 && std::isfinite(w), "a feature's weight is finite and at least 0");
  const auto sum = [&](std::span<const double> nu) { return detail::limited_sum(nu, weights, most); };
  noise_sum out;
  out.all = sum(noise.all);
  for (std::size_t h = 0; h < 2; ++h) {
    out.half[h] = sum(noise.half[h]);
    for (const double nu : noise.half[h])
      out.silent[h] += std::isnan(nu);
  }
  for (std::size_t g = 0; g < noise.groups; ++g)
    out.without.push_back(sum(noise.without_group(g)));
  for (std::size_t g = 0; g < noise.half_groups(); ++g)
    out.half_without.push_back(sum(noise.half_without_group(g)));
  for (const double nu : noise.all) {
    out.limited += nu >= most;
    out.lost += nu == std::numeric_limits<double>::infinity();
  }
  return out;
}

}  // namespace qfa

#endif
