// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_ALLOCATION_JSON_HPP
#define QFA_REPORT_ALLOCATION_JSON_HPP

#include <cstddef>
#include <string>
#include <utility>

#include "qfa/allocate/held_out.hpp"
#include "qfa/allocate/result.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/report/audit_json.hpp"
#include "qfa/report/json_values.hpp"
#include "qfa/report/locate_json.hpp"
#include "qfa/version.hpp"

namespace qfa {

/// The whole result, format "qfa-allocation-1": what was chosen from, what was predicted, what it came to.
inline report_json to_json(const allocation_result& a) {
  const damage_table& table = a.table;
  report_json plans = report_json::array();
  for (std::size_t i = 0; i < a.mixes.size(); ++i) {
    const held_out_mix& mix = a.mixes[i];
    const allocation& predicted = a.predicted[i];
    report_json policies = report_json::array();
    for (const std::size_t o : mix.chosen)
      policies.push_back(table.options[o]);
    plans.push_back({{"name", mix.name},
                     {"bits", mix.bits},
                     {"predicted",
                      {{"objective", number_or_null(predicted.damage)},
                       {"kl", number_or_null(predicted.kl)},
                       {"bound", number_or_null(predicted.bound)},
                       {"exact", predicted.exact},
                       {"kl_share", predicted.kl_share}}},
                     {"sae_fvu", number_or_null(mix.fvu)},
                     {"survived", mix.whole.survived},
                     {"smoothed_survived", number_or_null(mix.whole.smoothed)},
                     {"survived_share", to_json(mix.survived_share())},
                     {"median_noise_to_signal", to_json(mix.median_noise())},
                     {"smoothed_median_noise_to_signal", number_or_null(mix.whole.smoothed_median)},
                     {"objective", to_json(mix.damage())},
                     {"kl", to_json(mix.kl())},
                     {"policies", std::move(policies)}});
  }
  report_json comparisons = report_json::array();
  for (const mix_comparison& c : a.comparisons)
    comparisons.push_back({{"plan", c.a},
                           {"against", c.b},
                           {"survived_more", to_json(c.survived)},
                           {"smoothed_survived_more", to_json(c.smoothed)},
                           {"median_noise_to_signal_ratio", to_json(c.median_noise)},
                           {"smoothed_median_noise_to_signal_ratio", to_json(c.smoothed_median)},
                           {"objective_ratio", to_json(c.damage)},
                           {"kl_ratio", to_json(c.kl)}});
  report_json matrices = report_json::array();
  for (std::size_t u = 0; u < table.units.size(); ++u) {
    report_json options = report_json::array();
    for (std::size_t o = 0; o < table.options.size(); ++o)
      options.push_back({{"policy", table.options[o]},
                         {"bits", table.bits[table.at(u, o)]},
                         {"objective", number_or_null(a.damages[table.at(u, o)])},
                         {"kl", number_or_null(table.kl[table.at(u, o)])}});
    matrices.push_back({{"name", table.units[u]}, {"isolated", std::move(options)}});
  }
  report_json held_out{{"tokens", a.held_out_tokens},
                       {"features", a.mixes.empty() ? 0 : a.mixes.front().features},
                       {"groups_of_rows", a.held_out_groups},
                       {"groups", "odd"},
                       {"group_halving", a.halving ? to_json(*a.halving) : report_json(nullptr)}};
  return {{"format", "qfa-allocation-1"},
          {"library", std::string("qfa ") + version},
          {"hook", a.hook},
          {"sae", {{"activation", a.gate}, {"d_sae", a.sae_width}, {"reference_fvu", number_or_null(a.reference_fvu)}}},
          {"warnings", a.warnings},
          {"weights", a.weighting},
          {"budget_bits", a.budget_bits},
          {"uniform", table.options[a.uniform]},
          {"fit",
           {{"tokens", a.fit_tokens},
            {"features", table.features.size()},
            {"groups", "even"},
            {"group_halving", a.fit_halving ? to_json(*a.fit_halving) : report_json(nullptr)}}},
          {"held_out", std::move(held_out)},
          {"features_to_keep", {{"listed", a.listed}, {"measured", a.listed_measured}}},
          {"additivity", to_json(a.adds_up)},
          {"plans", std::move(plans)},
          {"comparisons", std::move(comparisons)},
          {"matrices", std::move(matrices)}};
}

/// The same with how it was made, as an audit's report has it, and what it read.
inline report_json to_json(const allocation_result& a, const audit_protocol& made) {
  report_json out{{"format", "qfa-allocation-1"}, {"made", to_json(made)}};
  out.update(to_json(a));
  return out;
}

}  // namespace qfa

#endif
