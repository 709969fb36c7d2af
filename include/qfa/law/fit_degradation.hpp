// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_FIT_DEGRADATION_HPP
#define QFA_LAW_FIT_DEGRADATION_HPP

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/law/huber_regression.hpp"
#include "qfa/law/identifiability.hpp"
#include "qfa/law/least_point.hpp"
#include "qfa/law/observations.hpp"
#include "qfa/law/ptq_degradation.hpp"
#include "qfa/law/unified_degradation.hpp"

namespace qfa {

/// A law and how far it stays from what it was fitted to.
template <class Law>
struct fitted {
  Law law{};
  double objective = 0.0;  ///< sum of Huber losses of log(measured / law), threshold 1e-3
  bool at_end = false;     ///< a parameter stands at the end of the range in which it was searched
};

namespace detail {

/// log value - offset = log C + gamma_D log D - gamma_N log(N share) - P / gamma_post, by robust regression.  `share`
/// and `offset` are functions of an observation.
template <class Share, class Offset>
fitted<ptq_degradation> regress_degradation(std::span<const observation> rows, Share share, Offset offset) {
  std::vector<double> x, y;
  for (const observation& each : rows) {
    for (const double value : {1.0, std::log(each.tokens), -std::log(each.parameters * share(each)), -each.bits})
      x.push_back(value);
    y.push_back(std::log(each.value) - offset(each));
  }
  const huber_fit fit = huber_regression({x.data(), rows.size(), 4}, y);
  const std::vector<double>& b = fit.coefficients;
  return {{.c = std::exp(b[0]), .gamma_d = b[1], .gamma_n = b[2], .gamma_post = 1.0 / b[3]}, fit.objective};
}

}  // namespace detail

/// delta_PTQ = C D^gamma_D / N^gamma_N e^(-P / gamma_post), fitted to positive degradations.
///
/// log delta is linear in (log C, gamma_D, gamma_N, 1 / gamma_post), so the least sum of Huber losses of its residuals
/// is a convex problem with one answer, and no grid of starting points is needed.  The paper names neither its loss nor
/// its optimizer; Huber's with threshold 1e-3 on logarithms is the convention of Hoffmann et al. 2022.
///
/// Throws where the rows cannot determine the law.
inline fitted<ptq_degradation> fit_degradation(std::span<const observation> rows) {
  require_identifiable(rows, 4);
  constexpr auto one = [](const observation&) { return 1.0; };
  constexpr auto zero = [](const observation&) { return 0.0; };
  return detail::regress_degradation(rows, one, zero);
}

/// The observations of models that were trained in more bits than they are quantized to.  Of the others the unified law
/// says 0, whatever its parameters: no logarithm of theirs tells anything of it.
inline std::vector<observation> with_fewer_bits(std::span<const observation> rows) {
  std::vector<observation> out;
  for (const observation& each : rows)
    if (each.trained_bits > each.bits) out.push_back(each);
  return out;
}

/// The unified law (Kumar et al. 2024, eq. 9) where weights alone were trained in few bits,
///
///   delta = C D^gamma_D / (N (1 - e^(-P_w / gamma_w)))^gamma_N e^(-P / gamma_post) (1 - e^(-C_w (P_w - P))),
///
/// gamma_w without its shift n.  Given gamma_w and C_w it is linear again; these two are searched, one within the
/// other, C_w in [0.02, 20] and gamma_w in [0.2, 20], on logarithmic grids and then by Brent's method, to 1e-4.
///
/// Rows of models that were trained in no more bits than they are quantized to are passed over.  Throws where the
/// others cannot determine the law, which takes three training precisions.
inline fitted<unified_degradation> fit_unified_degradation(std::span<const observation> all) {
  const std::vector<observation> rows = with_fewer_bits(all);
  require_identifiable(rows, 6);
  const std::size_t trained = distinct(std::span<const observation>(rows), &observation::trained_bits).size();
  if (trained < 3)
    fail("the table cannot determine the unified law: its weights were trained in " + std::to_string(trained) +
         " different precisions, expected at least 3");
  const auto regress = [&](double gamma_w, double c_w) {
    const precision_response response{.gamma = gamma_w};
    return detail::regress_degradation(
        rows, [&](const observation& each) { return response(each.trained_bits); },
        [&](const observation& each) { return std::log(precision_gap(c_w, each.trained_bits, each.bits)); });
  };
  const auto best_gap = [&](double log_gamma) {
    return least_on_grid([&](double log_c) { return regress(std::exp(log_gamma), std::exp(log_c)).objective; },
                         std::log(0.02), std::log(20.0), 9, 14);
  };
  const least_point outer =
      least_on_grid([&](double log_gamma) { return best_gap(log_gamma).value; }, std::log(0.2), std::log(20.0), 9, 14);
  const least_point inner = best_gap(outer.at);
  const fitted<ptq_degradation> linear = regress(std::exp(outer.at), std::exp(inner.at));
  unified_degradation law;
  law.law = linear.law;
  law.responses.weights.gamma = std::exp(outer.at);
  law.c_w = std::exp(inner.at);
  return {law, linear.objective, outer.at_end || inner.at_end};
}

}  // namespace qfa

#endif
