// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_LOCATE_JSON_HPP
#define QFA_REPORT_LOCATE_JSON_HPP

#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include "qfa/audit/result.hpp"
#include "qfa/locate/depth_patch.hpp"
#include "qfa/locate/locate_damage.hpp"
#include "qfa/locate/noise_sum.hpp"
#include "qfa/report/audit_json.hpp"
#include "qfa/report/json_values.hpp"

namespace qfa {

/// A weighted sum of nu, with how many features it limits (locate/noise_sum.hpp).
inline report_json to_json(const noise_sum& s) {
  return {{"value", number_or_null(s.all)},
          {"even_groups", number_or_null(s.half[0])},
          {"odd_groups", number_or_null(s.half[1])},
          {"features_at_limit", s.limited},
          {"features_lost", s.lost},
          {"features_silent_on_even_groups", s.silent[0]},
          {"features_silent_on_odd_groups", s.silent[1]}};
}

inline report_json to_json(const unit_additivity& a) {
  return {{"median", to_json(a.median)},
          {"lower_quartile", value_or_reason(a.lower_quartile, "no feature has a value, or it is infinite")},
          {"upper_quartile", value_or_reason(a.upper_quartile, "no feature has a value, or it is infinite")},
          {"features", a.features},
          {"undefined", a.undefined},
          {"licensed_within", {unit_additivity::least, unit_additivity::most}},
          {"holds", a.holds()}};
}

inline report_json to_json(const depth_profile& p) {
  report_json depths = report_json::array();
  for (const patched_depth& d : p.depths)
    depths.push_back({{"patched_before_layer", d.layer},
                      {"recovered", to_json(d.recovered)},
                      {"enters_in", d.layer == 0 ? report_json("embedding") : report_json(d.layer - 1)},
                      {"entering", to_json(d.entering)},
                      {"entering_on_even_groups", number_or_null(d.entering_even)},
                      {"entering_on_odd_groups", to_json(d.entering_odd)}});
  return {{"kl", to_json(p.kl)}, {"depths", std::move(depths)}};
}

inline report_json to_json(const located_unit& u) {
  report_json out{{"name", u.name},
                  {"weights", u.weights},
                  {"stored_bits", value_or_reason(u.bits.value_or(std::numeric_limits<double>::quiet_NaN()),
                                                  "the policy does not say")},
                  {"reaches_hook", u.reaches_hook},
                  {"share", to_json(u.share)},
                  {"isolated_noise", to_json(u.isolated)},
                  {"left_out_share", to_json(u.left_out_share)},
                  {"left_out_noise", number_or_null(u.left_out.all)}};
  if (u.kl) out["isolated_kl"] = to_json(*u.kl);
  if (u.excess_loss) out["isolated_excess_loss"] = to_json(*u.excess_loss);
  return out;
}

/// What `qfa locate` writes, format "qfa-location-1": how it was made, the finding, and every unit.
inline report_json to_json(const damage_location& found, const audit_protocol& made) {
  report_json units = report_json::array();
  for (const located_unit& unit : found.units)
    units.push_back(to_json(unit));
  report_json out{{"format", "qfa-location-1"}};
  out["made"] = to_json(made);
  out["policy"] = found.policy;
  out["units"] = unit_kind_names[static_cast<std::size_t>(found.kind)];
  out["features"] = found.features;
  out["effective_groups"] = {number_or_null(found.effective_groups[0]), number_or_null(found.effective_groups[1])};
  out["feature_weights"] = feature_weighting_names[static_cast<std::size_t>(found.weighting)];
  out["noise_limit"] = most_noise;
  out["sae_fvu"] = {{"reference", number_or_null(found.reference_fvu)},
                    {"compressed", number_or_null(found.compressed_fvu)}};
  out["noise"] = to_json(found.noise);
  out["noise"]["sum"] = to_json(found.whole);
  out["worst"] = {{"chosen_on", "even groups"},
                  {"name", found.units[found.worst].name},
                  {"share_on_odd_groups", to_json(found.worst_share)},
                  {"second", found.units[found.second].name},
                  {"lead_on_odd_groups", to_json(found.lead)}};
  out["carry_half"] = {
      {"chosen_on", "even groups"}, {"units", found.carriers}, {"share_on_odd_groups", to_json(found.carried)}};
  out["additivity"] = to_json(found.adds_up);
  out["additivity"]["of_totals"] = to_json(found.total_additivity);
  out["ranking"] = {{"spearman_even_odd", to_json(found.ranking)}, {"units", found.ranked}};
  out["by_depth"] = found.depths ? to_json(*found.depths) : report_json(nullptr);
  out["located"] = std::move(units);
  return out;
}

}  // namespace qfa

#endif
