// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_DAMAGE_SAMPLE_HPP
#define QFA_CONTROLS_DAMAGE_SAMPLE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/reference_profiles.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/leave_one_out.hpp"

namespace qfa {

/// What a compression, or a control of one, leaves of the features that an audit counts: all that comparisons of
/// conditions need, in 4 bytes for each feature and group of rows.
///
/// A feature that is silent on the compressed model has r = 0 here: it correlates with nothing, and every feature has a
/// rank.
struct damage_sample {
  std::string name;
  std::size_t groups = 0;            ///< of rows, those that hold tokens
  std::vector<double> r;             ///< (counted)
  std::vector<float> shift;          ///< (groups, counted): r without the group, less r
  std::vector<double> even;          ///< (counted): r on the even groups alone
  std::vector<double> odd;           ///< and on the odd ones
  std::vector<std::uint8_t> in_odd;  ///< (groups): whether the group is one of these
  std::vector<float> half_shift{};   ///< (groups, counted): r on the group's half without it, less r on that half
  double flip_share = 0.0;    ///< of the counted features' error energy, weighted by energy; NaN where nothing changed
  std::uint64_t changed = 0;  ///< counted features whose codes are not the reference's to the bit

  std::size_t features() const noexcept { return r.size(); }

  /// r without `group`, or of all where that is `groups`.
  std::vector<double> without(std::size_t group) const {
    std::vector<double> out = r;
    if (group < groups)
      for (std::size_t f = 0; f < out.size(); ++f)
        out[f] = std::clamp(r[f] + static_cast<double>(shift[group * r.size() + f]), -1.0, 1.0);
    return out;
  }

  /// r on the even or the odd groups, without `group`, or of all of them where that is `groups`.  Needs `half_shift`.
  /// Throws where that is needed and not there.
  std::vector<double> half_without(bool of_odd, std::size_t group) const {
    std::vector<double> out = of_odd ? odd : even;
    if (group == groups || (in_odd[group] != 0) != of_odd) return out;
    require(half_shift.size() == groups * r.size(), "a sample was made without what its halves are without each group");
    for (std::size_t f = 0; f < out.size(); ++f)
      out[f] = std::clamp(out[f] + static_cast<double>(half_shift[group * r.size() + f]), -1.0, 1.0);
    return out;
  }
};

namespace detail {

inline double zero_if_undefined(double r) noexcept { return std::isnan(r) ? 0.0 : r; }

}  // namespace detail

/// The sample of a pass by its table; `counted` are the features, increasing.  `with_halves` also gathers what each
/// half is without each of its groups.
inline damage_sample sample_of(const feature_table& table, std::span<const std::uint32_t> counted, std::string name,
                               bool with_halves = false) {
  const leave_one_out all =
      leave_groups_out(table, [](const comoments& c) { return detail::zero_if_undefined(pearson(c)); });
  damage_sample out;
  out.name = std::move(name);
  out.groups = all.groups;
  out.r = all.of(counted);
  out.shift.reserve(all.groups * counted.size());
  for (std::size_t g = 0; g < all.groups; ++g)
    for (const std::uint32_t f : counted)
      out.shift.push_back(all.shift[g * all.features() + f]);
  out.even = correlations_on(table, counted, group_selection::even);
  out.odd = correlations_on(table, counted, group_selection::odd);
  for (std::vector<double>* half : {&out.even, &out.odd})
    std::ranges::transform(*half, half->begin(), detail::zero_if_undefined);
  const std::vector<std::size_t> groups = filled_groups(table);
  for (const std::size_t g : groups)
    out.in_odd.push_back(selects(group_selection::odd, g));
  if (with_halves) {
    out.half_shift.resize(groups.size() * counted.size());
    parallel_for(groups.size(), [&](std::size_t i) {
      const bool of_odd = out.in_odd[i] != 0;
      const std::vector<double> rest =
          correlations_on(table, counted, of_odd ? group_selection::odd : group_selection::even, groups[i]);
      for (std::size_t f = 0; f < counted.size(); ++f)
        out.half_shift[i * counted.size() + f] =
            static_cast<float>(detail::zero_if_undefined(rest[f]) - (of_odd ? out.odd : out.even)[f]);
    });
  }
  double flips = 0.0, on = 0.0;
  for (const std::uint32_t f : counted) {
    const feature_totals total = table.total(f);
    flips += total.fired.flip_energy;
    on += total.fired.on_energy;
    out.changed += total.fired.flip_energy + total.fired.on_energy != 0.0;
  }
  out.flip_share = ratio(flips, flips + on);
  return out;
}

/// Membership of the features that did not survive, r <= limit.
inline std::vector<std::uint8_t> not_surviving(std::span<const double> r, double limit) {
  std::vector<std::uint8_t> in(r.size());
  std::ranges::transform(r, in.begin(), [limit](double x) { return static_cast<std::uint8_t>(!(x > limit)); });
  return in;
}

/// Membership of the `count` features with the least r, of equal ones those that come first.  Throws where there are
/// fewer features.
inline std::vector<std::uint8_t> least_correlated(std::span<const double> r, std::size_t count) {
  require(count <= r.size(), "the worst features are some of those that there are");
  std::vector<std::size_t> order(r.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto worse = [&](std::size_t i, std::size_t j) { return r[i] != r[j] ? r[i] < r[j] : i < j; };
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), worse);
  std::vector<std::uint8_t> in(r.size(), 0);
  for (std::size_t k = 0; k < count; ++k)
    in[order[k]] = 1;
  return in;
}

/// Share of the features with r > limit; NaN of none.
inline double surviving_share(std::span<const double> r, double limit) noexcept {
  return ratio(static_cast<double>(std::ranges::count_if(r, [limit](double x) { return x > limit; })),
               static_cast<double>(r.size()));
}

}  // namespace qfa

#endif
