// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BUDGET_CHOICE_TABLE_HPP
#define QFA_BUDGET_CHOICE_TABLE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// Whether what parts cost may be added up: what all of them cost together, over the sum of what each costs alone, lies
/// within these: off by a factor of 1.5 at most, either way.  The bar is qfa's own.
struct additive_range {
  static constexpr double least = 0.67, most = 1.5;
  static constexpr bool holds(double ratio) noexcept { return ratio >= least && ratio <= most; }
};

/// What each layer may have, one of several choices: what the choice costs there and what it takes, in any whole unit.
/// (layers, choices), layer by layer.  Costs of layers add up; they may be negative.
struct choice_table {
  static constexpr double most_cost = 1e200;  ///< in magnitude: sums of costs times sizes below 2^53 stay finite

  std::size_t choices = 0;
  std::vector<double> costs{};
  std::vector<std::uint64_t> sizes{};

  std::size_t layers() const noexcept { return choices == 0 ? 0 : costs.size() / choices; }
  double cost(std::size_t layer, std::size_t choice) const { return costs[layer * choices + choice]; }
  std::uint64_t size(std::size_t layer, std::size_t choice) const { return sizes[layer * choices + choice]; }

  /// The sum over layers, in their order.
  double cost_of(std::span<const std::size_t> chosen) const {
    double sum = 0.0;
    for (std::size_t l = 0; l < chosen.size(); ++l)
      sum += cost(l, chosen[l]);
    return sum;
  }
  std::uint64_t size_of(std::span<const std::size_t> chosen) const {
    std::uint64_t sum = 0;
    for (std::size_t l = 0; l < chosen.size(); ++l)
      sum += size(l, chosen[l]);
    return sum;
  }
  /// What every plan takes at least.
  std::uint64_t least_size() const {
    std::uint64_t sum = 0;
    for (std::size_t l = 0; l < layers(); ++l)
      sum += *std::ranges::min_element(std::span(sizes).subspan(l * choices, choices));
    return sum;
  }

  /// Throws unless each layer has as many choices, at least one of both, costs are numbers that can be added up and
  /// multiplied by sizes, and sizes stay below 2^53 in all, so that doubles hold every sum.
  void validate() const {
    require(choices > 0 && !costs.empty() && costs.size() % choices == 0 && sizes.size() == costs.size(),
            "a choice for each layer needs the cost and the size of each choice in each layer, at least one of both");
    double largest = 0.0;
    for (std::size_t l = 0; l < layers(); ++l) {
      for (std::size_t c = 0; c < choices; ++c)
        if (!(std::fabs(cost(l, c)) <= most_cost))
          fail("the cost of choice " + std::to_string(c) + " in layer " + std::to_string(l) +
               " must be a number, of magnitude 1e200 at most");
      largest += static_cast<double>(*std::ranges::max_element(std::span(sizes).subspan(l * choices, choices)));
    }
    require(largest <= 0x1p53, "the sizes of a choice for each layer must stay below 2^53 in all");
  }
};

}  // namespace qfa

#endif
