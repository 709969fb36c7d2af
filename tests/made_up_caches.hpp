// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MADE_UP_CACHES_HPP
#define QFA_TESTS_MADE_UP_CACHES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "qfa/cache/policy.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa_test {

inline void round_rows(qfa::matrix_view<float> x, std::size_t first, std::size_t last, float step) {
  for (std::size_t t = first; t < last; ++t)
    for (float& v : x.row(t))
      v = std::nearbyint(v / step) * step;
}

/// Rounds what is new.
struct rounding_cache {
  qfa::cache_point point = qfa::cache_point::after_rope;
  qfa::attention_reads reads = qfa::attention_reads::stored;
  float step = 0.25f;
  void operator()(qfa::matrix_view<float> keys, qfa::matrix_view<float> values, const qfa::cache_update& u) const {
    round_rows(keys, u.first_new, keys.rows(), step);
    round_rows(values, u.first_new, values.rows(), step);
  }
  std::string name() const { return "rounding"; }
};

/// Waits for `block` tokens, counting them itself; then rounds them by the largest among them, and with them, a little
/// coarser, all that it had rounded before.
struct waiting_cache {
  qfa::cache_point point = qfa::cache_point::after_rope;
  qfa::attention_reads reads = qfa::attention_reads::arrived;
  std::size_t block = 4;
  std::size_t waiting = 0;
  void operator()(qfa::matrix_view<float> keys, qfa::matrix_view<float> values, const qfa::cache_update& u) {
    waiting += keys.rows() - u.first_new;
    if (waiting < block) return;
    float peak = 0.125f;
    for (std::size_t t = keys.rows() - waiting; t < keys.rows(); ++t)
      for (const float k : keys.row(t))
        peak = (std::max)(peak, std::abs(k));
    round_rows(keys, 0, keys.rows(), peak / 7.0f);
    round_rows(values, 0, values.rows(), peak / 7.0f);
    waiting = 0;
  }
  std::string name() const { return "waiting"; }
};

}  // namespace qfa_test

#endif
