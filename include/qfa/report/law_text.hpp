// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_LAW_TEXT_HPP
#define QFA_REPORT_LAW_TEXT_HPP

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "qfa/law/finding.hpp"
#include "qfa/law/law_warnings.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

/// Four digits that count, whatever the size.
inline std::string digits(double x) {
  if (!std::isfinite(x)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

inline std::string digits(const interval& range) {
  if (range.kind == interval_kind::refused) return "unmeasured";
  return "[" + digits(range.lower) + ", " + digits(range.upper) + "]";
}

/// "1.18 times": what an error of a logarithm means for the number itself.
inline std::string as_factor(double log_error) {
  return std::isfinite(log_error) ? fixed(std::exp(log_error), 2) + " times" : "undetermined";
}

inline std::string evidence_text(const law_evidence& e) {
  std::vector<std::string> heads{"parameter", "value", "95 %"};
  for (const size_left_out& size : e.sizes.sizes)
    heads.push_back("without N " + digits(size.parameters));
  text_table table(std::move(heads));
  for (std::size_t i = 0; i < e.parameters.size(); ++i) {
    const estimate& p = e.parameters[i].value;
    std::vector<std::string> row{e.parameters[i].name, digits(p.value), digits(p.range)};
    for (const size_left_out& size : e.sizes.sizes)
      row.push_back(i < size.refitted.size() ? digits(size.refitted[i]) : "-");
    table.add(std::move(row));
  }
  std::string out = table.str();
  out += "evidence: " + std::to_string(e.rows) + " rows of " + std::to_string(e.checkpoints) + " checkpoints, " +
         std::to_string(e.known.sizes) + " N, " + std::to_string(e.known.lengths) + " D, " +
         std::to_string(e.known.bits) + " precisions; the law is off by " + as_factor(e.log_error) +
         " (root mean square of logarithms), by " + as_factor(e.sizes.log_error) +
         " for a size it has not seen; R2 of logarithms " + fixed(e.r2, 3) + "; condition number " +
         digits(e.known.exponents) + " of the exponents\n";
  std::string misfit = "measured / law at bits:";
  for (const bits_misfit& of : e.by_bits)
    misfit += " " + digits(of.bits) + ": " + fixed(std::exp(of.mean_log), 2);
  out += misfit + '\n';
  if (!e.predictions.empty()) {
    text_table asked({"prediction", "D", "bits", "value", "95 %", ""});
    for (const law_prediction& p : e.predictions)
      asked.add({"N " + digits(p.at.parameters), digits(p.at.tokens), digits(p.at.bits), digits(p.value.value),
                 digits(p.value.range), p.within ? "within the table" : "EXTRAPOLATED"});
    out += asked.str();
  }
  for (const std::string& warning : law_warnings(e))
    out += "warning: " + warning + '\n';
  return out;
}

/// What the sign of gamma_D says, as far as its interval goes.
inline std::string training_text(const law_evidence& e, const char* what) {
  for (const named_estimate& p : e.parameters)
    if (p.name == "gamma_D") {
      const interval& range = p.value.range;
      const std::string of = std::string(what) + " as D^" + fixed(p.value.value, 2);
      if (range.kind != interval_kind::two_sided) return of + ", with no interval to say how sure\n";
      if (range.lower > 0.0) return of + ": longer training makes rounding cost more\n";
      if (range.upper < 0.0) return of + ": longer training makes rounding cost less\n";
      return of + ", an interval that holds 0: the table does not show that training longer matters\n";
    }
  return "";
}

/// Whether the longest training passed D_crit; by the interval, where there is one.
inline std::string critical_text(const critical_finding& c) {
  const interval& range = c.tokens.range;
  if (std::isnan(c.tokens.value)) return "undetermined";
  if (std::isinf(c.tokens.value)) return "none: damage does not grow with training";
  const bool bounded = range.kind == interval_kind::two_sided;
  if (bounded && range.upper <= c.longest) return "passed, by the law";
  if (bounded && range.lower > c.longest) return "not reached: EXTRAPOLATED";
  return c.tokens.value <= c.longest ? "passed by the value alone" : "EXTRAPOLATED, open by the interval";
}

}  // namespace detail

/// The report of `qfa law` for a terminal: each law as a finding, then what it rests on.
inline std::string law_text(const precision_findings& f) {
  std::string out;
  if (f.degradation) {
    const ptq_degradation& law = f.degradation->law;
    out += "degradation  delta = C D^gamma_D N^-gamma_N exp(-bits / gamma_post), nats a token\n";
    out += detail::training_text(f.degradation->evidence, "it goes");
    out += "a bit less costs " + fixed(std::exp(1.0 / law.gamma_post), 2) + " times as much\n";
    out += detail::evidence_text(f.degradation->evidence) + '\n';
  }
  if (f.unified) {
    out += "unified degradation  N becomes N (1 - exp(-P_w / gamma_w)), and a factor 1 - exp(-C_w (P_w - bits))\n";
    out += detail::training_text(f.unified->evidence, "it goes") + detail::evidence_text(f.unified->evidence) + '\n';
  }
  if (f.feature_noise) {
    out += "feature noise  nu = C D^gamma_D N^-gamma_N (4^-bits + kappa 2^-bits)\n";
    out += detail::training_text(f.feature_noise->evidence, "it goes");
    out += detail::evidence_text(f.feature_noise->evidence) + '\n';
  }
  if (f.loss) {
    const loss_law& l = f.loss->law;
    out += "loss before quantization  " + detail::digits(l.a) + " N^-" + detail::digits(l.alpha) + " + " +
           detail::digits(l.b) + " D^-" + detail::digits(l.alpha) + " + " + detail::digits(l.e) + ", nats a token" +
           (f.loss->at_end ? "; its exponent or its E stands at the end of its range" : "") + "\n";
    std::string intervals;
    for (const named_estimate& p : f.loss_parameters)
      intervals += (intervals.empty() ? "" : ", ") + p.name + " " + detail::digits(p.value.range);
    out += "95 % by checkpoints: " + intervals;
    if (!f.loss_parameters.empty() && f.loss_parameters.front().value.range.kind == interval_kind::refused)
      out += ", as " + std::string(f.loss_parameters.front().value.range.reason);
    out += "\n\n";
  }
  if (!f.critical.empty()) {
    out += "D_crit, tokens beyond which training longer raises the loss after quantization\n";
    text_table table({"N", "bits", "D_crit", "95 %", "trained to", ""});
    for (const critical_finding& c : f.critical)
      table.add({detail::digits(c.parameters), detail::digits(c.bits), detail::digits(c.tokens.value),
                 detail::digits(c.tokens.range), detail::digits(c.longest), detail::critical_text(c)});
    out += table.str() + '\n';
  }
  for (const std::string& why : f.missing)
    out += "not determined: " + why + '\n';
  return out;
}

}  // namespace qfa

#endif
