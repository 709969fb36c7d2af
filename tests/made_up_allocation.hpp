// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MADE_UP_ALLOCATION_HPP
#define QFA_TESTS_MADE_UP_ALLOCATION_HPP

#include <cstddef>
#include <vector>

#include "qfa/allocate/result.hpp"

namespace qfa_test {

/// Two matrices, two options and 100 features, of which mixed precision keeps 80 and uniform precision 70, give or take
/// one in each of ten groups.  Smoothed counts move by half as much, and smoothed medians as the medians do.
inline qfa::allocation_result made_allocation() {
  qfa::allocation_result a{.hook = "blocks.1.hook_resid_post", .weighting = "uniform", .budget_bits = 800};
  a.table = {.units = {"first", "second"},
             .options = {"rtn:bits=3", "rtn:bits=4"},
             .features = {0, 1},
             .bits = {300, 400, 300, 400},
             .kl = {0.4, 0.1, 0.2, 0.1},
             .noise = {0.4, 0.2, 0.4, 0.2, 0.0, 0.0, 0.0, 0.0}};
  a.gate = "jump_relu";
  a.sae_width = 512;
  a.reference_fvu = 0.0625;
  a.warnings = {"some rows are held-out rows"};
  a.uniform = 1;
  a.damages = {0.3, 0.1, 0.0, 0.0};
  a.fit_tokens = 640;
  a.held_out_tokens = 1280;
  a.held_out_groups = 10;
  a.adds_up.lower_quartile = 0.8;
  a.adds_up.median.value = 1.125;
  a.adds_up.median.range.kind = qfa::interval_kind::two_sided;
  a.adds_up.median.range.lower = 1.0;
  a.adds_up.median.range.upper = 1.25;
  a.adds_up.upper_quartile = 1.25;
  a.adds_up.features = 100;
  const std::vector<std::vector<std::size_t>> chosen{{1, 1}, {1, 0}, {0, 0}, {1, 1}};
  const std::vector<double> survived{70.0, 80.0, 90.0, 72.0};
  for (std::size_t i = 0; i < 4; ++i) {
    qfa::allocation one = predict_allocation(a.table, a.damages, chosen[i]);
    one.bound = 0.875 * one.damage;
    a.predicted.push_back(one);
    qfa::held_out_mix mix{
        .name = std::string(qfa::mix_names[i]), .chosen = chosen[i], .bits = one.bits, .features = 100};
    mix.fvu = 0.125;
    const double scale = static_cast<double>(i + 1);
    const double kept = survived[i];
    mix.whole = {kept, 0.1 * scale, 0.2 * scale, 0.3 * scale, kept + 0.25 * scale, kept, 0.1 * scale, 0.1 * scale};
    for (std::size_t g = 0; g < 10; ++g) {
      const double moved = static_cast<double>(g % 3) - 1.0;
      const double by = 1.0 + 0.01 * moved * scale;
      const double step = i % 2 == 0 ? moved : 0.0;
      mix.without.push_back({kept + step, 0.1 * scale * by, 0.2 * scale * by, 0.3 * scale * by,
                             kept + 0.25 * scale + 0.5 * step, kept + 0.5 * step, 0.1 * scale * by, 0.1 * scale * by});
    }
    a.mixes.push_back(std::move(mix));
  }
  a.comparisons = {compare_mixes(a.mixes[1], a.mixes[0]), compare_mixes(a.mixes[2], a.mixes[0]),
                   compare_mixes(a.mixes[3], a.mixes[0]), compare_mixes(a.mixes[1], a.mixes[3])};
  return a;
}

}  // namespace qfa_test

#endif
