// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GPTQ_HPP
#define QFA_COMPRESS_GPTQ_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/calibration.hpp"
#include "qfa/compress/column_quantizer.hpp"
#include "qfa/compress/error_feedback.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/inverse_factor.hpp"
#include "qfa/compress/needed_statistics.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// GPTQ (Frantar et al. 2022): rounds to an integer grid column by column, and lets the columns not yet rounded make up
/// for the error on the calibration inputs.  The loop is `quantize_with_feedback`, the grid `gptq_grid`; the defaults
/// are those of AutoGPTQ, whose groups have 128 columns.
///
/// Scales stay in double until the value is rounded to float; files store them as fp16.
struct gptq {
  int bits = 4;
  std::size_t group = 128;
  bool symmetric = true;
  double damping = 0.01;
  column_order order = column_order::columns;
  bool static_groups = false;
  std::size_t block = 128;
  bool mse = false;

  /// Throws, and leaves the weights as they were, on weights that are not finite and without the Gram matrix.
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    validate();
    require_gram(known, weights.columns(), spec_name, info);
    quantize_with_feedback(
        weights, info, known, gptq_grid{.bits = bits, .symmetric = symmetric, .mse = mse},
        {.group = group, .static_groups = static_groups, .order = order, .damping = damping, .block = block});
  }

  static constexpr calibration_needs needs() noexcept { return {.channels = true, .gram = true}; }

  /// As files hold them; 32 bits a column for its group besides, where the order of columns scatters groups.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const noexcept {
    const bool several = group != 0 && block_count(columns, group) > 1;
    const bool scattered = order == column_order::activation && !static_groups && several;
    return grouped_code_bits(rows, columns, group, bits) + (scattered ? 32.0 * static_cast<double>(columns) : 0.0);
  }

  static constexpr std::string_view spec_name = "gptq";
  static constexpr std::string_view summary =
      "round column by column, later columns making up for the error on calibration tokens";
  static constexpr auto fields() {
    return std::tuple{
        field{"bits", &gptq::bits, "2 to 8"},
        field{"group", &gptq::group, "columns that share a scale, 0 for all of a row"},
        field{"symmetric", &gptq::symmetric, "a grid around zero, or from the smallest to the largest weight"},
        field{"damping", &gptq::damping, "share of the Hessian's mean diagonal that is added to it"},
        field{"order", &gptq::order, "which columns come first: as they stand, or the most active (act-order)"},
        field{"static_groups", &gptq::static_groups, "find the groups' scales before any column changes"},
        field{"block", &gptq::block, "columns between two updates of the rest; changes rounding only"},
        field{"mse", &gptq::mse, "search for the grid with the least error instead of covering all weights"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits outside 2 to 8, damping outside (0, 1), an empty block, and static_groups without groups.
  void validate() const {
    if (bits < 2 || bits > 8) fail("gptq's bits must lie between 2 and 8, not be " + std::to_string(bits));
    if (!(damping > 0.0 && damping < 1.0))
      fail("gptq's damping must lie between 0 and 1, both excluded, not be " + value_to_text(damping));
    if (block == 0) fail("gptq's block must have at least one column");
    if (static_groups && group == 0) fail("gptq's static_groups=true means something with groups of columns only");
  }
};

static_assert(described_policy<gptq> && named_policy<gptq> && calibrated_policy<gptq>);

}  // namespace qfa

#endif
