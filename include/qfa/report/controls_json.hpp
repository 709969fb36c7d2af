// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_CONTROLS_JSON_HPP
#define QFA_REPORT_CONTROLS_JSON_HPP

#include <string>
#include <string_view>
#include <utility>

#include "qfa/controls/control_findings.hpp"
#include "qfa/report/json_values.hpp"

namespace qfa {

inline report_json to_json(const control_contrast& c) {
  return {{"control", c.control},
          {"seeds", c.seeds},
          {"survived", to_json(c.survived)},
          {"policy_survives_more_by", to_json(c.more_survived)},
          {"mean_r", to_json(c.mean_r)},
          {"policy_mean_r_more_by", to_json(c.more_mean_r)}};
}

inline report_json to_json(const shared_damage& s) {
  return {{"a", s.a},
          {"b", s.b},
          {"size_a", s.overlap.sizes.a},
          {"size_b", s.overlap.sizes.b},
          {"intersection", s.overlap.sizes.both},
          {"jaccard", to_json(s.overlap.jaccard)},
          {"jaccard_null", to_json(s.overlap.null_jaccard)},
          {"jaccard_excess", to_json(s.overlap.excess)},
          {"null_overlaps", s.overlap.controls},
          {"spearman_damage", value_or_reason(s.order.spearman, "damage does not vary")},
          {"partial_spearman_damage", to_json(s.order.partial)},
          {"partial_spearman_null", value_or_reason(s.order.null_partial, "there is no control")},
          {"reliability_a", value_or_reason(s.order.reliability_a, "damage does not vary")},
          {"reliability_b", value_or_reason(s.order.reliability_b, "damage does not vary")},
          {"spearman_over_noise_ceiling", value_or_reason(s.order.corrected, "a reliability is not above .5")},
          {"verdict", std::string(name(s.verdict()))}};
}

inline report_json to_json(const controlled_policy& p, const control_findings& all) {
  report_json contrasts = report_json::array(), beyond = report_json::array();
  for (const control_contrast& c : p.contrasts)
    contrasts.push_back(to_json(c));
  for (std::size_t i = 0; i < p.beyond.size(); ++i) {
    report_json share{{"floor", all.floors[i].what}};
    share.update(to_json(p.beyond[i]));
    beyond.push_back(std::move(share));
  }
  report_json out{{"policy", p.policy},
                  {"survivors", p.survivors},
                  {"survived", to_json(p.survived)},
                  {"flip_share", value_or_reason(p.flip_share, "nothing changed")},
                  {"reliability", value_or_reason(p.reliability, "damage does not vary")},
                  {"beyond_numerics", std::move(beyond)},
                  {"weight_controls", std::move(contrasts)}};
  if (!p.refusal.empty()) out["reason"] = p.refusal;
  return out;
}

/// The key "controls" of a report.
inline report_json to_json(const control_findings& c) {
  report_json floors = report_json::array(), policies = report_json::array(), pairs = report_json::array();
  for (const numerics_floor& floor : c.floors)
    floors.push_back({{"what", floor.what},
                      {"tau_null", number_or_null(floor.tau)},
                      {"least_r", number_or_null(floor.least)},
                      {"changes_nothing", floor.exact}});
  for (const controlled_policy& p : c.policies)
    policies.push_back(to_json(p, c));
  for (const shared_damage& s : c.pairs)
    pairs.push_back(to_json(s));
  return {{"seeds", c.settings.seeds},
          {"rows", c.rows},
          {"context", c.context},
          {"analyzed_tokens", c.tokens},
          {"groups", c.groups},
          {"counted", c.counted},
          {"sae_activation", activation_names[static_cast<std::size_t>(c.gate)]},
          {"reference_against_itself",
           {{"holds", c.self.holds()},
            {"changed_features", c.self.changed_features},
            {"least_r", number_or_null(c.self.least_r)},
            {"kl", value_or_reason(c.self.kl, "no losses were asked for")},
            {"excess_loss", value_or_reason(c.self.excess_loss, "no losses were asked for")}}},
          {"numerics_floors", std::move(floors)},
          {"policies", std::move(policies)},
          {"shared_damage", std::move(pairs)},
          {"notes", c.notes}};
}

}  // namespace qfa

#endif
