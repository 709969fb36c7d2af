// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_RANDOM_PRUNER_HPP
#define QFA_COMPRESS_RANDOM_PRUNER_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/counter_random.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/kth_smallest.hpp"
#include "qfa/compress/pruning_rule.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Zeroes exactly floor(sparsity n) weights of a tensor, whatever they are: the control for every rule that chooses.
///
/// Each weight has a random number of 32 bits of its own, and those with the smallest go, of equal ones the first
/// first.  So with one seed what goes at a lower sparsity goes at a higher one too, and a search for the sparsity that
/// does a given damage meets no noise.
struct random_pruner {
  double sparsity = 0.0;  ///< 0 to 1
  std::uint64_t seed = 0;

  /// Throws on weights that are not finite; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    finite_row_peaks(weights, info);
    const std::size_t k = count_of_share(sparsity, weights.size());
    if (k == 0) return;
    const counter_random random(seed, info.name, random_use::pruning);
    std::vector<std::uint32_t> keys(weights.size());
    for_each_row(weights, [&](std::size_t r, std::span<float> row) {
      for (std::size_t c = 0; c < row.size(); ++c) {
        const std::size_t element = r * row.size() + c;
        keys[element] = static_cast<std::uint32_t>(random.bits(element) >> 32);
      }
    });
    const ranked_key cut = kth_smallest(k, [&](auto visit) {
      for (const std::uint32_t key : keys)
        visit(key);
    });
    std::size_t equal = k - cut.smaller;  // how many of those at the cut go, in their order
    for (std::size_t r = 0; r < weights.rows(); ++r) {
      const std::span<float> row = weights.row(r);
      for (std::size_t c = 0; c < row.size(); ++c) {
        const std::uint32_t key = keys[r * row.size() + c];
        if (key > cut.key || (key == cut.key && equal == 0)) continue;
        equal -= key == cut.key ? 1U : 0U;
        row[c] = 0.0f;
      }
    }
  }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "prune_random";
  static constexpr std::string_view summary = "control: zero weights at random, exactly so many of each tensor";
  static constexpr auto fields() {
    return std::tuple{field{"sparsity", &random_pruner::sparsity, "the share that goes, 0 to 1", true},
                      field{"seed", &random_pruner::seed, "of the random choice", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where the sparsity is not in [0, 1].
  void validate() const { require_share(sparsity, spec_name, "sparsity"); }
};

static_assert(described_policy<random_pruner> && named_policy<random_pruner>);

}  // namespace qfa

#endif
