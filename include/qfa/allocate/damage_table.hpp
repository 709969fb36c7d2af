// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALLOCATE_DAMAGE_TABLE_HPP
#define QFA_ALLOCATE_DAMAGE_TABLE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "qfa/budget/choice_table.hpp"
#include "qfa/core/error.hpp"
#include "qfa/locate/noise_sum.hpp"

namespace qfa {

/// Where noise to signal ends: r = 0.1.  A feature beyond it is gone, and how far would decide every sum over features.
inline constexpr double gone_noise = most_noise;

/// Weighted mean over features of min(nu, 99); NaN where no weight is on a feature that has a nu.
inline double mean_damage(std::span<const double> noise, std::span<const double> weights) noexcept {
  double sum = 0.0, all = 0.0;
  for (std::size_t j = 0; j < noise.size(); ++j) {
    if (std::isnan(noise[j])) continue;
    sum += weights[j] * (std::min)(noise[j], gone_noise);
    all += weights[j];
  }
  return sum / all;
}

/// What each matrix does by itself under each policy, and what it then takes: what an allocation chooses from.  All
/// tables are (units, options), unit by unit.
struct damage_table {
  std::vector<std::string> units{};       ///< tensors' names
  std::vector<std::string> options{};     ///< policies' names
  std::vector<std::uint32_t> features{};  ///< those that are measured
  std::vector<std::uint64_t> bits{};      ///< stored, scales included
  std::vector<double> kl{};               ///< mean KL(reference || compressed), nats a token; at least 0
  std::vector<double> noise{};            ///< (units, options, features): I_tj, at most 99

  std::size_t at(std::size_t unit, std::size_t option) const noexcept { return unit * options.size() + option; }
  std::span<const double> noise_of(std::size_t unit, std::size_t option) const noexcept {
    return std::span(noise).subspan(at(unit, option) * features.size(), features.size());
  }
  /// Weighted means over features of the noise: sums over units are an objective's prediction.  Throws where there is
  /// not one weight for each feature.
  std::vector<double> damages(std::span<const double> weights) const {
    require(weights.size() == features.size(), "an allocation needs one weight for each measured feature");
    std::vector<double> out;
    for (std::size_t u = 0; u < units.size(); ++u)
      for (std::size_t o = 0; o < options.size(); ++o)
        out.push_back(mean_damage(noise_of(u, o), weights));
    return out;
  }
  /// Noise of each feature where every unit does what it does by itself: sums over units.
  std::vector<double> predicted_noise(std::span<const std::size_t> chosen) const {
    std::vector<double> out(features.size(), 0.0);
    for (std::size_t u = 0; u < units.size(); ++u) {
      const std::span<const double> own = noise_of(u, chosen[u]);
      for (std::size_t j = 0; j < out.size(); ++j)
        out[j] += own[j];
    }
    return out;
  }
  /// Units whose compression no feature notices, whatever the option: what lies behind the hook, as a rule.
  std::vector<std::size_t> unheard() const {
    std::vector<std::size_t> out;
    for (std::size_t u = 0; u < units.size(); ++u) {
      const std::span<const double> all =
          std::span(noise).subspan(at(u, 0) * features.size(), options.size() * features.size());
      if (std::ranges::all_of(all, [](double nu) { return nu == 0.0; })) out.push_back(u);
    }
    return out;
  }
  std::uint64_t bits_of(std::span<const std::size_t> chosen) const {
    return choice_table{.choices = options.size(), .costs = {}, .sizes = bits}.size_of(chosen);
  }
  /// The option that takes most of those that fit when all units have it, of equals the first.
  std::optional<std::size_t> uniform_within(std::uint64_t most_bits) const {
    std::optional<std::size_t> best;
    std::uint64_t largest = 0;
    for (std::size_t o = 0; o < options.size(); ++o) {
      const std::uint64_t size = bits_of(std::vector<std::size_t>(units.size(), o));
      if (size > most_bits || (best && size <= largest)) continue;
      best = o;
      largest = size;
    }
    return best;
  }
};

}  // namespace qfa

#endif
