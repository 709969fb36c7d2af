// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_JSON_PREDICTION_HPP
#define QFA_REPORT_JSON_PREDICTION_HPP

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/prediction.hpp"
#include "qfa/report/json_values.hpp"

namespace qfa {

namespace detail {

/// Numbers under the names of the predictors that they belong to.
inline report_json by_predictor(std::span<const predictor> columns, std::span<const double> values) {
  report_json out;
  for (std::size_t i = 0; i < columns.size() && i < values.size(); ++i)
    out[std::string(predictor_names[static_cast<std::size_t>(columns[i])])] = number_or_null(values[i]);
  return out;
}

template <class Result>
report_json prediction_head(const survival_prediction<Result>& p) {
  report_json out{{"features", p.features}, {"survived", p.survived}};
  if (p.result) {
    out["auc"] = to_json(p.auc);
  } else {
    out["auc"] = {{"value", nullptr}, {"reason", p.reason}};
  }
  return out;
}

}  // namespace detail

inline report_json to_json(const survival_prediction<published_prediction>& p) {
  report_json out = detail::prediction_head(p);
  if (!p.result) return out;
  out["auc_deviation_over_folds"] = number_or_null(p.result->cross_validated.deviation);
  out["coefficients"] = detail::by_predictor(published_predictors, p.result->all_rows.model.coefficients);
  out["intercept"] = number_or_null(p.result->all_rows.model.intercept);
  out["marginal_auc"] = detail::by_predictor(published_predictors, p.result->marginal_auc);
  return out;
}

inline report_json to_json(const survival_prediction<honest_prediction>& p) {
  report_json out = detail::prediction_head(p);
  if (!p.result) return out;
  const honest_prediction& r = *p.result;
  if (!r.refusal.empty()) out["auc"]["reason"] = r.refusal;
  out["average_precision"] = number_or_null(r.average_precision);
  out["brier"] = number_or_null(r.brier);
  out["calibration_slope"] = number_or_null(r.calibration_slope);
  out["calibration_intercept"] = number_or_null(r.calibration_intercept);
  out["base_rate"] = number_or_null(r.base_rate);
  out["minority"] = r.minority;
  out["families"] = r.families;
  out["auc_over_families"] = to_json(r.over_families);
  out["predictor_reliability"] = detail::by_predictor(all_predictors, r.predictor_reliability);
  out["coefficients"] = detail::by_predictor(all_predictors, r.coefficients);
  out["marginal_auc"] = detail::by_predictor(all_predictors, r.marginal_auc);
  if (r.roc.empty()) return out;
  report_json rows = report_json::array();
  for (std::size_t i = 0; i < r.roc.size(); ++i)
    rows.push_back({roc_rate(i), number_or_null(r.roc[i])});
  out["roc"] = {{"columns", {"false_positive_rate", "true_positive_rate"}}, {"rows", std::move(rows)}};
  return out;
}

}  // namespace qfa

#endif
