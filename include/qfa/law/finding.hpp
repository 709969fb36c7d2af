// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_FINDING_HPP
#define QFA_LAW_FINDING_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/law/critical_tokens.hpp"
#include "qfa/law/evidence.hpp"
#include "qfa/law/feature_noise_law.hpp"
#include "qfa/law/fit_degradation.hpp"
#include "qfa/law/fit_feature_noise.hpp"
#include "qfa/law/fit_loss.hpp"
#include "qfa/law/fit_uncertainty.hpp"
#include "qfa/law/law_table.hpp"
#include "qfa/law/loss_law.hpp"
#include "qfa/law/ptq_degradation.hpp"

namespace qfa {

/// How long training helps a model that will be quantized, beside how long the table's models were trained.
struct critical_finding {
  double parameters = 0.0;
  double bits = 0.0;
  estimate tokens;       ///< D_crit
  double longest = 0.0;  ///< the greatest D of this size in the table
};

/// All that a table says; a part that it cannot determine is missing, and `missing` has the reason.
struct precision_findings {
  std::optional<law_finding<ptq_degradation>> degradation;  ///< of models trained in full precision
  std::optional<law_finding<unified_degradation>> unified;  ///< of models trained in several precisions
  std::optional<law_finding<feature_noise_law>> feature_noise;
  std::optional<fitted<loss_law>> loss;
  std::vector<named_estimate> loss_parameters;  ///< A, B, E and alpha, by leaving out checkpoints
  std::vector<critical_finding> critical;
  std::vector<std::string> missing;
};

namespace detail {

inline std::vector<observation> trained_in_full(std::span<const observation> rows) {
  std::vector<observation> out;
  for (const observation& each : rows)
    if (std::isinf(each.trained_bits)) out.push_back(each);
  return out;
}

/// D_crit of every size and precision of the table.  A checkpoint left out is left out of both laws.
inline std::vector<critical_finding> find_critical(std::span<const observation> degradation,
                                                   std::span<const observation> losses) {
  const log_observations usable(degradation);
  const std::vector<double> sizes = distinct(std::span<const observation>(usable.rows), &observation::parameters);
  const std::vector<double> bits = distinct(std::span<const observation>(usable.rows), &observation::bits);
  std::vector<critical_finding> out;
  std::vector<quantity> quantities;
  for (const double size : sizes)
    for (const double p : bits) {
      critical_finding one{.parameters = size, .bits = p, .tokens = {}};
      for (const observation& each : losses)
        if (each.parameters == size) one.longest = (std::max)(one.longest, each.tokens);
      out.push_back(one);
      quantities.push_back({"D_crit", interval_scale::log});
    }
  const auto measure = [&](std::span<const observation> some) {
    std::vector<observation> seen;
    for (const observation& each : losses)
      if (std::ranges::any_of(some, [&](const observation& row) { return row.checkpoint == each.checkpoint; }))
        seen.push_back(each);
    const ptq_degradation law = fit_degradation(some).law;
    const loss_law loss = fit_loss(seen).law;
    std::vector<double> values;
    for (const critical_finding& one : out)
      values.push_back(critical_tokens(loss, law, one.parameters, one.bits));
    return values;
  };
  const std::vector<named_estimate> estimates = jackknife_checkpoints(usable.rows, quantities, measure);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i].tokens = estimates[i].value;
  return out;
}

}  // namespace detail

/// Fits every law for which the table has columns, and reads them at `places`.
inline precision_findings find_precision_laws(const law_table& table, std::span<const law_place> places = {}) {
  precision_findings out;
  const auto attempt = [&](const char* what, auto find) {
    try {
      find();
    } catch (const error& why) {
      out.missing.push_back(std::string(what) + ": " + why.what());
    }
  };
  constexpr auto as_told = [](const auto& law, const observation& at) {
    return law(at.parameters, at.tokens, at.bits);
  };
  const std::vector<observation> full = detail::trained_in_full(table.degradation);
  const std::vector<observation> losses = detail::trained_in_full(table.losses);
  using enum interval_scale;
  if (!full.empty())
    attempt("degradation", [&] {
      out.degradation = find_law(
          full, {{"C", log}, {"gamma_D", identity}, {"gamma_N", identity}, {"gamma_post", log}}, places,
          [](std::span<const observation> rows) { return fit_degradation(rows); },
          [](const ptq_degradation& law) {
            return std::vector<double>{law.c, law.gamma_d, law.gamma_n, law.gamma_post};
          },
          as_told);
    });
  if (table.trained_in_few_bits && !table.degradation.empty())
    attempt("unified degradation", [&] {
      const std::vector<observation> quantized = with_fewer_bits(table.degradation);
      out.unified = find_law(
          quantized,
          {{"C", log},
           {"gamma_D", identity},
           {"gamma_N", identity},
           {"gamma_post", log},
           {"gamma_w", log},
           {"C_w", log}},
          places, [](std::span<const observation> rows) { return fit_unified_degradation(rows); },
          [](const unified_degradation& law) {
            return std::vector<double>{
                law.law.c, law.law.gamma_d, law.law.gamma_n, law.law.gamma_post, law.responses.weights.gamma, law.c_w};
          },
          [](const unified_degradation& law, const observation& at) {
            return law(at.parameters, at.tokens, {.weights = at.trained_bits}, at.bits);
          });
      out.unified->evidence.same_bits = table.degradation.size() - quantized.size();
    });
  if (!table.feature_noise.empty())
    attempt("feature noise", [&] {
      out.feature_noise = find_law(
          table.feature_noise, {{"C", log}, {"gamma_D", identity}, {"gamma_N", identity}, {"kappa", log}}, places,
          [](std::span<const observation> rows) { return fit_feature_noise(rows); },
          [](const feature_noise_law& law) {
            return std::vector<double>{law.c, law.gamma_d, law.gamma_n, law.kappa};
          },
          as_told);
    });
  if (!losses.empty())
    attempt("loss", [&] {
      out.loss = fit_loss(losses);
      const std::array quantities{quantity{"A", log}, quantity{"B", log}, quantity{"E", log}, quantity{"alpha", log}};
      out.loss_parameters = jackknife_checkpoints(losses, quantities, [](std::span<const observation> rows) {
        const loss_law law = fit_loss(rows).law;
        return std::vector<double>{law.a, law.b, law.e, law.alpha};
      });
    });
  if (out.degradation && out.loss) attempt("D_crit", [&] { out.critical = detail::find_critical(full, losses); });
  return out;
}

}  // namespace qfa

#endif
