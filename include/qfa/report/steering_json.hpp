// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_STEERING_JSON_HPP
#define QFA_REPORT_STEERING_JSON_HPP

#include <cstddef>
#include <span>
#include <utility>

#include "qfa/report/json_values.hpp"
#include "qfa/steering/steering_findings.hpp"

namespace qfa {

namespace detail {

inline report_json numbers_json(std::span<const double> values) {
  report_json out = report_json::array();
  for (const double x : values)
    out.push_back(number_or_null(x));
  return out;
}

/// An infinite exchange rate is null like one that is undefined: no dose does as much.
inline report_json curve_json(const dose_curve& c) {
  return {{"gain", numbers_json(c.gain)},
          {"fidelity", numbers_json(c.fidelity)},
          {"reference_shift", numbers_json(c.reference_shift)},
          {"compressed_shift", numbers_json(c.compressed_shift)},
          {"exchange_rate", numbers_json(c.exchange)}};
}

inline report_json band_json(const band_fidelity& b) {
  report_json out{{"features", b.features}};
  out.update(to_json(b.fidelity));
  if (b.features == 0) out["reason"] = "no steered feature has this outcome";
  return out;
}

inline report_json dose_json(const dose_finding& d) {
  return {{"dose", d.dose},
          {"gain", to_json(d.gain)},
          {"fidelity", to_json(d.fidelity)},
          {"exchange_rate", to_json(d.exchange)},
          {"unreached", d.unreached},
          {"random_gain", to_json(d.random_gain)},
          {"random_fidelity", to_json(d.random_fidelity)},
          {"fidelity_over_random", to_json(d.excess)},
          {"spearman_r_fidelity", to_json(d.predicted_by_r)}};
}

inline report_json direction_json(const steered_direction& d) {
  report_json doses = report_json::array();
  for (const direction_dose& at : d.doses)
    doses.push_back({{"dose", at.dose},
                     {"gain", to_json(at.gain)},
                     {"fidelity", to_json(at.fidelity)},
                     {"reference_shift", to_json(at.reference_shift)},
                     {"exchange_rate", to_json(at.exchange)},
                     {"random_gain", to_json(at.random_gain)},
                     {"random_fidelity", to_json(at.random_fidelity)}});
  return {
      {"name", d.name}, {"target_token", d.target}, {"length", number_or_null(d.length)}, {"doses", std::move(doses)}};
}

inline report_json steered_json(const steered_condition& c) {
  report_json doses = report_json::array(), features = report_json::array(), directions = report_json::array();
  for (const steered_direction& d : c.directions)
    directions.push_back(direction_json(d));
  for (const dose_finding& d : c.doses)
    doses.push_back(dose_json(d));
  for (const steered_feature& f : c.features)
    features.push_back({{"feature", f.feature},
                        {"r", number_or_null(f.r)},
                        {"outcome", name(f.band)},
                        {"target_token", f.target},
                        {"length", number_or_null(f.length)},
                        {"own", curve_json(f.own)},
                        {"random", curve_json(f.random)}});
  return {{"policy", c.policy},
          {"r_predicts_fidelity", c.r_predicts()},
          {"spearman_r_fidelity", to_json(c.predicted_by_r)},
          {"spearman_over_features", to_json(c.over_features)},
          {"partial_spearman_given_random_fidelity", to_json(c.predicted_beyond_length)},
          {"features_without_fidelity", c.without_fidelity},
          {"mean_fidelity",
           {{"survived", band_json(c.bands[0])},
            {"blurred", band_json(c.bands[1])},
            {"destroyed", band_json(c.bands[2])},
            {"not_survived", band_json(c.not_survived)},
            {"survivors_lead", to_json(c.survivors_lead)}}},
          {"least_faithful",
           {{"feature", c.features.empty() ? report_json(nullptr) : report_json(c.features[c.least_faithful].feature)},
            {"halves_of_groups", c.halves_of > 0 ? report_json(c.halves_of) : report_json(nullptr)},
            {"fidelity_on_odd_groups", to_json(c.least_fidelity)}}},
          {"doses", std::move(doses)},
          {"directions", std::move(directions)},
          {"features", std::move(features)}};
}

}  // namespace detail

/// Key "steering" of the report: how alike both models' logits move where activations are steered.
inline report_json to_json(const steering_findings& s) {
  report_json conditions = report_json::array();
  for (const steered_condition& c : s.conditions)
    conditions.push_back(detail::steered_json(c));
  return {{"hook", s.hook},
          {"gate", activation_names[static_cast<std::size_t>(s.gate)]},
          {"vector", "a feature's decoder row, times its mean activation where it fires on the reference"},
          {"doses", s.doses},
          {"counted_features", s.counted},
          {"rows", s.rows},
          {"positions", s.positions},
          {"tokens", s.tokens},
          {"groups", s.groups},
          {"tokens_for_targets", s.pilot_tokens},
          {"seed", s.options.seed},
          {"conditions", std::move(conditions)},
          {"notes", s.notes}};
}

}  // namespace qfa

#endif
