// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BUDGET_BUDGET_CHOICE_HPP
#define QFA_BUDGET_BUDGET_CHOICE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "qfa/budget/budget_relaxation.hpp"
#include "qfa/budget/choice_table.hpp"

namespace qfa {

/// One choice for each layer, within a budget.
struct budget_choice {
  std::vector<std::size_t> chosen{};
  double cost = 0.0;
  std::uint64_t size = 0;
  double bound = 0.0;      ///< no choice within the budget costs less: the Lagrangian's, see budget_relaxation
  bool exact = false;      ///< whether no choice within the budget costs less than this one, up to rounding
  std::size_t states = 0;  ///< that the search has kept

  double gap() const noexcept { return cost - bound; }
};

/// The cheapest of the choices that are the same in all layers; nothing where none keeps the budget.  Of equals the one
/// that takes least, then the first.
inline std::optional<std::size_t> best_uniform(const choice_table& table, std::uint64_t budget) {
  std::optional<std::size_t> best;
  std::pair<double, std::uint64_t> least;
  for (std::size_t c = 0; c < table.choices; ++c) {
    const std::vector<std::size_t> same(table.layers(), c);
    const std::pair found(table.cost_of(same), table.size_of(same));
    if (found.second > budget || (best && found >= least)) continue;
    best = c;
    least = found;
  }
  return best;
}

namespace detail {

/// The choices of the first layers, as far as their sums go.
struct partial_choice {
  std::uint64_t size;
  double cost;
  std::uint32_t before;  ///< its state of the layer before
  std::uint32_t choice;  ///< of the last of these layers
};

/// The cheapest choice, of equals one that takes least; nothing where it would take more than `most_states`.
///
/// Layer by layer, every sum of sizes that can be reached, with the least cost at that size or below (Nemhauser,
/// Ullmann 1969): sums stand in for a table over all sizes in units of their greatest common divisor, of which they
/// fill a part.  A state goes no further where the layers behind it do not fit, or where, at lambda's price, they
/// cannot make it as cheap as `known`.
inline std::optional<std::vector<std::size_t>> exact_choice(const choice_table& table, std::uint64_t budget,
                                                            const budget_relaxation& relaxed, double known,
                                                            std::size_t most_states, std::size_t& kept) {
  const std::size_t layers = table.layers();
  std::vector<double> priced(layers + 1, 0.0);
  std::vector<std::uint64_t> least(layers + 1, 0);
  double magnitude = std::fabs(known);
  for (std::size_t l = layers; l-- > 0;) {
    priced[l] = priced[l + 1] + relaxed.priced(table, l);
    std::uint64_t smallest = table.size(l, 0);
    double largest = 0.0;
    for (std::size_t c = 0; c < table.choices; ++c) {
      smallest = (std::min)(smallest, table.size(l, c));
      largest = (std::max)(largest, std::fabs(table.cost(l, c)));
    }
    least[l] = least[l + 1] + smallest;
    magnitude += largest + std::fabs(priced[l]);
  }
  // Above what rounding may do to a bound: a slack lets more states through and no fewer.
  const double slack = 1e-12 * (magnitude + relaxed.rate * static_cast<double>(budget));

  std::vector<std::vector<partial_choice>> reached(layers);
  std::vector<partial_choice> from{{0, 0.0, 0, 0}};
  for (std::size_t l = 0; l < layers; ++l) {
    std::vector<partial_choice> all;
    for (std::size_t s = 0; s < from.size(); ++s)
      for (std::size_t c = 0; c < table.choices; ++c) {
        const std::uint64_t size = from[s].size + table.size(l, c);
        const double cost = from[s].cost + table.cost(l, c);
        if (size + least[l + 1] > budget) continue;
        if (cost + priced[l + 1] - relaxed.rate * static_cast<double>(budget - size) > known + slack) continue;
        all.push_back({size, cost, static_cast<std::uint32_t>(s), static_cast<std::uint32_t>(c)});
        if (kept + all.size() > most_states) return std::nullopt;
      }
    std::ranges::stable_sort(all, [](const partial_choice& a, const partial_choice& b) {
      return a.size != b.size ? a.size < b.size : a.cost < b.cost;
    });
    double cheapest = std::numeric_limits<double>::infinity();
    for (const partial_choice& state : all) {
      if (state.cost >= cheapest) continue;
      cheapest = state.cost;
      reached[l].push_back(state);
    }
    kept += reached[l].size();
    from = reached[l];
  }
  if (from.empty()) return std::nullopt;
  std::vector<std::size_t> chosen(layers);
  std::size_t state = from.size() - 1;  // costs fall as sizes grow
  for (std::size_t l = layers; l-- > 0;) {
    chosen[l] = reached[l][state].choice;
    state = reached[l][state].before;
  }
  return chosen;
}

}  // namespace detail

/// The cheapest choice for each layer within a budget.  Exact where the search keeps no more than `most_states` states
/// of 24 bytes; else that of relax_budget, or the best uniform one where that is cheaper.  Of choices as cheap one that
/// takes least, where exact.  Never worse than the best that is the same in all layers.
///
/// Throws as choice_table::validate does, and where no choice keeps the budget.
inline budget_choice least_cost_choice(const choice_table& table, std::uint64_t budget,
                                       std::size_t most_states = std::size_t{1} << 22) {
  const budget_relaxation relaxed = relax_budget(table, budget);
  budget_choice out{.chosen = relaxed.chosen, .bound = relaxed.bound};
  if (const std::optional<std::size_t> same = best_uniform(table, budget)) {
    const std::vector<std::size_t> uniform(table.layers(), *same);
    if (table.cost_of(uniform) < table.cost_of(out.chosen)) out.chosen = uniform;
  }
  if (auto found = detail::exact_choice(table, budget, relaxed, table.cost_of(out.chosen),
                                        (std::min)(most_states, std::size_t{0xffffffff}), out.states)) {
    out.chosen = std::move(*found);
    out.exact = true;
  }
  out.cost = table.cost_of(out.chosen);
  out.size = table.size_of(out.chosen);
  out.bound = (std::min)(out.bound, out.cost);  // above it by rounding alone
  return out;
}

}  // namespace qfa

#endif
