// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_LAW_WARNINGS_HPP
#define QFA_LAW_LAW_WARNINGS_HPP

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "qfa/law/condition_number.hpp"
#include "qfa/law/evidence.hpp"

namespace qfa {

/// A mean of log(measured / law) beyond this, a factor of 1.28, at some bits: the form in bits does not fit.
inline constexpr double notable_misfit = 0.25;

/// What a reader of a fitted law must know before using it, a sentence each.
inline std::vector<std::string> law_warnings(const law_evidence& e) {
  std::vector<std::string> out;
  const auto text = [](const char* form, double x) {
    char made[64];
    std::snprintf(made, sizeof made, form, x);
    return std::string(made);
  };
  if (e.left_out > 0)
    out.push_back(std::to_string(e.left_out) + " of " + std::to_string(e.rows + e.left_out) +
                  " rows have a value of 0 or less, hence no logarithm, and are not in the fit: where they lie "
                  "the law is too high");
  if (e.same_bits > 0)
    out.push_back(std::to_string(e.same_bits) +
                  " rows are of models trained in no more bits than they are quantized to: there the law says 0, "
                  "whatever its parameters, and they are not in the fit");
  if (e.known.sizes <= 3)
    out.push_back("the exponent of N rests on " + std::to_string(e.known.sizes) +
                  " sizes: its interval tells how checkpoints vary, not what other sizes would say");
  if (e.known.exponents > strong_dependence)
    out.push_back("condition number " + text("%.0f", e.known.exponents) +
                  " of log N, log D and bits: they nearly move together, and the exponents cannot be told apart well");
  if (e.known.with_constant > strong_dependence)
    out.push_back("condition number " + text("%.0f", e.known.with_constant) +
                  " with the constant: C is the law at N = D = 1, far outside the table, and goes with the exponents");
  if (e.at_end) out.push_back("a searched parameter stands at the end of its range, and is a bound only");
  for (const bits_misfit& of : e.by_bits)
    if (std::fabs(of.mean_log) > notable_misfit)
      out.push_back("at " + text("%g", of.bits) + " bits measurements are " + text("%.2f", std::exp(of.mean_log)) +
                    " times the law: its form in bits does not hold there");
  for (const named_estimate& p : e.parameters)
    if (p.value.range.kind == interval_kind::refused) {
      out.push_back("no intervals: " + std::string(p.value.range.reason));
      break;
    }
  for (const law_prediction& p : e.predictions)
    if (!p.within) {
      out.push_back("predictions marked as extrapolated lie outside the hull of the table's log N, log D and bits");
      break;
    }
  return out;
}

}  // namespace qfa

#endif
