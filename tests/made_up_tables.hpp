// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MADE_UP_TABLES_HPP
#define QFA_TESTS_MADE_UP_TABLES_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "qfa/budget/choice_table.hpp"

namespace qfa_test {

/// Costs of `steps` different values, from -steps / 4 on; sizes from 0 to 9, times `unit`: ties abound.
inline qfa::choice_table made_table(std::size_t layers, std::size_t choices, unsigned seed, unsigned steps = 1U << 30,
                                    std::uint64_t unit = 1) {
  std::mt19937 random(seed);
  qfa::choice_table table{.choices = choices};
  for (std::size_t i = 0; i < layers * choices; ++i) {
    table.costs.push_back(static_cast<double>(random() % steps) / 7.0 - steps / 4 / 7.0);
    table.sizes.push_back(unit * (random() % 10));
  }
  return table;
}

/// Sizes that are the same in all layers, and costs that fall as they grow: as bits do.
inline qfa::choice_table bits_table(std::size_t layers, std::size_t choices, unsigned seed) {
  std::mt19937 random(seed);
  qfa::choice_table table{.choices = choices};
  for (std::size_t l = 0; l < layers; ++l) {
    const double weight = 1.0 + static_cast<double>(random() % 1000);
    for (std::size_t c = 0; c < choices; ++c) {
      const double noise = 0.7 + static_cast<double>(random() % 1000) / 1600.0;
      table.costs.push_back(weight * noise / static_cast<double>(std::size_t{1} << (2 * c)));
      table.sizes.push_back(4096 * (c + 2) + 997);
    }
  }
  return table;
}

struct enumerated {
  double cost;
  std::uint64_t size;
};

/// The least cost within the budget, and the least size at that cost, over every choice there is.
inline std::optional<enumerated> try_all(const qfa::choice_table& table, std::uint64_t budget) {
  std::optional<enumerated> best;
  std::vector<std::size_t> chosen(table.layers(), 0);
  for (;;) {
    const enumerated found{table.cost_of(chosen), table.size_of(chosen)};
    if (found.size <= budget &&
        (!best || found.cost < best->cost || (found.cost == best->cost && found.size < best->size)))
      best = found;
    std::size_t l = 0;
    while (l < chosen.size() && ++chosen[l] == table.choices)
      chosen[l++] = 0;
    if (l == chosen.size()) return best;
  }
}

}  // namespace qfa_test

#endif
