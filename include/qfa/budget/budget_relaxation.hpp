// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BUDGET_BUDGET_RELAXATION_HPP
#define QFA_BUDGET_BUDGET_RELAXATION_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "qfa/budget/choice_table.hpp"
#include "qfa/core/error.hpp"

// One choice for each layer so that the sum of costs is least while the sum of sizes keeps a budget: the
// multiple-choice knapsack problem (Kellerer, Pferschy, Pisinger 2004, "Knapsack problems", chapter 11), by way of its
// relaxation.

namespace qfa {

/// From one corner of a layer's lower convex hull of costs over sizes to the next.
struct hull_step {
  std::size_t layer, from, to;  ///< choices
  std::uint64_t extra;          ///< size
  double drop;                  ///< in cost, above 0
  double rate;                  ///< drop / extra; within a layer each step's is below the one's before
};

/// A layer's hull: the choice that takes least, and the steps from there.
struct layer_hull {
  std::size_t first = 0;
  std::vector<hull_step> steps{};
};

/// Of choices that are equal the first counts, of those that take as much the cheapest.
inline layer_hull hull_of(const choice_table& table, std::size_t layer) {
  std::vector<std::size_t> order(table.choices);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    if (table.size(layer, a) != table.size(layer, b)) return table.size(layer, a) < table.size(layer, b);
    return table.cost(layer, a) < table.cost(layer, b);
  });
  layer_hull hull{.first = order.front()};
  const auto step = [&](std::size_t from, std::size_t to) {
    const std::uint64_t extra = table.size(layer, to) - table.size(layer, from);
    const double drop = table.cost(layer, from) - table.cost(layer, to);
    return hull_step{layer, from, to, extra, drop, drop / static_cast<double>(extra)};
  };
  for (const std::size_t c : order) {
    const std::size_t last = hull.steps.empty() ? hull.first : hull.steps.back().to;
    if (table.cost(layer, c) >= table.cost(layer, last)) continue;  // takes as much at least and costs as much
    hull_step next = step(last, c);
    while (!hull.steps.empty() && hull.steps.back().rate <= next.rate) {
      next = step(hull.steps.back().from, c);
      hull.steps.pop_back();
    }
    hull.steps.push_back(next);
  }
  return hull;
}

/// A good choice, and what none can beat.
struct budget_relaxation {
  std::vector<std::size_t> chosen{};
  double rate = 0.0;   ///< lambda: what the last unit of the budget is worth; 0 where there is enough of it
  double bound = 0.0;  ///< sum over layers of min_c (cost + lambda size), less lambda times the budget

  /// What a layer adds to the bound.
  double priced(const choice_table& table, std::size_t layer) const {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < table.choices; ++c)
      least = (std::min)(least, table.cost(layer, c) + rate * static_cast<double>(table.size(layer, c)));
    return least;
  }
};

/// Changes one layer's choice, or two layers' at once, while that lowers the cost and keeps the budget; of all changes
/// the one that lowers it most, the first of equals.
inline void improve_choice(const choice_table& table, std::uint64_t budget, std::vector<std::size_t>& chosen) {
  struct change {
    std::size_t layer, choice;
  };
  for (bool changed = true; changed;) {
    changed = false;
    const std::uint64_t size = table.size_of(chosen);
    double best = 0.0;  // the largest drop
    change first{}, second{};
    const auto drop_of = [&](const change& x) {
      return table.cost(x.layer, chosen[x.layer]) - table.cost(x.layer, x.choice);
    };
    const auto size_after = [&](std::uint64_t before, const change& x) {
      return before - table.size(x.layer, chosen[x.layer]) + table.size(x.layer, x.choice);
    };
    for (change a{0, 0}; a.layer < table.layers(); ++a.layer)
      for (a.choice = 0; a.choice < table.choices; ++a.choice) {
        const double drop = drop_of(a);
        if (drop > best && size_after(size, a) <= budget) {
          best = drop;
          first = second = a;
          changed = true;
        }
        for (change b{a.layer + 1, 0}; b.layer < table.layers(); ++b.layer)
          for (b.choice = 0; b.choice < table.choices; ++b.choice) {
            if (drop + drop_of(b) <= best || size_after(size_after(size, a), b) > budget) continue;
            best = drop + drop_of(b);
            first = a;
            second = b;
            changed = true;
          }
      }
    if (!changed) break;
    // A drop of rounding's size might return for ever.
    const double before = table.cost_of(chosen);
    std::vector<std::size_t> next = chosen;
    next[first.layer] = first.choice;
    next[second.layer] = second.choice;
    if (!(table.cost_of(next) < before)) break;
    chosen = std::move(next);
  }
}

/// Greedy: from the choices that take least, the steps on the layers' hulls that drop the cost most for a unit of size,
/// as far as the budget goes; then what fits of the others; then `improve_choice`.  The first step that does not fit
/// gives lambda, and with it the best bound that the Lagrangian has, which is that of the linear relaxation.
///
/// Throws where not even the choices that take least keep the budget.
inline budget_relaxation relax_budget(const choice_table& table, std::uint64_t budget) {
  table.validate();
  const std::uint64_t least = table.least_size();
  if (least > budget)
    fail("no choice keeps a budget of " + std::to_string(budget) + ", of which " + std::to_string(least) +
         " is the least");
  budget_relaxation out;
  std::vector<hull_step> steps;
  for (std::size_t l = 0; l < table.layers(); ++l) {
    const layer_hull hull = hull_of(table, l);
    out.chosen.push_back(hull.first);
    steps.insert(steps.end(), hull.steps.begin(), hull.steps.end());
  }
  std::ranges::stable_sort(steps, [](const hull_step& a, const hull_step& b) { return a.rate > b.rate; });
  std::uint64_t left = budget - least;
  bool fits = true;
  for (const hull_step& step : steps) {
    if (step.extra > left && fits) {
      fits = false;
      out.rate = step.rate;
    }
    if (step.extra > left || out.chosen[step.layer] != step.from) continue;
    left -= step.extra;
    out.chosen[step.layer] = step.to;
  }
  for (std::size_t l = 0; l < table.layers(); ++l)
    out.bound += out.priced(table, l);
  out.bound -= out.rate * static_cast<double>(budget);
  improve_choice(table, budget, out.chosen);
  return out;
}

}  // namespace qfa

#endif
