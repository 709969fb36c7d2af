// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_WANDA_HPP
#define QFA_COMPRESS_WANDA_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/lowest_scores.hpp"
#include "qfa/compress/needed_statistics.hpp"
#include "qfa/compress/weight_rows.hpp"

namespace qfa {

/// Wanda (Sun et al. 2023): prunes what matters least to the outputs, by weight and by what the weight meets.
///
///   score_ij = |w_ij| sqrt(sum x_j^2 / tokens)
///
/// Each row loses its int(columns sparsity) lowest scores, or `zeroed` of each `of` columns; of equal scores the first
/// goes.  The tool divides by the number of samples, not of tokens, which moves all scores alike.  Scores are in
/// double, its are in float.
struct wanda {
  double sparsity = 0.5;
  std::size_t zeroed = 0;
  std::size_t of = 0;

  /// Throws, and leaves the weights as they were, on weights that are not finite, on columns that `of` does not divide,
  /// and without calibration.
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    validate();
    if (weights.empty()) return;
    require_channels(known, weights.columns(), spec_name, quoted(info));
    pattern().require_fits(weights.columns(), spec_name, info);
    finite_row_peaks(weights, info);
    const auto tokens = static_cast<double>(known.inputs.tokens());
    std::vector<double> size_of_input(weights.columns());
    for (std::size_t j = 0; j < size_of_input.size(); ++j)
      size_of_input[j] = std::sqrt(known.inputs.sum_square()[j] / tokens);

    const std::size_t run = zeroed == 0 ? weights.columns() : of;
    const std::size_t lost = zeroed == 0 ? pattern().count(run) : zeroed;
    for_each_row(weights, [&](std::size_t, std::span<float> row) {
      std::vector<double> score(row.size());
      std::vector<std::uint8_t> pruned(row.size());
      for (std::size_t j = 0; j < row.size(); ++j)
        score[j] = std::fabs(static_cast<double>(row[j])) * size_of_input[j];
      for (std::size_t first = 0; first < row.size(); first += run)
        mark_lowest(std::span<const double>(score).subspan(first, run), lost,
                    std::span<std::uint8_t>(pruned).subspan(first, run));
      for (std::size_t j = 0; j < row.size(); ++j)
        if (pruned[j] != 0) row[j] = 0.0f;
    });
  }

  static constexpr calibration_needs needs() noexcept { return {.channels = true}; }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "wanda";
  static constexpr std::string_view summary = "zero the smallest |w| |x| of each row, as calibration tokens have x";
  static constexpr auto fields() {
    return std::tuple{field{"sparsity", &wanda::sparsity, "the share of each row that goes, 0 to 1"},
                      field{"zeroed", &wanda::zeroed, "instead: how many go of each few columns"},
                      field{"of", &wanda::of, "how many columns those are"}};
  }
  std::string name() const { return pattern().named(spec_of(*this)); }

  /// Throws as pruning_pattern::validate.
  void validate() const { pattern().validate(spec_name); }

 private:
  pruning_pattern pattern() const noexcept { return {.sparsity = sparsity, .zeroed = zeroed, .of = of}; }
};

static_assert(described_policy<wanda> && named_policy<wanda> && calibrated_policy<wanda>);

}  // namespace qfa

#endif
