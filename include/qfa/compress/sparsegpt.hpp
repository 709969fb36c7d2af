// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_SPARSEGPT_HPP
#define QFA_COMPRESS_SPARSEGPT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/calibration.hpp"
#include "qfa/compress/column_quantizer.hpp"
#include "qfa/compress/error_feedback.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/inverse_factor.hpp"
#include "qfa/compress/lowest_scores.hpp"
#include "qfa/compress/needed_statistics.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// SparseGPT (Frantar and Alistarh 2023): GPTQ's loop with zero as the value of a pruned weight, so that the weights
/// that stay make up for those that go.
///
///   score_ij = w_ij^2 / U_jj^2
///
/// By share: at the start of a block, pruned are all scores of the block, over all rows, that do not exceed
/// sorted(scores)[int(count sparsity)], so at least one more than int(count sparsity); none where the sparsity is 0. By
/// pattern: at each `of`-th column, the `zeroed` lowest of the next `of` in each row, by the weights as they are then;
/// blocks are cut so that no `of` columns straddle two.
///
/// With `bits` the weights that stay are rounded to GPTQ's grid of their original row.
struct sparsegpt {
  double sparsity = 0.5;
  std::size_t zeroed = 0;
  std::size_t of = 0;
  int bits = 0;
  bool symmetric = true;
  double damping = 0.01;
  std::size_t block = 128;

  /// Throws, and leaves the weights as they were, on weights that are not finite, on columns that `of` does not divide,
  /// and without the Gram matrix.
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    validate();
    if (weights.empty()) return;
    require_gram(known, weights.columns(), spec_name, info);
    pattern().require_fits(weights.columns(), spec_name, info);
    finite_row_peaks(weights, info);
    const inverse_factor factor = factor_inverse(known.inputs, info, damping);
    feedback_weights w(weights, factor);

    const gptq_grid grid{.bits = bits, .symmetric = symmetric};
    std::vector<gptq_grid::parameters> found(bits == 0 ? 0 : weights.rows());
    if (bits != 0)
      for_each_row(matrix_view<const float>(weights), [&](std::size_t r, std::span<const float> row) {
        found[r] = grid.find(std::vector<double>(row.begin(), row.end()));
      });

    const std::size_t columns = weights.columns();
    std::vector<std::uint8_t> pruned(weights.size(), 0);
    const auto choose_by_share = [&](std::size_t first, std::size_t last) {
      if (!pattern().structured()) mark_below_threshold(w, factor, first, last, pruned);
    };
    const std::size_t width = zeroed == 0 ? block : (std::max)(of, block - block % of);
    w.feed_forward(width, choose_by_share, [&](std::size_t r, std::size_t i, std::span<const double> row) {
      std::uint8_t* const of_row = pruned.data() + r * columns;
      if (zeroed != 0 && i % of == 0) {
        std::vector<double> score(of);
        for (std::size_t k = 0; k < of; ++k)
          score[k] = score_of(row[i + k], factor, i + k);
        mark_lowest(score, zeroed, {of_row + i, of});
      }
      if (of_row[i] != 0) return 0.0;
      return bits == 0 ? row[i] : grid.value(row[i], found[r]);
    });
    w.store(weights);
  }

  static constexpr calibration_needs needs() noexcept { return {.channels = true, .gram = true}; }

  /// With `bits`: the codes of those that stay by share or pattern, an fp16 scale and a zero a row, and, where any go
  /// at all, a bit a weight for which.  About, by share: each block loses a weight more than its share, and ties
  /// besides. Without `bits` nothing is known of how many a weight keeps.
  std::optional<double> stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    if (bits == 0) return std::nullopt;
    const double share = zeroed == 0 ? sparsity : static_cast<double>(zeroed) / static_cast<double>(of);
    const double mask = share > 0.0 ? 1.0 : 0.0;
    return static_cast<double>(rows * columns) * (mask + (1.0 - share) * bits) +
           static_cast<double>(rows) * (16 + bits);
  }

  static constexpr std::string_view spec_name = "sparsegpt";
  static constexpr std::string_view summary =
      "zero weights block by block, later columns making up for the error on calibration tokens";
  static constexpr auto fields() {
    return std::tuple{field{"sparsity", &sparsegpt::sparsity, "the share of each block that goes, 0 to 1"},
                      field{"zeroed", &sparsegpt::zeroed, "instead: how many go of each few columns"},
                      field{"of", &sparsegpt::of, "how many columns those are"},
                      field{"bits", &sparsegpt::bits, "2 to 8 for the weights that stay, 0 to leave them in full"},
                      field{"symmetric", &sparsegpt::symmetric, "their grid: around zero, or from smallest to largest"},
                      field{"damping", &sparsegpt::damping, "share of the Hessian's mean diagonal that is added to it"},
                      field{"block", &sparsegpt::block, "columns that are pruned together"}};
  }
  std::string name() const { return pattern().named(spec_of(*this)); }

  /// Throws for a pattern that is none, bits that are neither 0 nor 2 to 8, damping outside (0, 1), an empty block, and
  /// symmetric=false without bits.
  void validate() const {
    pattern().validate(spec_name);
    if (bits != 0 && (bits < 2 || bits > 8))
      fail("sparsegpt's bits must lie between 2 and 8 or be 0, not be " + std::to_string(bits));
    if (!(damping > 0.0 && damping < 1.0))
      fail("sparsegpt's damping must lie between 0 and 1, both excluded, not be " + value_to_text(damping));
    if (block == 0) fail("sparsegpt's block must have at least one column");
    if (!symmetric && bits == 0) fail("sparsegpt's symmetric=false means something with bits only");
  }

 private:
  pruning_pattern pattern() const noexcept { return {.sparsity = sparsity, .zeroed = zeroed, .of = of}; }

  static double score_of(double w, const inverse_factor& factor, std::size_t i) noexcept {
    const double u = factor.row(i)[i];
    return w * w / (u * u);
  }

  void mark_below_threshold(const feedback_weights& w, const inverse_factor& factor, std::size_t first,
                            std::size_t last, std::vector<std::uint8_t>& pruned) const {
    if (sparsity == 0.0) return;
    const std::size_t width = last - first;
    std::vector<double> score(w.rows() * width);
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (std::size_t i = first; i < last; ++i)
        score[r * width + i - first] = score_of(w.row(r)[i], factor, i);
    std::vector<double> ranked = score;
    const auto k =
        ranked.begin() + static_cast<std::ptrdiff_t>((std::min)(pattern().count(score.size()), score.size() - 1));
    std::ranges::nth_element(ranked, k);
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (std::size_t i = first; i < last; ++i)
        pruned[r * w.columns() + i] = score[r * width + i - first] <= *k ? 1 : 0;
  }
};

static_assert(described_policy<sparsegpt> && named_policy<sparsegpt> && calibrated_policy<sparsegpt>);

}  // namespace qfa

#endif
