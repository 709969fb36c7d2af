// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_LADDER_JSON_HPP
#define QFA_REPORT_LADDER_JSON_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/report/json_values.hpp"

namespace qfa {

/// A number of bits with its interval; where it is censored, the value is the end of the ladder.
inline report_json to_json(const ladder_bits& b) {
  report_json out = to_json(b.bits);
  out["censored"] = censoring_names[static_cast<std::size_t>(b.censored)];
  return out;
}

inline report_json to_json(const worth_in_bits& w) {
  return {{"features", w.bits.size()},
          {"median", to_json(w.median)},
          {"worst_decile", to_json(w.worst_decile)},
          {"features_at_most_lowest_rung", w.at_most},
          {"features_at_least_highest_rung", w.at_least}};
}

namespace detail {

inline report_json spread_json(const feature_spread& s) {
  return {{"median", number_or_null(s.median)},
          {"percentile_5", number_or_null(s.low)},
          {"percentile_95", number_or_null(s.high)}};
}

inline report_json curves_json(const std::vector<quartile_curves>& all) {
  report_json out;
  for (const quartile_curves& c : all) {
    report_json quarters = report_json::array();
    for (const survival_quartile& q : c.quarters) {
      report_json survive = report_json::array();
      for (const estimate& e : q.survive)
        survive.push_back({number_or_null(e.value), number_or_null(e.range.lower), number_or_null(e.range.upper)});
      quarters.push_back({{"features", q.features},
                          {"predictor_from", number_or_null(q.lowest)},
                          {"predictor_to", number_or_null(q.highest)},
                          {"survive", std::move(survive)}});
    }
    out[std::string(predictor_names[static_cast<std::size_t>(c.by)])] = std::move(quarters);
  }
  return out;
}

inline report_json odds_json(const std::optional<odds_per_bit>& o) {
  if (!o) return {{"value", nullptr}, {"reason", "one class only"}};
  return {{"value", number_or_null(o->ratio())},
          {"lower", number_or_null(o->lower)},
          {"upper", number_or_null(o->upper)},
          {"log_standard_error", number_or_null(o->error)}};
}

inline report_json bands_json(const bands_over_bits& b) {
  report_json out{{"rows", b.rows},
                  {"clusters", b.clusters},
                  {"clusters_are", b.by_family ? "families of near-duplicates" : "features"}};
  if (!b.model) {
    out["odds_ratio_per_bit"] = {{"value", nullptr}, {"reason", std::string(b.reason)}};
  } else {
    out["odds_ratio_per_bit"] = odds_json(b.per_bit);
    out["thresholds"] = b.model->thresholds;
    report_json columns = report_json::array();
    const auto add = [&](const std::string& name, std::size_t column) {
      columns.push_back({{"column", name},
                         {"coefficient", number_or_null(b.model->coefficients[column])},
                         {"standard_error", number_or_null(clustered_error(*b.model, 2 + column))}});
    };
    const std::size_t width = b.predictors.size();
    add("bits", 0);
    for (const std::string& before : {std::string(), std::string("bits x ")})
      for (std::size_t p = 0; p < width; ++p)
        add(before + std::string(predictor_names[static_cast<std::size_t>(b.predictors[p])]),
            1 + (before.empty() ? 0 : width) + p);
    out["coefficients"] = std::move(columns);
  }
  out["separate_fits"] = {{"not_destroyed", odds_json(b.blurred)}, {"survived", odds_json(b.survived)}};
  out["proportionality"] = {{"z", number_or_null(b.gap_z)}, {"p", number_or_null(b.gap_p)}};
  return out;
}

}  // namespace detail

/// The ladder by which an audit's conditions are measured.  `a` is the audit that it is of.
inline report_json to_json(const audited_ladder& l, const audit_result& a) {
  const ladder_survey& s = l.survey;
  report_json rungs = report_json::array();
  for (std::size_t i = 0; i < l.rungs.size(); ++i)
    rungs.push_back({{"policy", a.conditions[l.rungs[i]].policy},
                     {"bits", s.bits[i]},
                     {"effective_bits_by_its_own_ladder", to_json(s.rungs[i])}});
  report_json out{
      {"family", l.family},
      {"law",
       "nu(b) = c 4^-b + a 2^-b, by weighted least squares of log2 nu from 4 bits on; below, log2 nu in a line to the "
       "measured rung"}};
  out["rungs"] = std::move(rungs);
  out["features"] = {{"counted", s.counted.size()}};
  for (std::size_t v = 0; v < law_verdict_names.size(); ++v)
    out["features"][std::string(law_verdict_names[v])] = s.count(static_cast<law_verdict>(v));
  out["slope_of_log2_nu_per_bit"] = detail::spread_json(s.slope);
  out["misfit_of_log2_nu"] = detail::spread_json(s.misfit);
  out["bits_to_break"] = to_json(s.breaks);
  out["bits_to_destroy"] = to_json(s.destroys);
  out["survival_over_bits"] = {
      {"bits", s.bits}, {"columns", {"share", "lower", "upper"}}, {"by_quartile_of", detail::curves_json(s.curves)}};
  out["ordinal_model"] = detail::bands_json(s.bands);
  return out;
}

}  // namespace qfa

#endif
