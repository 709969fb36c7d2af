// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_ERROR_FEEDBACK_HPP
#define QFA_COMPRESS_ERROR_FEEDBACK_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/compress/calibration.hpp"
#include "qfa/compress/column_quantizer.hpp"
#include "qfa/compress/inverse_factor.hpp"
#include "qfa/compress/needed_statistics.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/simd/rank_update.hpp"

namespace qfa {

/// Weights on their way: in double, columns in the factor's order, those without any input set to 0.
class feedback_weights {
 public:
  feedback_weights(matrix_view<const float> weights, const inverse_factor& factor,
                   simd::rank_update_kernel* update = simd::default_rank_update())
      : factor_(&factor), update_(update), rows_(weights.rows()), values_(weights.size()) {
    for_each_row(weights, [&](std::size_t r, std::span<const float> from) {
      const auto to = row(r);
      for (std::size_t i = 0; i < to.size(); ++i) {
        const std::size_t j = factor.order[i];
        to[i] = factor.silent[j] != 0 ? 0.0 : static_cast<double>(from[j]);
      }
    });
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return factor_->columns(); }
  std::span<double> row(std::size_t r) noexcept { return {values_.data() + r * columns(), columns()}; }
  std::span<const double> row(std::size_t r) const noexcept { return {values_.data() + r * columns(), columns()}; }

  /// Goes through the columns by blocks and passes on what each costs: for column i of row r
  ///
  ///   q = value(r, i, row),  e = (w_i - q) / U_ii,  w_j -= e U_ij for all later j,  w_i = q
  ///
  /// Columns beyond the block are told of its errors when it ends, all of them, which is faster and changes rounding
  /// only.  `row` is row r as it is then: up to date within the block.  `begin_block(first, last)` is called before a
  /// block on one thread, with every weight up to date.  Threads share rows: the bits do not depend on their number.
  template <class BeginBlock, class Value>
  void feed_forward(std::size_t block, BeginBlock begin_block, Value value) {
    const std::size_t n = columns();
    for (std::size_t first = 0; first < n; first += block) {
      const std::size_t last = (std::min)(n, first + block);
      begin_block(first, last);
      parallel_for(block_count(rows_, tile), [&](std::size_t t) {
        const std::size_t top = t * tile, bottom = (std::min)(rows_, top + tile);
        std::vector<double> errors((bottom - top) * (last - first));
        for (std::size_t r = top; r < bottom; ++r)
          within_block(r, first, last, {errors.data() + (r - top) * (last - first), last - first}, value);
        beyond_block(top, bottom, first, last, errors);
      });
    }
  }

  /// Writes the weights back to where they came from.
  void store(matrix_view<float> weights) const {
    for_each_row(weights, [&](std::size_t r, std::span<float> to) {
      const auto from = row(r);
      for (std::size_t i = 0; i < from.size(); ++i)
        to[factor_->order[i]] = static_cast<float>(from[i]);
    });
  }

 private:
  static constexpr std::size_t tile = 16;  // rows that a thread takes at a time

  template <class Value>
  void within_block(std::size_t r, std::size_t first, std::size_t last, std::span<double> errors, const Value& value) {
    const std::span<double> w = row(r);
    for (std::size_t i = first; i < last; ++i) {
      const auto u = factor_->row(i);
      const double q = value(r, i, std::span<const double>(w));
      const double e = (w[i] - q) / u[i];
      update_({w.data() + i + 1, 0}, {&e, 0}, {u.data() + i + 1, 0}, 1, 1, last - i - 1);
      w[i] = q;
      errors[i - first] = e;
    }
  }

  void beyond_block(std::size_t top, std::size_t bottom, std::size_t first, std::size_t last,
                    const std::vector<double>& errors) {
    const std::size_t width = last - first;
    update_({row(top).data() + last, columns()}, {errors.data(), width}, {factor_->row(first).data() + last, columns()},
            bottom - top, width, columns() - last);
  }

  const inverse_factor* factor_;
  simd::rank_update_kernel* update_;
  std::size_t rows_;
  std::vector<double> values_;
};

/// How a column quantizer goes through a matrix.
struct feedback_options {
  std::size_t group = 0;       ///< neighboring columns that share parameters, the last group maybe fewer; 0: the row
  bool static_groups = false;  ///< groups of columns as they stand, parameters found before anything is passed on
  column_order order = column_order::columns;
  double damping = 0.01;    ///< of mean(diag H)
  std::size_t block = 128;  ///< columns between two updates of the rest; changes rounding only
};

/// GPTQ's loop (Frantar et al. 2022) for anybody's quantizer: each column is quantized, and what it costs is made up
/// for by the columns that come after it.
///
/// A row's parameters are found from its original weights, static groups' from those with silent columns at 0.  Those
/// of other groups are found when their first column is reached, from the weights with every update so far.  (gptq.py
/// and AutoGPTQ leave out the updates of the block at hand there.)  These groups are cut from the columns in the order
/// of compression, as in the tools, and blocks are cut so that no group straddles two.
///
/// Throws on weights that are not finite, on calibration without tokens or Gram matrix or of other channels.
template <column_quantizer Q>
void quantize_with_feedback(matrix_view<float> weights, const tensor_info& info, const calibration& known,
                            const Q& quantizer, const feedback_options& options = {}) {
  if (weights.empty()) return;
  require(options.block > 0, "error feedback needs blocks of at least one column");
  require_gram(known, weights.columns(), "error feedback", info);
  finite_row_peaks(weights, info);
  const inverse_factor factor = factor_inverse(known.inputs, info, options.damping, options.order);
  feedback_weights w(weights, factor);

  const std::size_t n = weights.columns();
  const std::size_t group = options.group == 0 ? n : (std::min)(options.group, n);
  const std::size_t groups = block_count(n, group);
  const bool on_the_way = options.group != 0 && !options.static_groups;
  std::vector<typename Q::parameters> found(weights.rows() * groups);
  if (!on_the_way)
    for_each_row(matrix_view<const float>(weights), [&](std::size_t r, std::span<const float> row) {
      std::vector<double> original(row.begin(), row.end());
      if (options.group != 0)
        for (std::size_t j = 0; j < n; ++j)
          if (factor.silent[j] != 0) original[j] = 0.0;
      for (std::size_t g = 0; g < groups; ++g)
        found[r * groups + g] =
            quantizer.find(std::span<const double>(original).subspan(g * group, (std::min)(group, n - g * group)));
    });

  const std::size_t block = !on_the_way ? options.block : (std::max)(group, options.block - options.block % group);
  w.feed_forward(
      block, [](std::size_t, std::size_t) {},
      [&](std::size_t r, std::size_t i, std::span<const double> row) {
        auto* const of_row = found.data() + r * groups;
        if (on_the_way && i % group == 0) of_row[i / group] = quantizer.find(row.subspan(i, (std::min)(group, n - i)));
        return quantizer.value(row[i], of_row[(on_the_way ? i : factor.order[i]) / group]);
      });
  w.store(weights);
}

}  // namespace qfa

#endif
