// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_LAW_JSON_HPP
#define QFA_REPORT_LAW_JSON_HPP

#include <cstddef>
#include <string>
#include <utility>

#include "qfa/law/finding.hpp"
#include "qfa/law/law_warnings.hpp"
#include "qfa/report/json_values.hpp"
#include "qfa/version.hpp"

namespace qfa {

inline report_json to_json(const law_evidence& e) {
  report_json parameters, by_bits = report_json::array(), sizes = report_json::array(), out;
  for (const named_estimate& p : e.parameters)
    parameters[p.name] = to_json(p.value);
  for (const bits_misfit& of : e.by_bits)
    by_bits.push_back({{"bits", of.bits}, {"rows", of.rows}, {"mean_log_misfit", number_or_null(of.mean_log)}});
  for (const size_left_out& size : e.sizes.sizes) {
    report_json refitted;
    for (std::size_t i = 0; i < size.refitted.size(); ++i)
      refitted[e.parameters[i].name] = number_or_null(size.refitted[i]);
    sizes.push_back({{"N", size.parameters},
                     {"rows", size.rows},
                     {"log_error", number_or_null(size.log_error)},
                     {"refitted", std::move(refitted)}});
  }
  out["rows"] = e.rows;
  out["left_out"] = e.left_out;
  if (e.same_bits > 0) out["trained_in_no_more_bits"] = e.same_bits;
  out["checkpoints"] = e.checkpoints;
  out["parameters"] = std::move(parameters);
  out["identifiability"] = {{"sizes", e.known.sizes},
                            {"lengths", e.known.lengths},
                            {"bits", e.known.bits},
                            {"condition_exponents", number_or_null(e.known.exponents)},
                            {"condition_with_constant", number_or_null(e.known.with_constant)}};
  out["log_error"] = number_or_null(e.log_error);
  out["r2_log"] = number_or_null(e.r2);
  out["by_bits"] = std::move(by_bits);
  out["leave_one_size_out"] = {{"log_error", number_or_null(e.sizes.log_error)}, {"sizes", std::move(sizes)}};
  report_json predictions = report_json::array();
  for (const law_prediction& p : e.predictions) {
    report_json one{{"N", p.at.parameters}, {"D", p.at.tokens}, {"bits", p.at.bits}, {"extrapolated", !p.within}};
    one.update(to_json(p.value));
    predictions.push_back(std::move(one));
  }
  out["predictions"] = std::move(predictions);
  out["warnings"] = law_warnings(e);
  return out;
}

/// The report of `qfa law`, format "qfa-law-1".
inline report_json to_json(const precision_findings& f) {
  report_json out{{"format", "qfa-law-1"}, {"library", std::string("qfa ") + version}};
  if (f.degradation) {
    out["degradation"] = {{"form", "C D^gamma_D N^-gamma_N exp(-bits / gamma_post), nats a token"}};
    out["degradation"].update(to_json(f.degradation->evidence));
  }
  if (f.unified) {
    out["unified_degradation"] = {
        {"form",
         "C D^gamma_D (N (1 - exp(-P_w / gamma_w)))^-gamma_N exp(-bits / gamma_post) (1 - exp(-C_w (P_w - bits)))"}};
    out["unified_degradation"].update(to_json(f.unified->evidence));
  }
  if (f.feature_noise) {
    out["feature_noise"] = {{"form", "C D^gamma_D N^-gamma_N (4^-bits + kappa 2^-bits)"}};
    out["feature_noise"].update(to_json(f.feature_noise->evidence));
  }
  if (f.loss) {
    const loss_law& l = f.loss->law;
    out["loss"] = {{"form", "A N^-alpha + B D^-alpha + E, nats a token"},
                   {"A", l.a},
                   {"B", l.b},
                   {"E", l.e},
                   {"alpha", l.alpha},
                   {"at_end_of_range", f.loss->at_end}};
    report_json parameters;
    for (const named_estimate& p : f.loss_parameters)
      parameters[p.name] = to_json(p.value);
    out["loss"]["parameters"] = std::move(parameters);
  }
  report_json critical = report_json::array();
  for (const critical_finding& c : f.critical) {
    report_json one{{"N", c.parameters}, {"bits", c.bits}, {"longest_D", c.longest}};
    one.update(to_json(c.tokens));
    critical.push_back(std::move(one));
  }
  out["critical_tokens"] = std::move(critical);
  out["missing"] = f.missing;
  return out;
}

}  // namespace qfa

#endif
