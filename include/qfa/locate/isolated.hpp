// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_ISOLATED_HPP
#define QFA_LOCATE_ISOLATED_HPP

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/locate/unit_bench.hpp"
#include "qfa/locate/units.hpp"

namespace qfa {

/// What one unit does under one policy while all else stays as it was: I_tj, in `effect.noise`.
struct isolated_unit {
  std::size_t unit = 0;
  std::size_t option = 0;        ///< which of the policies
  std::optional<double> bits{};  ///< stored, scales included; nothing where the policy does not say
  unit_effect effect;
};

/// The choice that compresses one unit alone by the only option, or all but one.
inline std::vector<std::size_t> one_of_all(std::size_t unit, std::size_t units) {
  std::vector<std::size_t> choice(units, left_alone);
  choice[unit] = 0;
  return choice;
}
inline std::vector<std::size_t> all_but_one(std::size_t unit, std::size_t units) {
  std::vector<std::size_t> choice(units, 0);
  choice[unit] = left_alone;
  return choice;
}

/// Measures every unit by itself under every policy, and gives take(isolated_unit) each result: policy by policy, unit
/// by unit.  A policy compresses the model once; units take their parts of it, and run from their own layer on.
///
/// What is kept is the caller's choice: an effect holds 8 (3 + 2 groups) bytes for each feature.
template <class Take>
void measure_isolated(const unit_bench& bench, std::span<const compression_unit> units,
                      std::span<const any_policy> policies, const target_patterns& targets, Take take) {
  for (std::size_t o = 0; o < policies.size(); ++o) {
    const unit_option option = bench.compress(policies[o], targets);
    bench.measure(
        nullptr, units.size(),
        [&](std::size_t u) {
          return bench.assembled({&option, 1}, units, one_of_all(u, units.size()));
        },
        [&](std::size_t u, unit_effect effect) {
          take(isolated_unit{u, o, stored_bits_of(units[u], option.tensors), std::move(effect)});
        },
        "each unit alone");
  }
}

/// The same, kept.
inline std::vector<isolated_unit> measure_isolated(const unit_bench& bench, std::span<const compression_unit> units,
                                                   std::span<const any_policy> policies,
                                                   const target_patterns& targets = {}) {
  std::vector<isolated_unit> out;
  measure_isolated(bench, units, policies, targets, [&](isolated_unit one) { out.push_back(std::move(one)); });
  return out;
}

}  // namespace qfa

#endif
