// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_LEAVE_ONE_OUT_HPP
#define QFA_STATS_LEAVE_ONE_OUT_HPP

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/comoments.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// How the interval of one feature's r is made: on atanh r, by the feature's own degrees of freedom, with skewness.
inline jackknife_options correlation_interval(const group_evidence& evidence, double level = 0.95) noexcept {
  return {.scale = interval_scale::atanh,
          .level = level,
          .dof = evidence.dof(),
          .effective_groups = evidence.effective,
          .skewed = true};
}

/// r of every feature, its interval, and r with each group of rows left out.
///
/// Any aggregate over features is a function of these numbers, so its jackknife needs no second pass over tokens: 4
/// bytes for each feature and group.  What is stored is r(-g) - r, not r(-g): as a float the latter has steps of 6e-8,
/// which is most of what a group moves where r is 0.99999.
struct leave_one_out {
  std::size_t groups = 0;                ///< that hold any token
  std::vector<double> r;                 ///< (features)
  std::vector<float> shift;              ///< (groups, features): r without the group, less r
  std::vector<interval> ranges;          ///< (features): on atanh r, dof and skewness of the feature's own
  std::vector<group_evidence> evidence;  ///< (features)

  std::size_t features() const noexcept { return r.size(); }

  /// r of a feature without a group.  Precondition: group < groups, feature < features(); checked by assert.
  double without(std::size_t group, std::size_t feature) const noexcept {
    assert(group < groups && feature < r.size());
    // A correlation of exactly 1 must not come back as 1 + 1e-12: atanh would make it NaN.
    return std::clamp(r[feature] + static_cast<double>(shift[group * r.size() + feature]), -1.0, 1.0);
  }

  /// r of the given features without `group`.
  std::vector<double> without(std::size_t group, std::span<const std::uint32_t> chosen) const {
    std::vector<double> values;
    values.reserve(chosen.size());
    for (const std::uint32_t feature : chosen)
      values.push_back(without(group, feature));
    return values;
  }

  /// r of the given features, of all groups.
  std::vector<double> of(std::span<const std::uint32_t> chosen) const {
    std::vector<double> values;
    values.reserve(chosen.size());
    for (const std::uint32_t feature : chosen)
      values.push_back(r[feature]);
    return values;
  }
};

/// Groups by those that are left out together, in order; what stands in none of them is not looked at.
using group_blocks = std::vector<std::vector<std::size_t>>;

/// The groups of a selection that hold tokens, `together` neighbors at a time (2: groups 0 and 1, 2 and 3, ...).
/// Throws where `together` is 0.
inline group_blocks blocks_of(const feature_table& table, group_selection selection = group_selection::all,
                              std::size_t together = 1) {
  require(together > 0, "groups are left out one at a time or more");
  group_blocks out;
  std::size_t place = 0;  // of the last block
  for (std::size_t g = 0; g < table.groups(); ++g) {
    if (table.tokens(g) == 0 || !selects(selection, g)) continue;
    if (out.empty() || g / together != place) out.emplace_back();
    out.back().push_back(g);
    place = g / together;
  }
  return out;
}

namespace detail {

/// What fired of a feature in the groups of a block.
inline comoments cells_of(const feature_table& table, std::size_t feature, std::span<const std::size_t> block) {
  comoments sum;
  for (const std::size_t g : block)
    sum += table.cell(feature, g).either;
  return sum;
}

}  // namespace detail

/// Computes r and its leave-one-out values for every feature of the table; `correlation` takes `comoments` and says
/// what r is: `published_pearson`, or a lambda around `pearson`, a name that has other meanings, too.
///
/// All but group g is what comes before it, merged with what comes after: with the merges from the left and from the
/// right kept, a feature costs 3 G merges, not G^2.  With `blocks`, these are what is left out, and all that counts.
template <class Correlation>
leave_one_out leave_groups_out(const feature_table& table, Correlation correlation, double level = 0.95,
                               const std::optional<group_blocks>& blocks = {}) {
  const group_blocks groups = blocks ? *blocks : blocks_of(table);
  std::vector<std::uint64_t> tokens_in;
  std::uint64_t tokens = 0;
  for (const std::vector<std::size_t>& block : groups) {
    tokens_in.push_back(0);
    for (const std::size_t g : block)
      tokens_in.back() += table.tokens(g);
    tokens += tokens_in.back();
  }
  const std::size_t width = table.width();

  leave_one_out out;
  out.groups = groups.size();
  out.r.resize(width);
  out.shift.resize(groups.size() * width);
  out.ranges.resize(width);
  out.evidence.resize(width);

  constexpr std::size_t block = 64;
  parallel_for((width + block - 1) / block, [&](std::size_t b) {
    std::vector<comoments> after(groups.size() + 1);
    std::vector<double> without(groups.size());
    const auto r_of = [&](comoments firing, std::uint64_t n) {
      firing.add_zeros(n - firing.count);
      return correlation(firing);
    };
    for (std::size_t f = b * block; f < (std::min)(width, (b + 1) * block); ++f) {
      for (std::size_t i = groups.size(); i-- > 0;) {
        after[i] = detail::cells_of(table, f, groups[i]);
        after[i] += after[i + 1];
      }
      comoments before;
      for (std::size_t i = 0; i < groups.size(); ++i) {
        comoments rest = before;
        rest += after[i + 1];
        without[i] = r_of(rest, tokens - tokens_in[i]);
        before += detail::cells_of(table, f, groups[i]);
      }
      out.r[f] = r_of(before, tokens);
      out.evidence[f] = evidence_of(table, f, groups);
      for (std::size_t i = 0; i < groups.size(); ++i)
        out.shift[i * width + f] = static_cast<float>(without[i] - out.r[f]);
      out.ranges[f] = jackknife(out.r[f], without, correlation_interval(out.evidence[f], level)).range;
    }
  });
  return out;
}

/// Any statistic of the chosen features' r, with its interval; theta takes a `std::span<const double>` in the order of
/// `features`.
template <std::invocable<std::span<const double>> Theta>
estimate estimate_over(const leave_one_out& r, std::span<const std::uint32_t> features, Theta theta,
                       const jackknife_options& options) {
  const std::vector<double> whole = r.of(features);
  const auto without = [&](std::size_t g) {
    const std::vector<double> rest = r.without(g, features);
    return theta(std::span<const double>(rest));
  };
  return jackknife(theta(std::span<const double>(whole)), r.groups, without, options);
}

/// A statistic of two conditions, with its interval; theta takes the chosen features' r under a and under b.  The same
/// group is left out of both, so what the two share cancels.  Throws unless both are of the same groups and dictionary.
template <std::invocable<std::span<const double>, std::span<const double>> Theta>
estimate estimate_over(const leave_one_out& a, const leave_one_out& b, std::span<const std::uint32_t> features,
                       Theta theta, const jackknife_options& options) {
  require(a.groups == b.groups && a.features() == b.features(),
          "estimate_over compares conditions of the same rows and the same dictionary");
  const auto of = [&](const std::vector<double>& x, const std::vector<double>& y) {
    return theta(std::span<const double>(x), std::span<const double>(y));
  };
  const auto without = [&](std::size_t g) { return of(a.without(g, features), b.without(g, features)); };
  return jackknife(of(a.of(features), b.of(features)), a.groups, without, options);
}

}  // namespace qfa

#endif
