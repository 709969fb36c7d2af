// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_FIT_UNCERTAINTY_HPP
#define QFA_LAW_FIT_UNCERTAINTY_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/law/observations.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// A number that a fit determines, with its interval.
struct named_estimate {
  std::string name;
  estimate value;
};

/// What to call it, and the scale on which its interval is built.
struct quantity {
  std::string name;
  interval_scale scale = interval_scale::identity;
};

/// Intervals of what `measure` reads off a table, by leaving out one checkpoint at a time: all of a trained model's
/// precisions share the accidents of its training, and are no independent evidence.
///
/// `measure(rows)` gives a value for each of `quantities`, or throws `qfa::error` where the rows cannot determine
/// them; without some checkpoint that makes the interval refused, for all rows it passes on.  Fewer than 8 checkpoints
/// are refused too (stats/jackknife.hpp).  Sizes are not checkpoints: with few N the interval of an exponent of N tells
/// what the checkpoints vary, and not what other sizes would; `leave_out_each_size` stands beside it.  Throws where
/// `measure` gives another number of values.
template <class Measure>
std::vector<named_estimate> jackknife_checkpoints(std::span<const observation> rows,
                                                  std::span<const quantity> quantities, Measure measure) {
  const std::vector<double> whole = measure(rows);
  require(whole.size() == quantities.size(), "a jackknife needs one name for each quantity");
  const std::vector<std::size_t> checkpoints = distinct(rows, &observation::checkpoint);
  std::vector<std::vector<double>> deleted(quantities.size());
  for (const std::size_t checkpoint : checkpoints) {
    std::vector<double> values(quantities.size(), std::numeric_limits<double>::quiet_NaN());
    try {
      values = measure(without(rows, &observation::checkpoint, checkpoint));
    } catch (const error&) {
      // Undetermined without this checkpoint: NaN, for which the interval is refused with that reason.
    }
    for (std::size_t q = 0; q < quantities.size(); ++q)
      deleted[q].push_back(values[q]);
  }
  std::vector<named_estimate> out;
  for (std::size_t q = 0; q < quantities.size(); ++q) {
    out.push_back({quantities[q].name, jackknife(whole[q], deleted[q], {.scale = quantities[q].scale})});
    // The jackknife's reasons speak of groups of rows of text.
    interval& range = out.back().value.range;
    if (range.kind != interval_kind::refused || !std::isfinite(whole[q])) continue;
    if (checkpoints.size() < minimum_groups)
      range.reason = "fewer than 8 checkpoints";
    else if (!std::ranges::all_of(deleted[q], [](double x) { return std::isfinite(x); }))
      range.reason = "the other checkpoints do not determine it";
  }
  return out;
}

/// What a law says of one size that it has not seen.
struct size_left_out {
  double parameters = 0.0;  ///< N
  std::size_t rows = 0;
  double log_error = 0.0;        ///< root mean square of log(law / measured); NaN where the others determine no law
  std::vector<double> refitted;  ///< the quantities without this size; empty where the others determine no law
};

struct sizes_left_out {
  std::vector<size_left_out> sizes;                             ///< rising
  double log_error = std::numeric_limits<double>::quiet_NaN();  ///< over all rows; NaN if any size has none
};

/// Leaves out one N at a time, fits the others, and compares with what was left out.  The least and the greatest N are
/// extrapolated, those between interpolated.  `fit(rows)` gives a law, `predict(law, observation)` what it says in
/// place of the observation's value, `read(law)` quantities to compare.
template <class Fit, class Predict, class Read>
sizes_left_out leave_out_each_size(std::span<const observation> rows, Fit fit, Predict predict, Read read) {
  sizes_left_out out;
  double squares = 0.0;
  for (const double size : distinct(rows, &observation::parameters)) {
    size_left_out one;
    one.parameters = size;
    double sum = 0.0;
    try {
      const auto law = fit(without(rows, &observation::parameters, size));
      for (const observation& each : rows)
        if (each.parameters == size) {
          const double miss = std::log(predict(law, each)) - std::log(each.value);
          sum += miss * miss;
          ++one.rows;
        }
      one.refitted = read(law);
      one.log_error = std::sqrt(sum / static_cast<double>(one.rows));
    } catch (const error&) {
      sum = one.log_error = std::numeric_limits<double>::quiet_NaN();
    }
    squares += sum;
    out.sizes.push_back(std::move(one));
  }
  out.log_error = std::sqrt(squares / static_cast<double>(rows.size()));
  return out;
}

}  // namespace qfa

#endif
