// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_PATCHING_JSON_HPP
#define QFA_REPORT_PATCHING_JSON_HPP

#include <cstddef>
#include <utility>

#include "qfa/report/json_values.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/steering/recovery.hpp"

namespace qfa {

namespace detail {

inline report_json point_json(const restored_point& p) {
  return {{"set", p.what},
          {"features", p.features},
          {"worst_r", to_json(p.worst)},
          {"all_but_worst_r", to_json(p.all_but_worst)},
          {"top_energy", to_json(p.loudest)},
          {"all_but_top_energy", to_json(p.all_but_loudest)},
          {"random", to_json(p.random)},
          {"random_of_equal_energy", to_json(p.random_energy)},
          {"energy_share_of_worst_r", number_or_null(p.energy_share)},
          {"features_of_equal_energy", number_or_null(p.random_features)},
          {"worst_r_over_random", to_json(p.worst_over_random)},
          {"worst_r_over_random_of_equal_energy", to_json(p.worst_over_random_energy)}};
}

}  // namespace detail

/// Key "patching" of the report: the share of KL that comes back where features have the reference's codes.
inline report_json to_json(const patching_findings& p) {
  report_json conditions = report_json::array();
  for (const patched_condition& c : p.conditions) {
    report_json points = report_json::array();
    for (const restored_point& point : c.points)
      points.push_back(detail::point_json(point));
    conditions.push_back({{"policy", c.policy},
                          {"kl", to_json(c.kl)},
                          {"whole_activations", to_json(c.activations)},
                          {"everything", to_json(c.everything)},
                          {"features", c.ordered},
                          {"survived", c.bands[0]},
                          {"blurred", c.bands[1]},
                          {"destroyed", c.bands[2]},
                          {"points", std::move(points)}});
  }
  return {{"hook", p.hook},
          {"gate", activation_names[static_cast<std::size_t>(p.gate)]},
          {"counted_features", p.counted},
          {"rows", p.rows},
          {"tokens", p.tokens},
          {"groups", p.groups},
          {"tokens_for_choosing", p.choosing_tokens},
          {"random_seeds", p.options.seeds},
          {"conditions", std::move(conditions)},
          {"notes", p.notes}};
}

}  // namespace qfa

#endif
