// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MADE_UP_LADDER_HPP
#define QFA_TESTS_MADE_UP_LADDER_HPP

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "qfa/bits/feature_ladder.hpp"

namespace qfa_test {

inline constexpr std::size_t ladder_groups = 16;

/// r whose noise to signal is nu.
inline double correlation_of(double nu) { return 1.0 / std::sqrt(1.0 + nu); }

/// Correlations of features of the given noise to signal, of which each group moves the logarithm to the base 2 by
/// about `noise` / groups.
inline qfa::leave_one_out made_correlations(const std::vector<double>& nu, double noise, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  qfa::leave_one_out out;
  out.groups = ladder_groups;
  out.shift.resize(ladder_groups * nu.size());
  for (std::size_t f = 0; f < nu.size(); ++f) {
    out.r.push_back(correlation_of(nu[f]));
    out.evidence.push_back({ladder_groups, static_cast<double>(ladder_groups)});
    for (std::size_t g = 0; g < ladder_groups; ++g)
      out.shift[g * nu.size() + f] = static_cast<float>(
          correlation_of(nu[f] * std::exp2(noise / static_cast<double>(ladder_groups) * normal(random))) - out.r[f]);
  }
  out.ranges.resize(nu.size());
  return out;
}

/// A ladder from 3 to 8 bits over features of planted laws.
struct made_ladder {
  std::vector<qfa::damage_law> laws;
  std::vector<qfa::leave_one_out> correlations;
  std::vector<std::uint32_t> features;

  explicit made_ladder(std::size_t count, double noise = 0.2) {
    for (std::size_t f = 0; f < count; ++f) {
      // Crossings from 2 to 10 bits, and sizes over two octaves.
      const double a = 0.5 * std::exp2(2.0 * static_cast<double>(f * 7 % count) / static_cast<double>(count));
      laws.push_back({.c = a * std::exp2(2.0 + 8.0 * static_cast<double>(f) / static_cast<double>(count)), .a = a});
      features.push_back(static_cast<std::uint32_t>(f));
    }
    for (int b = 3; b <= 8; ++b)
      correlations.push_back(made_correlations(at(b), noise, static_cast<unsigned>(b)));
  }

  /// nu of every feature by its law.
  std::vector<double> at(double bits) const {
    std::vector<double> nu;
    for (const qfa::damage_law& law : laws)
      nu.push_back(law(bits));
    return nu;
  }
  std::vector<qfa::ladder_rung> rungs() const {
    std::vector<qfa::ladder_rung> out;
    for (std::size_t i = correlations.size(); i-- > 0;)  // in any order: here the most bits first
      out.push_back({3.0 + static_cast<double>(i), &correlations[i]});
    return out;
  }
};

}  // namespace qfa_test

#endif
