// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_THRESHOLD_PRUNER_HPP
#define QFA_COMPRESS_THRESHOLD_PRUNER_HPP

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/pruning_rule.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Sets every weight to zero whose magnitude does not exceed a given one, the same in all tensors.  A policy sees one
/// tensor at a time: the threshold of a whole model is found beforehand, by global_pruner (model/global_prune.hpp).
struct threshold_pruner {
  float at_most = -1.0f;  ///< finite; below 0 no weight goes, at 0 zeros lose their sign

  /// Throws on weights that are not finite; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    finite_row_peaks(weights, info);
    for_each_row(weights, [this](std::size_t, std::span<float> row) { zero_at_most(row, at_most); });
  }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "prune_threshold";
  static constexpr std::string_view summary = "zero the magnitudes up to one that all tensors share";
  static constexpr auto fields() {
    return std::tuple{field{"at_most", &threshold_pruner::at_most, "the largest magnitude that goes", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where at_most is not finite.
  void validate() const {
    if (!std::isfinite(at_most)) fail("prune_threshold's at_most must be finite, not " + value_to_text(at_most));
  }
};

static_assert(described_policy<threshold_pruner> && named_policy<threshold_pruner>);

}  // namespace qfa

#endif
