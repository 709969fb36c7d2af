// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_GLOBAL_PRUNE_HPP
#define QFA_MODEL_GLOBAL_PRUNE_HPP

#include <cstddef>
#include <vector>

#include "qfa/compress/kth_smallest.hpp"
#include "qfa/compress/pruning_rule.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/compress/threshold_pruner.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/logical_tensors.hpp"

namespace qfa {

/// Global magnitude pruning: the policy that prunes `model`'s chosen matrices as if they were one tensor, by either of
/// magnitude_pruner's rules.  Its threshold is that of this model and these targets: compress these.
///
///   compress(model, global_pruner(model, 0.5, targets), targets)
///
/// Throws where the sparsity is no share, a target pattern matches nothing or a weight is not finite.
inline threshold_pruner global_pruner(const language_model& model, double sparsity, const target_patterns& targets = {},
                                      pruning_rule rule = pruning_rule::paper) {
  require_share(sparsity, "global pruning", "sparsity");
  std::vector<matrix_view<const float>> matrices;
  std::size_t weights = 0;
  for (const logical_tensor& tensor : detail::chosen_tensors(model.config, targets, false)) {
    matrices.push_back(tensor.of(model.at(tensor.slice.weight).data()));
    finite_row_peaks(matrices.back(), tensor.info);
    weights += matrices.back().size();
  }
  const std::size_t k = threshold_rank(rule, sparsity, weights);
  return k == 0 ? threshold_pruner{} : threshold_pruner{.at_most = kth_smallest_magnitude(matrices, k)};
}

}  // namespace qfa

#endif
