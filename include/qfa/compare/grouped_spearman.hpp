// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_GROUPED_SPEARMAN_HPP
#define QFA_COMPARE_GROUPED_SPEARMAN_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/compare/correlation.hpp"
#include "qfa/compare/ranks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

namespace detail {

/// Ranks of some of the values, taken anew from the order of all: a sort for the whole, a walk for each part.
class reusable_ranks {
 public:
  explicit reusable_ranks(std::span<const double> values) {
    for_each_tie(values, [&](std::size_t first, std::size_t last, std::span<const std::size_t> order) {
      for (std::size_t i = first; i < last; ++i)
        order_.push_back(static_cast<std::uint32_t>(order[i]));
      ends_.push_back(static_cast<std::uint32_t>(last));
    });
  }

  /// Mid-ranks of the values for which kept(i), each at its place among these.
  template <class Kept>
  std::vector<double> operator()(Kept kept, std::span<const std::uint32_t> place_of, std::size_t count) const {
    std::vector<double> ranks(count);
    std::size_t before = 0, first = 0;  // kept values that are smaller; where the tie begins
    for (const std::uint32_t last : ends_) {
      std::size_t members = 0;
      for (std::size_t i = first; i < last; ++i)
        members += kept(order_[i]);
      const double shared = 0.5 * static_cast<double>(2 * before + members + 1);
      for (std::size_t i = first; i < last; ++i)
        if (kept(order_[i])) ranks[place_of[order_[i]]] = shared;
      before += members;
      first = last;
    }
    return ranks;
  }

 private:
  std::vector<std::uint32_t> order_;  // indices by increasing value
  std::vector<std::uint32_t> ends_;   // of each set of equal values in it
};

}  // namespace detail

/// Spearman's correlation of pairs that come in groups, with its delete-one-group interval on atanh; ranks are taken
/// anew without each group.  `group` holds the group of each pair, below `groups`.  The value is NaN where either side
/// does not vary.  Throws where a value is NaN.
///
/// Both sides are sorted once, and each deletion walks the sorted order.
inline estimate grouped_spearman(std::span<const double> a, std::span<const double> b,
                                 std::span<const std::uint32_t> group, std::size_t groups, double level = 0.95) {
  require(a.size() == b.size() && a.size() == group.size(), "grouped_spearman needs a group for each pair");
  require(a.size() <= (std::numeric_limits<std::uint32_t>::max)(), "grouped_spearman takes fewer than 2^32 pairs");
  const detail::reusable_ranks of_a(a), of_b(b);
  const auto without = [&](std::size_t left_out) {
    std::vector<std::uint32_t> place_of(group.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < group.size(); ++i)
      if (group[i] != left_out) place_of[i] = static_cast<std::uint32_t>(count++);
    const auto kept = [&](std::size_t i) { return group[i] != left_out; };
    const std::vector<double> ranks_a = of_a(kept, place_of, count), ranks_b = of_b(kept, place_of, count);
    return pearson(ranks_a, ranks_b);
  };
  return jackknife(without(groups), groups, without, {.scale = interval_scale::atanh, .level = level});
}

}  // namespace qfa

#endif
