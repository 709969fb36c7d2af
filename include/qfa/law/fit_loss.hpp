// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_FIT_LOSS_HPP
#define QFA_LAW_FIT_LOSS_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/law/fit_degradation.hpp"
#include "qfa/law/huber_regression.hpp"
#include "qfa/law/identifiability.hpp"
#include "qfa/law/least_point.hpp"
#include "qfa/law/loss_law.hpp"
#include "qfa/law/observations.hpp"

namespace qfa {

namespace detail {

/// A, B and E at a given exponent: the least sum of Huber losses of log(measured / law), by regressions on the law's
/// linearization, log law(theta + s) = log law(theta) + grad s.  The first linearization is that of log(law / measured)
/// around 1, where the law meets the measurement.  Infinite objective where A, B or E is not positive.
inline fitted<loss_law> regress_loss(std::span<const observation> rows, double alpha) {
  loss_law law{.alpha = alpha, .beta = alpha};
  const auto objective = [&](const loss_law& at) {
    double sum = 0.0;
    for (const observation& each : rows)
      sum += huber_loss(std::log(each.value) - std::log(at(each.parameters, each.tokens)), log_huber_threshold);
    return sum;
  };
  fitted<loss_law> best{law, std::numeric_limits<double>::infinity()};
  for (int step = 0; step < 20; ++step) {
    std::vector<double> x, y;
    for (const observation& each : rows) {
      const double from = step == 0 ? each.value : law(each.parameters, each.tokens);
      for (const double term : {std::pow(each.parameters, -alpha), std::pow(each.tokens, -alpha), 1.0})
        x.push_back(term / from);
      y.push_back(std::log(each.value / from) + 1.0);  // the linearization at theta itself is theta's terms over it: 1
    }
    const std::vector<double> b = huber_regression({x.data(), rows.size(), 3}, y).coefficients;
    law.a = b[0], law.b = b[1], law.e = b[2];
    if (!((std::ranges::min)(b) > 0.0)) break;
    const double here = objective(law);
    if (!(here < best.objective)) break;
    const bool settled = best.objective - here <= 1e-14 * here;
    best = {law, here};
    if (settled) break;
  }
  return best;
}

}  // namespace detail

/// L = A N^-alpha + B D^-alpha + E with one exponent for both, as Kumar et al. 2024 fit it (after Muennighoff et al.
/// 2023), by the convention of `fit_degradation`; the exponent is searched in [0.02, 2].  One row for each checkpoint:
/// `value` is its loss before quantization.
///
/// Throws where the rows cannot determine the law, or no law with positive A, B and E comes near them.
inline fitted<loss_law> fit_loss(std::span<const observation> rows) {
  require_identifiable(rows, 4, false);
  const auto objective = [&](double log_alpha) { return detail::regress_loss(rows, std::exp(log_alpha)).objective; };
  const least_point best = least_on_grid(objective, std::log(0.02), std::log(2.0), 47);
  if (std::isinf(best.value))
    fail("the table cannot determine the law of the loss: no positive A, B and E fit at any exponent");
  fitted<loss_law> out = detail::regress_loss(rows, std::exp(best.at));
  double least = rows[0].value;
  for (const observation& each : rows)
    least = (std::min)(least, each.value);
  out.at_end = best.at_end || out.law.e < 1e-3 * least;  // a floor of 0 is a bound of its own
  return out;
}

}  // namespace qfa

#endif
