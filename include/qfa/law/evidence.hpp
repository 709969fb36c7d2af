// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_EVIDENCE_HPP
#define QFA_LAW_EVIDENCE_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/law/fit_uncertainty.hpp"
#include "qfa/law/hull.hpp"
#include "qfa/law/identifiability.hpp"
#include "qfa/law/observations.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Where a law is asked for a number.
struct law_place {
  double parameters = 0.0;  ///< N
  double tokens = 0.0;      ///< D
  double bits = 0.0;
};

/// What a law says of a place, and whether the table surrounds it.
struct law_prediction {
  law_place at;
  estimate value;
  bool within = false;  ///< in the hull of the table's log N, log D and bits; otherwise an extrapolation
};

/// How far measurements of some bits lie from the law, all checkpoints together.
struct bits_misfit {
  double bits = 0.0;
  std::size_t rows = 0;
  double mean_log = 0.0;  ///< mean of log(measured / law): 0 where the law's form fits
};

/// What a fitted law rests on.
struct law_evidence {
  std::size_t rows = 0;
  std::size_t left_out = 0;   ///< rows whose value is not above 0
  std::size_t same_bits = 0;  ///< rows of models that were trained in no more bits than they are quantized to
  std::size_t checkpoints = 0;
  identifiability known;
  std::vector<named_estimate> parameters;
  double log_error = std::numeric_limits<double>::quiet_NaN();  ///< root mean square of log(measured / law)
  double r2 = std::numeric_limits<double>::quiet_NaN();         ///< of logarithms
  std::vector<bits_misfit> by_bits;
  sizes_left_out sizes;
  std::vector<law_prediction> predictions;
  bool at_end = false;  ///< a searched parameter stands at the end of its range
};

/// A law with its evidence.
template <class Law>
struct law_finding {
  Law law{};
  law_evidence evidence;
};

/// Fits a law and gathers what it rests on.  `fit(rows)` gives a `fitted<Law>`, `read(law)` its parameters in the order
/// of `parameters`, `predict(law, observation)` what it says in place of the observation's value.  Throws where the
/// rows cannot determine the law.
template <class Fit, class Read, class Predict>
auto find_law(std::span<const observation> all, std::vector<quantity> parameters, std::span<const law_place> places,
              Fit fit, Read read, Predict predict) {
  const log_observations usable(all);
  const std::span<const observation> rows = usable.rows;
  const auto whole = fit(rows);
  law_finding<decltype(whole.law)> out{whole.law, {}};
  law_evidence& evidence = out.evidence;
  evidence.rows = rows.size();
  evidence.left_out = usable.left_out;
  evidence.checkpoints = distinct(rows, &observation::checkpoint).size();
  evidence.known = measure_identifiability(rows);
  evidence.at_end = whole.at_end;

  const std::size_t count = parameters.size();
  const auto at = [](const law_place& place) {
    return observation{.parameters = place.parameters, .tokens = place.tokens, .bits = place.bits};
  };
  for (std::size_t i = 0; i < places.size(); ++i)
    parameters.push_back({"prediction", interval_scale::log});
  const auto measure = [&](std::span<const observation> some) {
    const auto law = fit(some).law;
    std::vector<double> values = read(law);
    for (const law_place& place : places)
      values.push_back(predict(law, at(place)));
    return values;
  };
  const table_hull hull(rows);
  std::vector<named_estimate> estimates = jackknife_checkpoints(rows, parameters, measure);
  for (std::size_t i = 0; i < places.size(); ++i)
    evidence.predictions.push_back(
        {places[i], estimates[count + i].value, hull.contains(places[i].parameters, places[i].tokens, places[i].bits)});
  estimates.resize(count);
  evidence.parameters = std::move(estimates);
  evidence.sizes = leave_out_each_size(
      rows, [&](std::span<const observation> some) { return fit(some).law; }, predict, read);

  double mean = 0.0, misses = 0.0, spread = 0.0;
  for (const observation& each : rows)
    mean += std::log(each.value) / static_cast<double>(rows.size());
  std::map<double, bits_misfit> by_bits;
  for (const observation& each : rows) {
    const double miss = std::log(each.value) - std::log(predict(whole.law, each));
    misses += miss * miss;
    spread += (std::log(each.value) - mean) * (std::log(each.value) - mean);
    bits_misfit& of = by_bits[each.bits];
    of.bits = each.bits;
    of.mean_log += miss;
    ++of.rows;
  }
  evidence.log_error = std::sqrt(misses / static_cast<double>(rows.size()));
  evidence.r2 = 1.0 - misses / spread;
  for (auto& [bits, of] : by_bits) {
    of.mean_log /= static_cast<double>(of.rows);
    evidence.by_bits.push_back(of);
  }
  return out;
}

}  // namespace qfa

#endif
