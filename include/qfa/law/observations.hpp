// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_OBSERVATIONS_HPP
#define QFA_LAW_OBSERVATIONS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace qfa {

/// One model, trained once and quantized once: what a law is fitted to.
struct observation {
  double parameters = 0.0;                                        ///< N, without embeddings
  double tokens = 0.0;                                            ///< D
  double bits = 0.0;                                              ///< P after training
  double value = 0.0;                                             ///< degradation in nats, feature noise, or a loss
  double trained_bits = std::numeric_limits<double>::infinity();  ///< of the weights while training
  std::size_t checkpoint = 0;  ///< observations of one trained model have one number, counted from 0
};

/// Observations whose logarithm exists, and how many there were without.
struct log_observations {
  std::vector<observation> rows;
  std::size_t left_out = 0;  ///< zero or negative: no logarithm, so the fit knows nothing of them

  explicit log_observations(std::span<const observation> all) {
    for (const observation& each : all)
      if (each.value > 0.0 && std::isfinite(each.value))
        rows.push_back(each);
      else if (!std::isnan(each.value))
        ++left_out;
  }
};

/// The values that occur, in rising order.
template <class Value>
std::vector<Value> distinct(std::span<const observation> rows, Value observation::*field) {
  std::vector<Value> values;
  for (const observation& each : rows)
    values.push_back(each.*field);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

/// Those whose field is not `value`.
template <class Value>
std::vector<observation> without(std::span<const observation> rows, Value observation::*field, Value value) {
  std::vector<observation> kept;
  for (const observation& each : rows)
    if (each.*field != value) kept.push_back(each);
  return kept;
}

}  // namespace qfa

#endif
