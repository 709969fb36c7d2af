// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_NUMERICS_FLOOR_HPP
#define QFA_CONTROLS_NUMERICS_FLOOR_HPP

#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/activation_edit.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/controls/survival_transfer.hpp"
#include "qfa/core/half.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/percentile.hpp"

namespace qfa {

/// A model with every weight rounded to bfloat16 once; tensors that are so already stay shared.
inline language_model rounded_to_bf16(const language_model& model) {
  language_model out = model;
  for (auto& entry : out.tensors) {
    std::vector<float> values = *entry.second.values;
    for (float& x : values)
      x = round_to_bf16(x);
    if (values != *entry.second.values) entry.second = share(entry.second.shape, std::move(values), entry.second.bits);
  }
  return out;
}

/// Rounds what blocks hand on to bfloat16, each of the residual stream's values once a block up to layer `last`: what a
/// model in bfloat16 cannot avoid, whatever it computes in.
inline std::vector<activation_edit> residual_in_bf16(std::size_t last) {
  std::vector<activation_edit> edits;
  for (std::size_t layer = 0; layer <= last; ++layer)
    edits.push_back({{layer, hook_kind::resid_post}, [](std::size_t, matrix_view<float> x) {
                       parallel_for(x.rows(), [&](std::size_t t) {
                         for (float& v : x.row(t))
                           v = round_to_bf16(v);
                       });
                     }});
  return edits;
}

/// What arithmetic of fewer digits does to the features by itself.  Below tau_null, the 1 % quantile of r under such a
/// floor, r tells of more than numerics.
struct numerics_floor {
  std::string what;                                         ///< was rounded
  double tau = std::numeric_limits<double>::quiet_NaN();    ///< tau_null
  double least = std::numeric_limits<double>::quiet_NaN();  ///< r
  std::array<double, 2> tau_of_half{};  ///< the same quantile on the even groups of rows alone, and on the odd ones
  bool exact = false;                   ///< rounding changed nothing: the weights are of that type already

  /// Share of a condition's features whose r lies below, by how much more than numerics they are damaged; on logit.  A
  /// threshold that rows chose is applied to other rows: that of the even groups to the odd ones, and the other way
  /// round, averaged.  Needs `half_shift`.
  estimate beyond(const damage_sample& s) const {
    const auto share = [&](std::size_t g) {
      return both_ways([&](bool odd) {
        double count = 0.0;
        for (const double r : s.half_without(!odd, g))
          count += r < tau_of_half[odd ? 1 : 0];
        return ratio(count, static_cast<double>(s.features()));
      });
    };
    return jackknife(share(s.groups), s.groups, share, {.scale = interval_scale::logit});
  }
};

inline numerics_floor floor_of(std::string what, const damage_sample& rounded) {
  numerics_floor out{.what = std::move(what), .exact = rounded.changed == 0};
  out.tau = percentile(rounded.r, 1.0);
  out.least = percentile(rounded.r, 0.0);
  out.tau_of_half = {percentile(rounded.even, 1.0), percentile(rounded.odd, 1.0)};
  return out;
}

}  // namespace qfa

#endif
