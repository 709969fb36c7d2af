// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_MAGNITUDE_PRUNER_HPP
#define QFA_COMPRESS_MAGNITUDE_PRUNER_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/kth_smallest.hpp"
#include "qfa/compress/pruning_rule.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/compress/weight_scope.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Sets the smallest weights of each tensor to zero, by default as arXiv 2606.03002 does:
///
///   k = floor(sparsity n),  w <- 0 where |w| <= the k-th smallest |w|
///
/// Weights that tie with the k-th go too, so that more than k may; where k = 0 none goes.  The product is taken in
/// double, as Python takes int(sparsity * n): 0.29 of 100 are 28.  Per row, n is the number of columns and each row has
/// a threshold of its own.
struct magnitude_pruner {
  double sparsity = 0.0;  ///< 0 to 1
  weight_scope per = weight_scope::tensor;
  pruning_rule rule = pruning_rule::paper;

  /// Throws on weights that are not finite; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    finite_row_peaks(weights, info);
    const bool by_row = per == weight_scope::row;
    const std::size_t k = threshold_rank(rule, sparsity, by_row ? weights.columns() : weights.size());
    if (k == 0) return;
    const float of_tensor = by_row ? 0.0f : kth_smallest_magnitude(weights, k);
    for_each_row(weights, [&](std::size_t, std::span<float> row) {
      zero_at_most(row, by_row ? kth_smallest_magnitude(std::span<const float>(row), k) : of_tensor);
    });
  }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "prune";
  static constexpr std::string_view summary = "zero the smallest magnitudes of each tensor, ties with the last too";
  static constexpr auto fields() {
    return std::tuple{field{"sparsity", &magnitude_pruner::sparsity, "the share that goes, 0 to 1", true},
                      field{"per", &magnitude_pruner::per, "which weights share a threshold"},
                      field{"rule", &magnitude_pruner::rule, "paper: floor(sparsity n) go; wanda: one more"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where the sparsity is not in [0, 1].
  void validate() const { require_share(sparsity, spec_name, "sparsity"); }
};

static_assert(described_policy<magnitude_pruner> && named_policy<magnitude_pruner>);

}  // namespace qfa

#endif
