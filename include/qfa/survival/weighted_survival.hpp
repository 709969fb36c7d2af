// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_WEIGHTED_SURVIVAL_HPP
#define QFA_SURVIVAL_WEIGHTED_SURVIVAL_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/smoothed_count.hpp"
#include "qfa/survival/aggregates.hpp"
#include "qfa/survival/bands.hpp"
#include "qfa/survival/counted_shares.hpp"

// Survival of what features do rather than of features: each counts as much as it weighs.

namespace qfa {

/// The share of all weight that features with r above the limit of survival have.
struct weighted_survival {
  estimate share;                                             ///< interval on logit
  double covered = std::numeric_limits<double>::quiet_NaN();  ///< the counted features' share of all features' weight
};

namespace detail {

template <class Weight>
std::vector<double> group_weights(const feature_table& table, Weight weight) {
  std::vector<double> out;
  for (std::size_t g = 0; g < table.groups(); ++g) {
    if (table.tokens(g) == 0) continue;
    for (std::size_t f = 0; f < table.width(); ++f)
      out.push_back(weight(table.cell(f, g), f));
  }
  return out;
}

}  // namespace detail

/// Sum over tokens of x |w_j| by group and feature, w_j the decoder row whose lengths `norms` has, all 1 if empty. With
/// other lengths, what the feature adds elsewhere: to logits, with |U w_j|.  (groups that hold tokens, features)
template <class Length>
std::vector<double> group_masses(const feature_table& table, std::span<const Length> norms) {
  return detail::group_weights(table, [&](const feature_cell& cell, std::size_t f) {
    return cell.either.sum_x() * (norms.empty() ? 1.0 : static_cast<double>(norms[f]));
  });
}

/// Sum over tokens of (y - x)^2 |w_j|^2: the energy of what the feature's change of code adds to what is decoded.
/// (groups that hold tokens, features)
inline std::vector<double> group_shift_energies(const feature_table& table, std::span<const float> norms) {
  return detail::group_weights(table, [&](const feature_cell& cell, std::size_t f) {
    const double norm = norms.empty() ? 1.0 : static_cast<double>(norms[f]);
    return (cell.flip_energy + cell.on_energy) * norm * norm;
  });
}

/// Survival of the counted `features` of a table of `width` by each of some kinds of weights, (groups, width), all by
/// the same chances to have survived; the weights lose the group that r does without.  Throws for weights of another
/// shape.
inline std::vector<weighted_survival> weigh_survival(const countable& r, std::span<const std::uint32_t> features,
                                                     std::size_t width, std::span<const std::vector<double>> weights,
                                                     const correlation_bands& bands = {}, double level = 0.95) {
  const std::size_t groups = r.groups(), kinds = weights.size();
  std::vector<std::vector<double>> whole;  // (kinds, width)
  for (const std::vector<double>& by : weights) {
    require(by.size() == groups * width, "weights of features come for each group and feature");
    std::vector<double>& sum = whole.emplace_back(width, 0.0);
    for (std::size_t i = 0; i < by.size(); ++i)
      sum[i % width] += by[i];
  }
  const auto rest_of = [&](std::size_t kind, std::size_t g) {
    std::vector<double> rest;
    rest.reserve(features.size());
    for (const std::uint32_t f : features)
      rest.push_back(whole[kind][f] - (g < groups ? weights[kind][g * width + f] : 0.0));
    return rest;
  };
  const outcome_chance survived{outcome::survived, bands};
  std::vector<counted_deletions> by(kinds);
  for (counted_deletions& one : by)
    one.without = one.fine = one.broad = std::vector<double>(groups);
  parallel_for(groups + 1, [&](std::size_t g) {
    const auto chances = [&](auto smoothed) { return r.chances(g, survived, smoothed); };
    const auto counts = chances([](const count_bandwidth&) { return 0.0; });
    const auto fine = chances([](const count_bandwidth& h) { return h.fine; });
    const auto broad = chances([](const count_bandwidth& h) { return h.broad; });
    for (std::size_t k = 0; k < kinds; ++k) {
      const std::vector<double> rest = rest_of(k, g);
      (g < groups ? by[k].without[g] : by[k].value) = share_of_mass(counts, rest);
      (g < groups ? by[k].fine[g] : by[k].fine_value) = share_of_mass(fine, rest);
      (g < groups ? by[k].broad[g] : by[k].broad_value) = share_of_mass(broad, rest);
    }
  });
  std::vector<weighted_survival> out;
  for (std::size_t k = 0; k < kinds; ++k) {
    double covered = 0.0, all = 0.0;
    for (const double w : rest_of(k, groups))
      covered += w;
    for (const double w : whole[k])
      all += w;
    out.push_back({by[k].concluded({.scale = interval_scale::logit, .level = level}), ratio(covered, all)});
  }
  return out;
}

}  // namespace qfa

#endif
